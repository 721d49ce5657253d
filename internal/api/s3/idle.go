package s3api

import (
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// MaxHeaderBytes is for http.Server: enough for a key of 1,024 bytes, every
	// byte escaped, in a presigned URL, and for all the metadata of a PUT.
	MaxHeaderBytes = 32 << 10
	// defaultIdleTimeout is how long a client may send or take nothing in the
	// middle of a body. Whole requests have no limit: 5 GiB may take their time.
	defaultIdleTimeout = time.Minute
	// renewals is how often a deadline is moved on within the timeout: seldom,
	// since a small body should not pay for it.
	renewals = 4
	// unboundedBytes is the largest body that is sent without a bound: the
	// buffers on the way hold it, whatever the client does.
	unboundedBytes = 128 << 10
)

// idleBody bounds each silence of a request's body. The server's own read
// timeout would bound the whole.
type idleBody struct {
	io.ReadCloser
	control *http.ResponseController
	timeout time.Duration
	renewAt time.Time
}

// withIdleBody returns the request with its silences bounded from now on: also
// of a body that is refused unread, since the server drains some of it before
// it answers. It is a copy, because the server looks for its own body in r.
func (h *Handler) withIdleBody(w *response, r *http.Request) http.Request {
	bounded := *r
	b := &idleBody{ReadCloser: r.Body, control: http.NewResponseController(w.ResponseWriter), timeout: h.IdleTimeout}
	b.renew()
	bounded.Body = b
	return bounded
}

func (b *idleBody) renew() {
	if now := time.Now(); !now.Before(b.renewAt) {
		// Where the connection has no deadline (a test's recorder) none is needed.
		_ = b.control.SetReadDeadline(now.Add(b.timeout))
		b.renewAt = now.Add(b.timeout / renewals)
	}
}

// Read implements io.Reader.
func (b *idleBody) Read(p []byte) (int, error) {
	b.renew()
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		// From here on the server reads only to learn that the client went away,
		// and must not take a deadline for that.
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// idleWriter bounds each silence of a client that takes a body. Stored bytes
// come in pieces of 256 KiB, so a client that takes less than 6 KB a second
// counts as silent too.
type idleWriter struct {
	io.Writer
	control *http.ResponseController
	timeout time.Duration
	renewAt time.Time
}

// Write implements io.Writer.
func (w *idleWriter) Write(p []byte) (int, error) {
	if now := time.Now(); !now.Before(w.renewAt) {
		_ = w.control.SetWriteDeadline(now.Add(w.timeout)) // see idleBody
		w.renewAt = now.Add(w.timeout / renewals)
	}
	return w.Writer.Write(p)
}

// done takes the deadline away: the connection's next answer starts afresh.
func (w *idleWriter) done() {
	_ = w.control.SetWriteDeadline(time.Time{}) // see idleBody
}
