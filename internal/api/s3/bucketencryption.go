package s3api

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"github.com/carillon-s3/carillon/internal/object"
)

// maxEncryptionBytes bounds the document of a bucket's encryption: one short rule.
const maxEncryptionBytes = 16 << 10

type encryptionDocument struct {
	XMLName xml.Name `xml:"ServerSideEncryptionConfiguration"`
	Rules   []struct {
		Default *struct {
			Algorithm string `xml:"SSEAlgorithm"`
			KeyID     string `xml:"KMSMasterKeyID"`
		} `xml:"ApplyServerSideEncryptionByDefault"`
		BucketKey *bool `xml:"BucketKeyEnabled"`
	} `xml:"Rule"`
}

// parseBucketEncryption reads a document ("PutBucketEncryption"): one rule with a
// default.
func parseBucketEncryption(body []byte) (*object.BucketEncryption, error) {
	var doc encryptionDocument
	if err := decodeXML(body, &doc); err != nil {
		return nil, err
	}
	if len(doc.Rules) != 1 || doc.Rules[0].Default == nil {
		return nil, errMalformedXML
	}
	rule := doc.Rules[0]
	e := &object.BucketEncryption{KeyID: strings.TrimPrefix(strings.TrimSpace(rule.Default.KeyID), keyARN), Document: body}
	e.BucketKey = rule.BucketKey != nil && *rule.BucketKey
	var err error
	if e.Method, err = parseEncryption(strings.TrimSpace(rule.Default.Algorithm)); err != nil || e.Method == object.Unencrypted {
		return nil, errMalformedXML
	}
	if e.Method == object.EncryptedS3 && e.KeyID != "" {
		return nil, errInvalidArgument.says("a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms")
	}
	return e, nil
}

// putBucketEncryption answers PutBucketEncryption. It is in force for every
// request that comes after the answer.
func putBucketEncryption(h *Handler, w *response, r *request) error {
	body, err := readDocument(r, maxEncryptionBytes)
	if err != nil {
		return err
	}
	e, err := parseBucketEncryption(body)
	if err != nil {
		return err
	}
	if err := h.Service.SetBucketEncryption(r.Context(), r.bucket, e); err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}

// getBucketEncryption answers GetBucketEncryption with the document as it was put.
func getBucketEncryption(h *Handler, w *response, r *request) error {
	e, err := h.Service.BucketEncryption(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	if e == nil {
		return errServerSideEncryptionAbsent
	}
	w.set("Content-Type", "application/xml")
	w.set("Content-Length", strconv.Itoa(len(e.Document)))
	w.WriteHeader(http.StatusOK)
	if _, err = w.Write(e.Document); err != nil {
		return errClientGone
	}
	return nil
}

// deleteBucketEncryption answers DeleteBucketEncryption; without one it succeeds.
func deleteBucketEncryption(h *Handler, w *response, r *request) error {
	if err := h.Service.SetBucketEncryption(r.Context(), r.bucket, nil); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}
