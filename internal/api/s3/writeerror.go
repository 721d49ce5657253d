package s3api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
)

// retryAfterSeconds is what a client is told with a 503: long enough for a
// short trouble to pass, short enough not to be noticed by people.
const retryAfterSeconds = "5"

// writeError answers with an error. If the answer has begun already, it cuts the
// connection instead.
func (h *Handler) writeError(w *response, r *request, err error) {
	if errors.Is(err, errClientGone) || errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	e := toAPIError(err)
	if e.status >= http.StatusInternalServerError && e.status != http.StatusNotImplemented {
		h.Logger.Error("request failed", "request", r.id, "operation", r.operation(), "bucket", r.bucket, "key", r.key, "err", err)
	}
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	w.code = e.name
	header := w.Header()
	if e.status == http.StatusServiceUnavailable {
		w.set("Retry-After", retryAfterSeconds)
	}
	if e.status == http.StatusNotModified {
		w.WriteHeader(e.status)
		return
	}
	// Headers of the answer that was not to be.
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Disposition", "Content-Language", "Cache-Control", "Expires", "Etag", "Last-Modified"} {
		delete(header, name)
	}
	for _, x := range e.header {
		w.set(x.name, x.value)
	}
	if r.Method == http.MethodHead {
		w.set("X-Minio-Error-Code", e.name)
		w.set("X-Minio-Error-Desc", strconv.Quote(e.text()))
		w.WriteHeader(e.status)
		return
	}
	d := h.document()
	defer h.release(d)
	d.declaration()
	d.open("Error")
	d.text("Code", e.name)
	d.message(e.text())
	d.optional("Key", r.key)
	d.optional("BucketName", r.bucket)
	d.text("Resource", r.URL.Path)
	d.optional("Region", h.Region)
	for _, x := range e.extra {
		d.optional(x.name, x.value)
	}
	d.text("RequestId", r.id)
	d.text("HostId", h.HostID)
	d.close("Error")
	_ = w.xml(e.status, d) // the client may be gone
}
