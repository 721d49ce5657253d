package s3api

import (
	"net/http"
	"strconv"

	"github.com/carillon-s3/carillon/internal/policy"
)

// getBucketPolicy answers GetBucketPolicy with the document as it was put.
func getBucketPolicy(h *Handler, w *response, r *request) error {
	_, document, err := h.Service.Policy(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	if document == nil {
		return errNoSuchBucketPolicy
	}
	w.set("Content-Type", "application/json")
	w.set("Content-Length", strconv.Itoa(len(document)))
	w.WriteHeader(http.StatusOK)
	_, err = w.Write(document)
	if err != nil {
		return errClientGone
	}
	return nil
}

// putBucketPolicy answers PutBucketPolicy. The policy is in force for every
// request that comes after the answer.
func putBucketPolicy(h *Handler, w *response, r *request) error {
	document, err := readDocument(r, policy.MaxBytes)
	if err != nil {
		return err
	}
	if len(document) == 0 {
		return errMalformedPolicy.says("Policies must be valid JSON and the first byte must be '{'")
	}
	if err := h.Service.SetPolicy(r.Context(), r.bucket, document); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}

// deleteBucketPolicy answers DeleteBucketPolicy; without a policy it succeeds.
func deleteBucketPolicy(h *Handler, w *response, r *request) error {
	if err := h.Service.SetPolicy(r.Context(), r.bucket, nil); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}

// getBucketPolicyStatus answers GetBucketPolicyStatus.
func getBucketPolicyStatus(h *Handler, w *response, r *request) error {
	p, _, err := h.Service.Policy(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	if p == nil {
		return errNoSuchBucketPolicy
	}
	d := h.document()
	defer h.release(d)
	d.root("PolicyStatus")
	d.text("IsPublic", strconv.FormatBool(p.Public()))
	d.close("PolicyStatus")
	return w.ok(d)
}
