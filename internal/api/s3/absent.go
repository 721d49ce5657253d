package s3api

import (
	"encoding/xml"
	"net/http"
)

// constant answers with a document that holds for every bucket, as S3 answers
// where nothing is configured: the root element and, if name is not empty, one
// element in it.
func constant(root, name, value string) handlerFunc {
	return func(h *Handler, w *response, r *request) error {
		if _, err := h.Service.Bucket(r.Context(), r.bucket); err != nil {
			return err
		}
		d := h.document()
		defer h.release(d)
		d.root(root)
		if name != "" {
			d.text(name, value)
		}
		d.close(root)
		return w.ok(d)
	}
}

// emptyList answers for configurations of which a bucket can have several: a list
// of none, or that there is none of the id that is asked for.
func emptyList(root string) handlerFunc {
	list, one := constant(root, "IsTruncated", "false"), unconfigured(errNoSuchConfiguration)
	return func(h *Handler, w *response, r *request) error {
		if r.has("id") {
			return one(h, w, r)
		}
		return list(h, w, r)
	}
}

// nothingToRemove answers the removal of what an existing bucket does not have.
func nothingToRemove(h *Handler, w *response, r *request) error {
	if _, err := h.Service.Bucket(r.Context(), r.bucket); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}

const (
	// maxRequestPaymentBytes bounds the body of PutBucketRequestPayment.
	maxRequestPaymentBytes = 64 << 10
	payerOwner             = "BucketOwner"
)

// putBucketRequestPayment answers PutBucketRequestPayment: nobody pays here, which
// is what S3 calls the bucket's owner.
func putBucketRequestPayment(h *Handler, w *response, r *request) error {
	if _, err := h.Service.Bucket(r.Context(), r.bucket); err != nil {
		return err
	}
	body, err := readDocument(r, maxRequestPaymentBytes)
	if err != nil {
		return err
	}
	var doc struct {
		XMLName xml.Name `xml:"RequestPaymentConfiguration"`
		Payer   string   `xml:"Payer"`
	}
	if err := decodeXML(body, &doc); err != nil {
		return err
	}
	switch doc.Payer {
	case payerOwner:
		return w.empty(http.StatusOK)
	case "Requester":
		return errNotImplemented.says("Buckets whose requesters pay are not implemented.")
	}
	return errMalformedXML
}
