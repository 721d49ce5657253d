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
