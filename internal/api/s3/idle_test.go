package s3api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
)

func impatient(c *s3api.Config) { c.IdleTimeout = 50 * time.Millisecond }

// TestSilentUpload: a client that stops in the middle of a body is answered, and
// nothing of its body is kept.
func TestSilentUpload(t *testing.T) {
	t.Parallel()
	s := newSite(t, impatient)
	s.bucket(t, "bkt")
	resp := s.wire(t, s.signedHead(t, "Content-Length: 1000\r\n")+"only this", false)
	if resp == nil {
		t.Fatal("no answer")
	}
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 400 || !strings.Contains(string(body), "<Code>RequestTimeout</Code>") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if keys := s.keys(t, "bkt"); len(keys) > 0 {
		t.Errorf("stored %q", keys)
	}
}

// TestSilentUploadThatIsRefused: the server waits for some of a refused body
// before it answers, but not for ever.
func TestSilentUploadThatIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, impatient)
	resp := s.wire(t, s.signedHead(t, "Content-Length: 1000\r\n")+"only this", false)
	if resp == nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("answer %v", resp)
	}
}

// TestSlowUpload: one that goes on, however slowly, is not cut off; nor is the
// next request of its connection.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *s3api.Config) { c.IdleTimeout = 2 * time.Second })
	s.bucket(t, "bkt")
	r := s.request(t, raw{method: "PUT", path: "/bkt/k", header: map[string]string{"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}})
	from, to := io.Pipe()
	r.Body, r.ContentLength = from, 5
	go func() {
		for _, b := range []byte("12345") {
			time.Sleep(20 * time.Millisecond) // the slowness itself, nothing waits for it
			if _, err := to.Write([]byte{b}); err != nil {
				return
			}
		}
		_ = to.Close()
	}()
	resp, err := s.transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if a := s.do(t, raw{method: "GET", path: "/bkt/k"}); resp.StatusCode != 200 || a.body != "12345" {
		t.Errorf("%d, then %d %q", resp.StatusCode, a.StatusCode, a.body)
	}
}

// TestReaderThatTakesNothing: its connection is cut, so that it does not hold
// the object open for ever.
func TestReaderThatTakesNothing(t *testing.T) {
	t.Parallel()
	finished := make(chan s3api.Observation, 1)
	s := newSite(t, impatient, func(c *s3api.Config) {
		c.Observe = func(o s3api.Observation) { finished <- o }
	})
	s.bucket(t, "bkt")
	s.store(t, "bkt", "k", strings.Repeat("x", 32<<20), nil)
	resp, err := s.transport.RoundTrip(s.request(t, raw{method: "GET", path: "/bkt/k"}))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	select {
	case o := <-finished:
		if o.Status != http.StatusOK || o.Sent >= 32<<20 {
			t.Errorf("%+v", o)
		}
	case <-time.After(waitLimit):
		t.Error("the server still waits")
	}
}
