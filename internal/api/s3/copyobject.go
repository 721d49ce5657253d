package s3api

import (
	"errors"
	"net/url"
	"strings"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// headerCopySource names the source of a copy: "bucket/key", URL-encoded, with
// or without a slash before it and a version id after it.
const headerCopySource = "X-Amz-Copy-Source"

// directiveReplace is the value of a directive by which a copy has metadata or
// tags of its own.
const directiveReplace = "REPLACE"

// copyObject answers CopyObject.
func copyObject(h *Handler, w *response, r *request) error {
	if err := checkKey(r.key); err != nil {
		return err
	}
	if err := refuseUnsupported(r); err != nil {
		return err
	}
	if err := h.checkUploadACL(r); err != nil {
		return err
	}
	from, err := h.copySource(r)
	if err != nil {
		return err
	}
	var copied string // the version
	in := object.CopyInput{
		SourceBucket: from.bucket, SourceKey: from.key, SourceVersion: from.version,
		Bucket: r.bucket, Key: r.key, Request: r.event(), StorageClass: r.storageClass(),
		CheckSource: func(source object.Info) error {
			copied = source.VersionID
			if err := checkSourceConditions(r, source); err != nil {
				return err
			}
			return h.authorizeTags(r, from, source)
		},
	}
	if in.Replace, err = replaces(r, "X-Amz-Metadata-Directive", "metadata"); err != nil {
		return err
	}
	if in.Replace {
		if in.Metadata, err = metadata(r); err != nil {
			return err
		}
	}
	if in.ReplaceTags, err = replaces(r, headerTaggingDirective, "tagging"); err != nil {
		return err
	}
	if in.ReplaceTags {
		if in.Tags, err = h.newTags(r); err != nil {
			return err
		}
	}
	if in.IfMatch, in.IfNoneMatch, err = putConditions(r); err != nil {
		return err
	}
	if in.Checksum, err = r.askedAlgorithm(); err != nil {
		return err
	}
	if in.Lock, err = h.newLock(r); err != nil {
		return err
	}
	if in.Encryption, err = r.encryption(); err != nil {
		return err
	}
	if in.SourceCustomerKey, err = r.sourceKey(); err != nil {
		return err
	}
	info, err := h.Service.Copy(r.Context(), in)
	if err != nil {
		return sourceError(err)
	}
	w.setWrittenEncryption(info.Encryption, in.Encryption.CustomerKey)
	w.setVersion(info.VersionID)
	h.tellExpiration(w, r, info)
	w.setSourceVersion(copied)
	d := h.document()
	defer h.release(d)
	d.root("CopyObjectResult")
	d.time("LastModified", info.Modified)
	d.etag(info.ETag)
	d.checksumOfObject(info.Checksum)
	d.close("CopyObjectResult")
	return w.ok(d)
}

// copySource is the source of a copy; version is empty for the latest.
type copySource struct{ bucket, key, version string }

// copySource reads the source of a copy, and makes sure that the caller may read
// it.
func (h *Handler) copySource(r *request) (copySource, error) {
	source, err := parseCopySource(r.head(headerCopySource))
	if err != nil {
		return source, err
	}
	action := iam.ActionGetObject
	if source.version != "" {
		action = action.OfVersion()
	}
	r.sourceBucket = source.bucket
	return source, h.authorizeVersion(r, action, source)
}

// authorizeTags makes sure that the caller may read the tags that a copy takes
// over, and give them to it ("CopyObject", permissions).
func (h *Handler) authorizeTags(r *request, from copySource, source object.Info) error {
	if r.head(headerTaggingDirective) == directiveReplace || len(source.Tags) == 0 {
		return nil
	}
	action := iam.ActionGetObjectTagging
	if from.version != "" {
		action = action.OfVersion()
	}
	r.tags = source.Tags
	if err := h.authorizeVersion(r, action, from); err != nil {
		return err
	}
	return h.authorize(r, iam.ActionPutObjectTagging, r.bucket, r.key)
}

func parseCopySource(value string) (source copySource, err error) {
	path, version, _ := strings.Cut(value, "?versionId=")
	if version != "" {
		if err := object.CheckVersionID(version); err != nil {
			return source, err
		}
	}
	path, err = url.PathUnescape(path)
	if err != nil {
		return source, errInvalidArgument.says("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	source.version = version
	source.bucket, source.key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !s3.ValidBucketName(source.bucket) || checkKey(source.key) != nil {
		return copySource{}, errInvalidArgument.says("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	return source, nil
}

// sourceError answers a copy of what is a delete marker ("CopyObject").
func sourceError(err error) error {
	var marker *object.MarkerError
	switch {
	case !errors.As(err, &marker):
		return err
	case errors.Is(err, object.ErrDeleteMarker):
		return errInvalidRequest.says("The source of a copy request may not specifically refer to a delete marker by version id.")
	}
	return object.ErrNoSuchKey // and nothing of the marker
}

// setSourceVersion names the version that was copied, if it has a name.
func (w *response) setSourceVersion(id string) {
	if id != "" {
		w.set(headerSourceVersionID, id)
	}
}

// replaces reads a directive: whether the copy gets metadata or tags of its own,
// or its source's.
func replaces(r *request, header, of string) (bool, error) {
	switch r.head(header) {
	case "", "COPY":
		return false, nil
	case directiveReplace:
		return true, nil
	}
	return false, errInvalidArgument.says("Unknown " + of + " directive.")
}
