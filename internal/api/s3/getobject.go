package s3api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

// getObject answers GetObject.
func getObject(h *Handler, w *response, r *request) error {
	in, err := getInput(r)
	if err != nil {
		return err
	}
	o, err := h.Service.Get(r.Context(), in)
	if err != nil {
		return err
	}
	part, err := describe(w, r, o.Info, in.CustomerKey)
	if err != nil {
		return err
	}
	h.countTags(w, r, o.Info)
	h.tellLock(w, r, o.Info)
	h.tellExpiration(w, r, o.Info)
	body, err := o.Open(r.Context(), part.offset, part.length)
	if err != nil {
		return err
	}
	defer body.Close()
	h.Service.Accessed(r.Context(), event.ObjectAccessedGet, o.Info, r.event())
	h.hold(r, part.length)
	w.WriteHeader(part.status)
	return h.copy(r.Context(), w, body, part.length)
}

const (
	// minHeldBody and maxHeldBody are the bodies that are worth holding: a
	// smaller one leaves with its head in any case, and beyond the largest that
	// the store keeps inline one system call more does not matter.
	minHeldBody = 2 << 10
	maxHeldBody = 32 << 10
)

// hold asks for head and body to leave together. HTTP/2 has frames for that; and
// a request with a body of its own is answered before net/http reads the rest.
func (h *Handler) hold(r *request, length int64) {
	plain := r.ProtoMajor == 1 && r.ContentLength == 0
	if h.Hold != nil && plain && length >= minHeldBody && length <= maxHeldBody {
		h.Hold(r.Context())
	}
}

// getInput names the object that is read, and the part of it that is asked for.
func getInput(r *request) (object.GetInput, error) {
	in := object.GetInput{Bucket: r.bucket, Key: r.key, VersionID: r.version(), Request: r.event()}
	var err error
	if in.CustomerKey, err = r.readingKey(); err != nil || !r.has("partNumber") {
		return in, err
	}
	in.Part, err = partNumber(r)
	return in, err
}

// headObject answers HeadObject.
func headObject(h *Handler, w *response, r *request) error {
	in, err := getInput(r)
	if err != nil {
		return err
	}
	info, err := h.Service.Head(r.Context(), in)
	if err != nil {
		return err
	}
	part, err := describe(w, r, info, in.CustomerKey)
	if err != nil {
		return err
	}
	h.countTags(w, r, info)
	h.tellLock(w, r, info)
	h.tellExpiration(w, r, info)
	h.Service.Accessed(r.Context(), event.ObjectAccessedHead, info, r.event())
	w.WriteHeader(part.status)
	return nil
}

// copy sends the body. An error of its source cuts the connection: the client
// must not take a part for the whole.
func (h *Handler) copy(ctx context.Context, w *response, body io.Reader, length int64) error {
	var out io.Writer = w
	if length > unboundedBytes {
		patient := &idleWriter{Writer: w, control: http.NewResponseController(w.ResponseWriter), timeout: h.IdleTimeout}
		defer patient.done()
		out = patient
	}
	n, err := io.Copy(out, body) // every body writes itself: no buffer is needed
	switch {
	case err != nil && (ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded)):
		return errClientGone
	case err != nil:
		return err
	case n != length:
		return io.ErrUnexpectedEOF
	}
	return nil
}

// describe decides between the whole object, a part of it, 304, 412 and 416, and
// sets the headers.
func describe(w *response, r *request, info object.Info, customer *object.CustomerKey) (byteRange, error) {
	w.set("Etag", `"`+info.ETag+`"`)
	w.set("Last-Modified", info.Modified.UTC().Format(http.TimeFormat))
	w.setVersion(info.VersionID)
	w.setEncryption(info.Encryption, customer)
	if err := checkConditions(r, info); err != nil {
		return byteRange{}, err
	}
	part, err := requestedRange(r, info)
	if errors.Is(err, errInvalidRange) {
		w.set("Content-Range", "bytes */"+strconv.FormatInt(info.Size, 10))
	}
	if err != nil {
		return byteRange{}, err
	}
	w.metadata(info.Metadata)
	w.override(r)
	readChecksum(w.Header(), r, part, info)
	if info.StorageClass != "" {
		w.set(headerStorageClass, info.StorageClass)
	}
	if r.has("partNumber") && info.Parts > 0 {
		w.set("X-Amz-Mp-Parts-Count", strconv.Itoa(info.Parts))
	}
	w.set("Content-Length", strconv.FormatInt(part.length, 10))
	if part.status == http.StatusPartialContent {
		w.set("Content-Range", part.contentRange(info.Size))
	}
	return part, nil
}

// override applies the response-* parameters ("GetObject", URI request
// parameters).
func (w *response) override(r *request) {
	if len(r.query) == 0 {
		return
	}
	for _, h := range standardHeaders() {
		if v := r.query.Get("response-" + h.stored); v != "" {
			w.set(h.header, v)
		}
	}
}
