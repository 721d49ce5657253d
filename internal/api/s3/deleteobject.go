package s3api

import (
	"encoding/xml"
	"net/http"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// errOnlyDirectoryBuckets refuses conditions that S3 has for its directory buckets
// alone: a delete must not go on without them.
var errOnlyDirectoryBuckets = errNotImplemented.says("Deletes on condition of size or time are only supported for directory buckets.")

// deleteCondition reads a condition on the ETag of what is deleted. Who could tell
// by it which ETag an object has must be allowed to read it ("How to perform
// conditional deletes").
func (h *Handler) deleteCondition(r *request, key, value string) (string, error) {
	etag, err := putCondition(value)
	if err != nil || etag == "" || etag == "*" {
		return etag, err
	}
	return etag, h.authorizeVersion(r, iam.ActionGetObject, copySource{bucket: r.bucket, key: key})
}

// deleteObject answers DeleteObject; a missing key or version is a success unless
// there is a condition.
func deleteObject(h *Handler, w *response, r *request) error {
	in := object.DeleteInput{Bucket: r.bucket, Key: r.key, VersionID: r.version(), Request: r.event()}
	if r.head("X-Amz-If-Match-Last-Modified-Time") != "" || r.head("X-Amz-If-Match-Size") != "" {
		return errOnlyDirectoryBuckets
	}
	var err error
	if in.IfMatch, err = h.deleteCondition(r, r.key, r.head("If-Match")); err != nil {
		return err
	}
	if in.Bypass, err = h.bypasses(r, r.key); err != nil {
		return err
	}
	done, err := h.Service.Delete(r.Context(), in)
	if err != nil {
		return err
	}
	w.setVersion(done.VersionID)
	if done.Marker {
		w.set(headerDeleteMarker, "true")
	}
	return w.empty(http.StatusNoContent)
}

type deleteDocument struct {
	XMLName xml.Name       `xml:"Delete"`
	Quiet   bool           `xml:"Quiet"`
	Objects []deleteTarget `xml:"Object"`
}

type deleteTarget struct {
	Key       string `xml:"Key"`
	VersionID string `xml:"VersionId"`
	ETag      string `xml:"ETag"`
	// Size and Modified are conditions that S3 has for directory buckets.
	Size     *struct{} `xml:"Size"`
	Modified *struct{} `xml:"LastModifiedTime"`
	done     object.DeleteResult
}

// deleteObjects answers DeleteObjects: up to 1,000 keys, each with a result of
// its own.
func deleteObjects(h *Handler, w *response, r *request) error {
	doc, err := readDelete(r)
	if err != nil {
		return err
	}
	if _, err := h.Service.Bucket(r.Context(), r.bucket); err != nil {
		return err
	}
	var targets []object.DeleteTarget
	var of []*deleteTarget
	for i := range doc.Objects {
		t := &doc.Objects[i]
		var bypass bool
		if t.done.Err = h.checkDelete(r, t); t.done.Err == nil {
			bypass, t.done.Err = h.bypasses(r, t.Key)
		}
		if t.done.Err == nil {
			target := object.DeleteTarget{Key: t.Key, VersionID: t.VersionID, IfMatch: t.ETag, Bypass: bypass}
			targets, of = append(targets, target), append(of, t)
		}
	}
	for i, done := range h.Service.DeleteMany(r.Context(), r.bucket, targets, r.event()) {
		of[i].done = done
	}
	return h.writeDeleted(w, r, doc)
}

// readDelete reads the document. S3 wants it guarded by Content-MD5 or another
// checksum: a damaged list of keys would delete the wrong ones.
func readDelete(r *request) (*deleteDocument, error) {
	body, err := readDocument(r, s3.MaxDeleteXMLBytes)
	if err != nil {
		return nil, err
	}
	if r.body.ChecksumAlgorithm() == 0 && r.head("Content-Md5") == "" {
		return nil, errInvalidRequest.says("Missing required header for this request: Content-MD5")
	}
	doc := new(deleteDocument)
	if err := decodeXML(body, doc); err != nil {
		return nil, err
	}
	if len(doc.Objects) == 0 || len(doc.Objects) > s3.MaxDeleteKeys {
		return nil, errMalformedXML
	}
	return doc, nil
}

func (h *Handler) checkDelete(r *request, t *deleteTarget) error {
	if err := checkKey(t.Key); err != nil {
		return err
	}
	action := iam.ActionDeleteObject
	if t.VersionID != "" {
		action = action.OfVersion()
	}
	if err := h.authorize(r, action, r.bucket, t.Key); err != nil {
		return err
	}
	if t.Size != nil || t.Modified != nil {
		return errOnlyDirectoryBuckets
	}
	var err error
	t.ETag, err = h.deleteCondition(r, t.Key, t.ETag)
	return err
}

func (h *Handler) writeDeleted(w *response, r *request, doc *deleteDocument) error {
	d := h.document()
	defer h.release(d)
	d.root("DeleteResult")
	for i := range doc.Objects {
		t := &doc.Objects[i]
		if err := t.done.Err; err != nil {
			e := toAPIError(err)
			if e.status >= http.StatusInternalServerError {
				h.Logger.Error("delete failed", "request", r.id, "bucket", r.bucket, "key", t.Key, "err", err)
			}
			d.open("Error")
			d.text("Key", t.Key)
			d.optional("VersionId", t.VersionID)
			d.text("Code", e.name)
			d.text("Message", e.text())
			d.close("Error")
			continue
		}
		if doc.Quiet {
			continue
		}
		d.open("Deleted")
		d.text("Key", t.Key)
		d.optional("VersionId", t.VersionID)
		if t.done.Marker {
			d.boolean("DeleteMarker", true)
			d.text("DeleteMarkerVersionId", t.done.VersionID)
		}
		d.close("Deleted")
	}
	d.close("DeleteResult")
	return w.ok(d)
}
