package s3api

import (
	"net/url"
	"strings"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// headerCopySource names the source of a copy: "bucket/key", URL-encoded, with
// or without a slash before it and a version id after it.
const headerCopySource = "X-Amz-Copy-Source"

// copyObject answers CopyObject.
func copyObject(h *Handler, w *response, r *request) error {
	if err := checkKey(r.key); err != nil {
		return err
	}
	if err := refuseUnsupported(r); err != nil {
		return err
	}
	in := object.CopyInput{
		Bucket: r.bucket, Key: r.key, Request: r.event(), StorageClass: r.storageClass(),
		CheckSource: func(source object.Info) error { return checkSourceConditions(r, source) },
	}
	var err error
	if in.SourceBucket, in.SourceKey, err = h.copySource(r); err != nil {
		return err
	}
	if in.Replace, err = replaces(r); err != nil {
		return err
	}
	if in.Replace {
		if in.Metadata, err = metadata(r); err != nil {
			return err
		}
	}
	if in.IfMatch, in.IfNoneMatch, err = putConditions(r); err != nil {
		return err
	}
	if in.Checksum, err = r.askedAlgorithm(); err != nil {
		return err
	}
	info, err := h.Service.Copy(r.Context(), in)
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.root("CopyObjectResult")
	d.time("LastModified", info.Modified)
	d.etag(info.ETag)
	d.checksumOfObject(info.Checksum)
	d.close("CopyObjectResult")
	return w.ok(d)
}

// copySource reads the source of a copy, and makes sure that the caller may read
// it.
func (h *Handler) copySource(r *request) (bucket, key string, err error) {
	bucket, key, err = parseCopySource(r.head(headerCopySource))
	if err != nil {
		return "", "", err
	}
	return bucket, key, h.authorize(r, iam.ActionGetObject, bucket, key)
}

func parseCopySource(value string) (bucket, key string, err error) {
	path, version, versioned := strings.Cut(value, "?versionId=")
	if versioned && version != "" && version != "null" {
		return "", "", errNoSuchVersion
	}
	path, err = url.PathUnescape(path)
	if err != nil {
		return "", "", errInvalidArgument.says("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	bucket, key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !s3.ValidBucketName(bucket) || checkKey(key) != nil {
		return "", "", errInvalidArgument.says("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	return bucket, key, nil
}

// replaces reads what becomes of the source's metadata. Tags are not kept, so
// that nothing but to leave them alone can be asked for.
func replaces(r *request) (bool, error) {
	switch r.head("X-Amz-Tagging-Directive") {
	case "", "COPY":
	default:
		return false, errNotImplemented.says("The header x-amz-tagging-directive is implemented for COPY only.")
	}
	switch r.head("X-Amz-Metadata-Directive") {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	}
	return false, errInvalidArgument.says("Unknown metadata directive.")
}
