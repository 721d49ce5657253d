package s3api

import (
	"encoding/xml"
	"net/http"
)

const (
	// maxOwnershipBytes bounds the body of PutBucketOwnershipControls.
	maxOwnershipBytes = 64 << 10
	ownerEnforced     = "BucketOwnerEnforced"
)

type ownershipDocument struct {
	XMLName xml.Name `xml:"OwnershipControls"`
	Rules   []struct {
		Ownership string `xml:"ObjectOwnership"`
	} `xml:"Rule"`
}

// putOwnershipControls answers PutBucketOwnershipControls. Only what holds can be
// put: the other values would bring access control lists to life.
func putOwnershipControls(h *Handler, w *response, r *request) error {
	body, err := readDocument(r, maxOwnershipBytes)
	if err != nil {
		return err
	}
	var doc ownershipDocument
	if err := decodeXML(body, &doc); err != nil {
		return err
	}
	if len(doc.Rules) != 1 {
		return errMalformedXML
	}
	switch doc.Rules[0].Ownership {
	case ownerEnforced:
	case "BucketOwnerPreferred", "ObjectWriter":
		return errNotImplemented.says("Object ownership other than " + ownerEnforced + " is not implemented.")
	default:
		return errMalformedXML
	}
	if err := h.Service.SetOwnerEnforced(r.Context(), r.bucket, true); err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}

// getOwnershipControls answers GetBucketOwnershipControls.
func getOwnershipControls(h *Handler, w *response, r *request) error {
	enforced, err := h.Service.OwnerEnforced(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	if !enforced {
		return errOwnershipControlsNotFound
	}
	d := h.document()
	defer h.release(d)
	d.root("OwnershipControls")
	d.open("Rule")
	d.text("ObjectOwnership", ownerEnforced)
	d.close("Rule")
	d.close("OwnershipControls")
	return w.ok(d)
}

// deleteOwnershipControls answers DeleteBucketOwnershipControls; without any it
// succeeds.
func deleteOwnershipControls(h *Handler, w *response, r *request) error {
	if err := h.Service.SetOwnerEnforced(r.Context(), r.bucket, false); err != nil {
		return err
	}
	return w.empty(http.StatusNoContent)
}
