package s3api

import (
	"errors"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
)

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	start := h.Now()
	r := h.newRequest(hr, start)
	resp := &response{ResponseWriter: w, now: h.Now}
	header := w.Header()
	for name, values := range h.standard {
		header[name] = values
	}
	resp.set("X-Amz-Request-Id", r.id)
	defer h.finish(resp, r, start)
	if err := h.handle(resp, r); err != nil {
		h.writeError(resp, r, err)
	}
}

// finish closes what the request held, answers a panic, and tells the observer.
func (h *Handler) finish(w *response, r *request, start time.Time) {
	p := recover()
	if r.body != nil {
		_ = r.body.Close() // only gives buffers back
	}
	aborted := p == http.ErrAbortHandler //nolint:errorlint // net/http panics with this very value
	if p != nil && !aborted {
		h.Logger.Error("request handler panicked", "request", r.id, "operation", r.operation(), "panic", p, "stack", string(debug.Stack()))
		if w.status == 0 {
			h.writeError(w, r, errInternal)
		} else {
			aborted = true
		}
	}
	if h.Observe != nil {
		h.Observe(r.observation(w, start, h.Now()))
	}
	if aborted {
		// The answer has begun: cutting the connection is the only way left to
		// tell the client that it is not whole.
		panic(http.ErrAbortHandler)
	}
}

// handle finds the operation, makes sure that the caller may, and runs it.
func (h *Handler) handle(w *response, r *request) error {
	if err := r.parse(h.Domains); err != nil {
		return err
	}
	if r.Method == http.MethodOptions {
		r.route = &route{operation: operationPreflight}
		return h.preflight(w, r)
	}
	h.shareAnswer(w, r)
	rt, err := h.routes.match(r)
	if err != nil {
		return err
	}
	r.route = rt
	signed := r.Request
	if r.ContentLength != 0 && r.Body != nil {
		bounded := h.withIdleBody(w, r.Request)
		signed = &bounded
	}
	if rt.form {
		if err := h.Service.Admit(); err != nil {
			return err
		}
		r.Request = signed
		return rt.handler(h, w, r)
	}
	verified, err := h.Verifier.Verify(signed, iam.Options{
		Region: rt.region, IgnoreChecksums: rt.checksumOfObject, HostBucket: r.hostBucket,
	})
	if err != nil {
		return err
	}
	r.body = verified.Body
	r.principal = verified.Credential.Principal()
	if !rt.late {
		if err := h.authorize(r, rt.actionOf(r), r.bucket, r.key); err != nil {
			return err
		}
	}
	if rt.grows {
		if err := h.Service.Admit(); err != nil {
			return err
		}
	}
	return h.conceal(r, rt.handler(h, w, r))
}

// response remembers what was sent.
type response struct {
	http.ResponseWriter
	now    func() time.Time
	begun  time.Time // when the status was sent
	status int
	sent   int64
	code   string
	// values hold the first headers that are set, in place of a slice for each.
	values [8]string
	used   int
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) begin(status int) {
	if w.status == 0 {
		w.status, w.begun = status, w.now()
	}
}

// Write implements io.Writer.
func (w *response) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// set sets a header whose name is canonical already.
func (w *response) set(name, value string) {
	if w.used == len(w.values) {
		w.Header()[name] = []string{value}
		return
	}
	w.values[w.used] = value
	w.used++
	w.Header()[name] = w.values[w.used-1 : w.used : w.used]
}

// empty answers without a body.
func (w *response) empty(status int) error {
	if status != http.StatusNoContent {
		w.set("Content-Length", "0")
	}
	w.WriteHeader(status)
	return nil
}

// errClientGone says that the answer could not be written: nobody is there to
// be told.
var errClientGone = errors.New("s3api: client went away")
