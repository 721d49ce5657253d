package s3api_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
)

// overHTTP2 has the site also answer over TLS, and the site's raw requests go
// there.
func (s *site) overHTTP2(t testing.TB) {
	t.Helper()
	secure := httptest.NewUnstartedServer(s.Config.Handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(func() {
		s.transport.CloseIdleConnections()
		secure.CloseClientConnections()
		secure.Close()
	})
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	s.transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DisableCompression: true}
	s.URL = secure.URL
}

// roundTrip2 sends a request and wants it to go over HTTP/2.
func (s *site) roundTrip2(t testing.TB, r *http.Request) answer {
	t.Helper()
	resp, err := s.transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.ProtoMajor != 2 {
		t.Fatalf("spoken: %s", resp.Proto)
	}
	return answer{resp, string(body)}
}

// pausing is a body that waits in its middle until it is let go or closed.
type pausing struct {
	io.Reader
	paused, goOn chan struct{}
	once         sync.Once
}

func (p *pausing) Close() error {
	p.once.Do(func() { close(p.goOn) })
	return nil
}

func newPausing(first, second string) *pausing {
	p := &pausing{paused: make(chan struct{}), goOn: make(chan struct{})}
	p.Reader = io.MultiReader(strings.NewReader(first), p.wait(), strings.NewReader(second))
	return p
}

func (p *pausing) wait() io.Reader {
	return readerFunc(func([]byte) (int, error) {
		close(p.paused)
		<-p.goOn
		return 0, io.EOF
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestSilentUploadOverHTTP2(t *testing.T) {
	t.Parallel()
	s := newSite(t, impatient)
	s.bucket(t, "bkt")
	s.overHTTP2(t)
	r := s.request(t, raw{method: "PUT", path: "/bkt/k", header: map[string]string{"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}})
	body := newPausing("only this", "")
	r.Body, r.ContentLength = body, 1000
	a := s.roundTrip2(t, r)
	if a.StatusCode != http.StatusBadRequest || a.code(t) != "RequestTimeout" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if keys := s.keys(t, "bkt"); len(keys) > 0 {
		t.Errorf("stored %q", keys)
	}
	// Its neighbours on the connection are not cut off.
	if a := s.roundTrip2(t, s.request(t, raw{method: "GET", path: "/"})); a.StatusCode != http.StatusOK {
		t.Errorf("the next request: %d", a.StatusCode)
	}
}

func TestReaderThatTakesNothingOverHTTP2(t *testing.T) {
	t.Parallel()
	finished := make(chan s3api.Observation, 1)
	s := newSite(t, impatient, func(c *s3api.Config) { c.Observe = func(o s3api.Observation) { finished <- o } })
	s.bucket(t, "bkt")
	s.store(t, "bkt", "k", strings.Repeat("x", 32<<20), nil)
	s.overHTTP2(t)
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
		t.Fatal("the server still waits")
	}
	if a := s.roundTrip2(t, s.request(t, raw{method: "GET", path: "/"})); a.StatusCode != http.StatusOK {
		t.Errorf("the next request: %d", a.StatusCode)
	}
}

// TestPausedUploadOverHTTP2: a pause within the timeout does no harm.
func TestPausedUploadOverHTTP2(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.overHTTP2(t)
	r := s.request(t, raw{method: "PUT", path: "/bkt/k", header: map[string]string{"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}})
	body := newPausing("one ", "two")
	r.Body, r.ContentLength = body, int64(len("one two"))
	go func() { <-body.paused; _ = body.Close() }()
	if a := s.roundTrip2(t, r); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := s.roundTrip2(t, s.request(t, raw{method: "GET", path: "/bkt/k"})); a.body != "one two" {
		t.Errorf("got %q", a.body)
	}
}

// TestExpectContinue: a client that asks first sends no byte of what is refused,
// and all of what is not, whichever protocol it speaks.
func TestExpectContinue(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		for name, tt := range map[string]struct {
			bucket string
			status int
			sent   bool
		}{
			"taken":   {"bkt", http.StatusOK, true},
			"refused": {"none", http.StatusNotFound, false},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				s.bucket(t, "bkt")
				if version == 2 {
					s.overHTTP2(t)
				}
				s.transport.ExpectContinueTimeout = waitLimit
				content := bytes.Repeat([]byte("x"), 100<<10)
				r := s.request(t, raw{method: "PUT", path: "/" + tt.bucket + "/k", header: map[string]string{
					"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD", "Expect": "100-continue",
				}})
				asked := false
				body := bytes.NewReader(content)
				r.Body, r.ContentLength = io.NopCloser(readerFunc(func(p []byte) (int, error) {
					asked = true
					return body.Read(p)
				})), int64(len(content))
				resp, err := s.transport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.ProtoMajor != version || resp.StatusCode != tt.status || asked != tt.sent {
					t.Errorf("HTTP/%d: status %d, body sent %v; want HTTP/%d, %d, %v", resp.ProtoMajor, resp.StatusCode, asked, version, tt.status, tt.sent)
				}
			})
		}
	}
}

// TestListenOverHTTP2: lines come as they happen, and the stream ends with the
// server's draining and with the client's going.
func TestListenOverHTTP2(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"draining", "client"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.bucket(t, "bkt")
			s.overHTTP2(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := s.request(t, raw{method: "GET", path: "/bkt?events=s3%3AObjectCreated%3A%2A"}).WithContext(ctx)
			resp, err := s.transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			<-s.began
			s.store(t, "bkt", "k", "x", nil)
			line := make([]byte, 0, 4096)
			for !bytes.Contains(line, []byte(`"key":"k"`)) {
				piece := make([]byte, 1024)
				n, err := resp.Body.Read(piece)
				if line = append(line, piece[:n]...); err != nil {
					t.Fatalf("%v after %q", err, line)
				}
			}
			if end == "client" {
				cancel()
				return // the site's end waits for the handler's
			}
			close(s.draining)
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Errorf("the stream ended with %v", err)
			}
		})
	}
}
