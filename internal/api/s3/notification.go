package s3api

import (
	"net/http"

	"github.com/carillon-s3/carillon/internal/s3"
)

// getBucketNotification answers GetBucketNotificationConfiguration with the
// rules as they were put, so that clients can change and put them back.
func getBucketNotification(h *Handler, w *response, r *request) error {
	config, err := h.Service.Notification(r.Context(), r.bucket)
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.Write(config.AppendXML(d.AvailableBuffer(), h.Region))
	return w.ok(d)
}

// putBucketNotification answers PutBucketNotificationConfiguration. The rules
// are in force for every mutation that commits after the answer.
func putBucketNotification(h *Handler, w *response, r *request) error {
	if r.body.Size() == 0 {
		return errMissingContentLength
	}
	document, err := readDocument(r, s3.MaxNotificationXMLBytes)
	if err != nil {
		return err
	}
	if err := h.Service.SetNotification(r.Context(), r.bucket, document); err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}
