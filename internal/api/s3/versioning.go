package s3api

import (
	"encoding/xml"
	"net/http"

	"github.com/carillon-s3/carillon/internal/object"
)

// maxVersioningBytes bounds the body of PutBucketVersioning.
const maxVersioningBytes = 64 << 10

// headerVersionID names a version in answers, and headerDeleteMarker says that
// it is a delete marker.
const (
	headerVersionID       = "X-Amz-Version-Id"
	headerDeleteMarker    = "X-Amz-Delete-Marker"
	headerSourceVersionID = headerCopySource + "-Version-Id"
)

// setVersion names the version that an answer is about, if it has a name.
func (w *response) setVersion(id string) {
	if id != "" {
		w.set(headerVersionID, id)
	}
}

// version is the version that a request names; empty if it names none.
func (r *request) version() string { return r.query.Get("versionId") }

type versioningDocument struct {
	XMLName   xml.Name `xml:"VersioningConfiguration"`
	Status    string   `xml:"Status"`
	MFADelete string   `xml:"MfaDelete"`
	// The rest is an extension of the notification guide's server.
	ExcludedPrefixes []struct{} `xml:"ExcludedPrefixes"`
	ExcludeFolders   bool       `xml:"ExcludeFolders"`
}

// putBucketVersioning answers PutBucketVersioning.
func putBucketVersioning(h *Handler, w *response, r *request) error {
	body, err := readDocument(r, maxVersioningBytes)
	if err != nil {
		return err
	}
	state, err := parseVersioning(body)
	if err != nil {
		return err
	}
	if err := h.Service.SetVersioning(r.Context(), r.bucket, state); err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}

func parseVersioning(body []byte) (object.Versioning, error) {
	var doc versioningDocument
	if err := decodeXML(body, &doc); err != nil {
		return 0, err
	}
	switch doc.MFADelete {
	case "", "Disabled":
	case "Enabled":
		return 0, errAccessDenied.says("Mfa Authentication must be used for this request")
	default:
		return 0, errMalformedXML
	}
	if len(doc.ExcludedPrefixes) > 0 || doc.ExcludeFolders {
		return 0, errNotImplemented.says("Excluding prefixes or folders from versioning is not implemented.")
	}
	switch doc.Status {
	case "Enabled":
		return object.VersioningEnabled, nil
	case "Suspended":
		return object.VersioningSuspended, nil
	case "":
		return 0, errIllegalVersioning
	}
	return 0, errMalformedXML
}

// getBucketVersioning answers GetBucketVersioning; nothing is in the document of
// a bucket that was never versioned.
func getBucketVersioning(h *Handler, w *response, r *request) error {
	state, err := h.Service.Versioning(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.root("VersioningConfiguration")
	switch state {
	case object.VersioningEnabled:
		d.text("Status", "Enabled")
	case object.VersioningSuspended:
		d.text("Status", "Suspended")
	case object.NeverVersioned:
	}
	d.close("VersioningConfiguration")
	return w.ok(d)
}
