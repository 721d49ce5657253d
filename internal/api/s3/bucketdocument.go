package s3api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"

	"github.com/google/uuid"

	"github.com/carillon-s3/carillon/internal/bucketconfig"
	"github.com/carillon-s3/carillon/internal/object"
)

const (
	// headerMinimumSize says which objects are too small to change their storage
	// class ("PutBucketLifecycleConfiguration").
	headerMinimumSize = "X-Amz-Transition-Default-Minimum-Object-Size"
	allClasses128K    = "all_storage_classes_128K"
	variesByClass     = "varies_by_storage_class"

	// headerLifecycleUpdated is when the document was put, for clients of MinIO
	// that ask with withUpdatedAt.
	headerLifecycleUpdated = "X-Minio-Lifecycleconfig-Updatedat"
	updatedLayout          = "20060102T150405Z"
)

// The documents of lifecycle and replication are validated as S3 does it, and kept
// as they were sent. Nothing acts on those of replication yet.

// putBucketLifecycle answers PutBucketLifecycleConfiguration.
func putBucketLifecycle(h *Handler, w *response, r *request) error {
	size := r.head(headerMinimumSize)
	switch size {
	case "", allClasses128K, variesByClass:
	default:
		return errInvalidRequest.says("Invalid value for x-amz-transition-default-minimum-object-size header.")
	}
	if err := h.putDocument(r, object.LifecycleDocument, size, new(bucketconfig.Lifecycle)); err != nil {
		return err
	}
	w.set(headerMinimumSize, minimumSize(size))
	return w.empty(http.StatusOK)
}

// minimumSize is what holds where nothing was said.
func minimumSize(option string) string {
	if option == "" {
		return allClasses128K
	}
	return option
}

// putBucketReplication answers PutBucketReplication.
func putBucketReplication(h *Handler, w *response, r *request) error {
	if err := h.putDocument(r, object.ReplicationDocument, "", new(bucketconfig.Replication)); err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}

// putDocument validates a document and keeps it, with an option of its request.
func (h *Handler) putDocument(r *request, kind object.DocumentKind, option string, into interface{ Validate() error }) error {
	if _, err := h.Service.Bucket(r.Context(), r.bucket); err != nil {
		return err
	}
	body, err := readDocument(r, bucketconfig.MaxBytes)
	if err != nil {
		return err
	}
	if err := decodeXML(body, into); err != nil {
		return err
	}
	if err := into.Validate(); err != nil {
		return err
	}
	if body, err = withRuleIDs(body); err != nil {
		return err
	}
	return h.Service.SetDocument(r.Context(), r.bucket, kind, &object.Document{Body: body, Option: option})
}

// withRuleIDs gives an ID to each rule that has none, as S3 does: clients change
// and remove rules by it. All else stays as it is.
func withRuleIDs(body []byte) ([]byte, error) {
	var out []byte
	decoder := xml.NewDecoder(bytes.NewReader(body))
	var depth int
	var kept, begin int64 // what is in out, and where the rule's children begin
	var prefix string
	var named bool
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			return append(out, body[kept:]...), nil
		}
		if err != nil {
			return nil, errMalformedXML
		}
		switch t := token.(type) {
		case xml.StartElement:
			switch depth++; {
			case depth == 2 && t.Name.Local == "Rule":
				begin, prefix, named = decoder.InputOffset(), t.Name.Space, false
			case depth == 3 && t.Name.Local == "ID":
				named = true
			}
		case xml.EndElement:
			if depth == 2 && t.Name.Local == "Rule" && !named {
				element := "ID"
				if prefix != "" {
					element = prefix + ":ID"
				}
				out = append(out, body[kept:begin]...)
				out = append(out, "<"+element+">"+uuid.NewString()+"</"+element+">"...)
				kept = begin
			}
			depth--
		}
	}
}

// getBucketLifecycle answers GetBucketLifecycleConfiguration.
func getBucketLifecycle(h *Handler, w *response, r *request) error {
	doc, err := h.Service.Document(r.Context(), r.bucket, object.LifecycleDocument)
	if err != nil {
		return err
	}
	if doc == nil {
		return errNoSuchLifecycle
	}
	w.set(headerMinimumSize, minimumSize(doc.Option))
	if r.query.Get("withUpdatedAt") == "true" {
		w.set(headerLifecycleUpdated, doc.Updated.Format(updatedLayout))
	}
	return h.answerDocument(w, doc)
}

// getBucketReplication answers GetBucketReplication.
func getBucketReplication(h *Handler, w *response, r *request) error {
	doc, err := h.Service.Document(r.Context(), r.bucket, object.ReplicationDocument)
	if err != nil {
		return err
	}
	if doc == nil {
		return errReplicationNotFound
	}
	return h.answerDocument(w, doc)
}

func (h *Handler) answerDocument(w *response, doc *object.Document) error {
	d := h.document()
	defer h.release(d)
	if !bytes.HasPrefix(bytes.TrimSpace(doc.Body), []byte("<?xml")) {
		d.declaration()
	}
	d.Write(doc.Body)
	return w.ok(d)
}

// removeDocument removes a document; without one it succeeds.
func removeDocument(kind object.DocumentKind) handlerFunc {
	return func(h *Handler, w *response, r *request) error {
		if err := h.Service.SetDocument(r.Context(), r.bucket, kind, nil); err != nil {
			return err
		}
		return w.empty(http.StatusNoContent)
	}
}

// configCode is the code of a document that is not taken.
func configCode(name string) *code {
	for _, c := range []*code{errInvalidArgument, errInvalidRequest, errInvalidTag} {
		if c.name == name {
			return c
		}
	}
	return errMalformedXML
}
