package s3api

import (
	"encoding/xml"
	"net/http"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

// getObjectRetention answers GetObjectRetention.
func getObjectRetention(h *Handler, w *response, r *request) error {
	info, err := h.Service.Lock(r.Context(), r.bucket, r.key, r.version())
	if err != nil {
		return err
	}
	keep := info.Lock.Retention
	if keep.Mode == 0 {
		return errNoSuchObjectLock
	}
	h.Service.Accessed(r.Context(), event.ObjectAccessedGetRetention, info, r.event())
	d := h.document()
	defer h.release(d)
	d.root("Retention")
	d.text("Mode", keep.Mode.String())
	d.text("RetainUntilDate", keep.UntilText())
	d.close("Retention")
	return w.ok(d)
}

type retentionDocument struct {
	XMLName xml.Name `xml:"Retention"`
	Mode    string   `xml:"Mode"`
	Until   string   `xml:"RetainUntilDate"`
}

// parseRetention reads a document; one without mode and date asks for none.
func parseRetention(body []byte) (keep object.Retention, err error) {
	var doc retentionDocument
	if err := decodeXML(body, &doc); err != nil {
		return keep, err
	}
	if doc.Mode == "" && doc.Until == "" {
		return keep, nil
	}
	mode, known := object.ParseLockMode(doc.Mode)
	until, valid := parseLockTime(doc.Until)
	if !known || !valid {
		return keep, errMalformedXML
	}
	return object.Retention{Mode: mode, Until: until}, nil
}

// putObjectRetention answers PutObjectRetention. A policy may look at the
// retention, so it is read before the caller is known to have the right; what is
// wrong with it is said afterwards.
func putObjectRetention(h *Handler, w *response, r *request) error {
	body, invalid := readDocument(r, maxLockBytes)
	if invalid == nil {
		r.lock.Retention, invalid = parseRetention(body)
	}
	if err := h.authorize(r, r.route.actionOf(r), r.bucket, r.key); err != nil {
		return err
	}
	if invalid != nil {
		return invalid
	}
	bypass, err := h.bypasses(r, r.key)
	if err != nil {
		return err
	}
	version, err := h.Service.SetRetention(r.Context(), object.RetentionInput{
		Bucket: r.bucket, Key: r.key, VersionID: r.version(), Retention: r.lock.Retention, Bypass: bypass, Request: r.event(),
	})
	if err != nil {
		return err
	}
	w.setVersion(version)
	return w.empty(http.StatusOK)
}

// getObjectLegalHold answers GetObjectLegalHold.
func getObjectLegalHold(h *Handler, w *response, r *request) error {
	info, err := h.Service.Lock(r.Context(), r.bucket, r.key, r.version())
	if err != nil {
		return err
	}
	if info.Lock.LegalHold == 0 {
		return errNoSuchObjectLock
	}
	h.Service.Accessed(r.Context(), event.ObjectAccessedGetLegalHold, info, r.event())
	d := h.document()
	defer h.release(d)
	d.root("LegalHold")
	d.text("Status", info.Lock.LegalHold.String())
	d.close("LegalHold")
	return w.ok(d)
}

type legalHoldDocument struct {
	XMLName xml.Name `xml:"LegalHold"`
	Status  string   `xml:"Status"`
}

func parseLegalHold(body []byte) (object.LegalHold, error) {
	var doc legalHoldDocument
	if err := decodeXML(body, &doc); err != nil {
		return 0, err
	}
	hold, ok := object.ParseLegalHold(doc.Status)
	if !ok {
		return 0, errMalformedXML
	}
	return hold, nil
}

// putObjectLegalHold answers PutObjectLegalHold. Its document is read before the
// caller is known to have the right, as that of PutObjectRetention is.
func putObjectLegalHold(h *Handler, w *response, r *request) error {
	body, invalid := readDocument(r, maxLockBytes)
	if invalid == nil {
		r.lock.LegalHold, invalid = parseLegalHold(body)
	}
	if err := h.authorize(r, r.route.actionOf(r), r.bucket, r.key); err != nil {
		return err
	}
	if invalid != nil {
		return invalid
	}
	version, err := h.Service.SetLegalHold(r.Context(), object.LegalHoldInput{
		Bucket: r.bucket, Key: r.key, VersionID: r.version(), LegalHold: r.lock.LegalHold, Request: r.event(),
	})
	if err != nil {
		return err
	}
	w.setVersion(version)
	return w.empty(http.StatusOK)
}
