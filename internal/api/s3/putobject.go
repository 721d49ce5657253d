package s3api

import (
	"net/http"
	"strings"

	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// putObject answers PutObject. The body goes to the object layer in one pass,
// verified on the way; the answer comes when all of it is durable.
func putObject(h *Handler, w *response, r *request) error {
	if err := checkKey(r.key); err != nil {
		return err
	}
	if err := refuseUnsupported(r); err != nil {
		return err
	}
	if err := h.checkUploadACL(r); err != nil {
		return err
	}
	size, err := bodySize(r)
	if err != nil {
		return err
	}
	if isTrue(r.head(headerAutoExtract)) {
		return extractArchive(h, w, r)
	}
	in := object.PutInput{
		Bucket: r.bucket, Key: r.key, Body: r.body, Size: size, Request: r.event(), StorageClass: r.storageClass(),
	}
	if in.ContentMD5, err = contentMD5(r); err != nil {
		return err
	}
	if in.Metadata, err = metadata(r); err != nil {
		return err
	}
	if in.IfMatch, in.IfNoneMatch, err = putConditions(r); err != nil {
		return err
	}
	if in.Checksum, err = r.bodyChecksum(); err != nil {
		return err
	}
	if in.Tags, err = h.newTags(r); err != nil {
		return err
	}
	if in.Lock, err = h.lockOfBody(r); err != nil {
		return err
	}
	if in.Encryption, err = r.encryption(); err != nil {
		return err
	}
	info, err := h.Service.Put(r.Context(), in)
	if err != nil {
		return err
	}
	w.set("Etag", `"`+info.ETag+`"`)
	w.setVersion(info.VersionID)
	w.setWrittenEncryption(info.Encryption, in.Encryption.CustomerKey)
	h.tellExpiration(w, r, info)
	if info.Checksum != nil {
		w.setChecksum(info.Checksum)
		w.set(headerChecksumType, info.Checksum.Type().String())
	}
	return w.empty(http.StatusOK)
}

// bodySize is the announced size of an object or part.
func bodySize(r *request) (int64, error) {
	size := r.body.Size()
	switch {
	case size < 0:
		return 0, errMissingContentLength
	case size > s3.MaxPutBytes: // which is s3.MaxPartBytes too
		return 0, errEntityTooLarge
	}
	return size, nil
}

func checkKey(key string) error {
	switch {
	case len(key) > s3.MaxKeyBytes:
		return errKeyTooLong
	case !s3.ValidObjectKey(key):
		return errXMinioInvalidObjectName
	}
	return nil
}

// refuseUnsupported refuses what would be lost without a word.
func refuseUnsupported(r *request) error {
	for _, name := range [...]string{"X-Amz-Website-Redirect-Location", "X-Amz-Write-Offset-Bytes"} {
		if _, ok := r.Header[name]; ok {
			return errNotImplemented.says("The header " + strings.ToLower(name) + " is not implemented.")
		}
	}
	switch r.head(headerStorageClass) {
	case "", s3.StorageStandard, s3.StorageReducedRedundancy:
		return nil
	}
	return errInvalidStorageClass
}

const headerStorageClass = "X-Amz-Storage-Class"

// storageClass is the class that refuseUnsupported let pass, as the object layer
// has it.
func (r *request) storageClass() string {
	if class := r.head(headerStorageClass); class != s3.StorageStandard {
		return class
	}
	return ""
}

// toldClass is a class as documents have it.
func toldClass(class string) string {
	if class == "" {
		return s3.StorageStandard
	}
	return class
}

// putConditions reads the conditions on the key that is written.
func putConditions(r *request) (ifMatch, ifNoneMatch string, err error) {
	if ifMatch, err = putCondition(r.head("If-Match")); err != nil {
		return "", "", err
	}
	ifNoneMatch, err = putCondition(r.head("If-None-Match"))
	return ifMatch, ifNoneMatch, err
}

// putCondition reads If-Match or If-None-Match of a PUT: one ETag, or "*".
func putCondition(value string) (string, error) {
	value = strings.TrimSpace(value)
	if strings.Contains(value, ",") {
		return "", errNotImplemented.says("A conditional write takes one ETag.")
	}
	return strings.Trim(strings.TrimPrefix(value, "W/"), `"`), nil
}
