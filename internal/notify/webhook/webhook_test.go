package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

var sample = target.Message{ID: "00000000000000ff-3-7", Key: "b/k", Body: []byte(vectorBody)}

func clock() time.Time { return time.Unix(1614265330, 0) }

// hookTo opens a target whose endpoint is handled by f.
func hookTo(t *testing.T, f http.HandlerFunc, edit func(*Settings)) *hook {
	t.Helper()
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	s := &Settings{Endpoint: srv.URL + "/hook?x=1"}
	if edit != nil {
		edit(s)
	}
	h, err := open(s, target.Env{Now: clock, UserAgent: "Carillon/1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func answer(status int, header, value, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	h := hookTo(t, func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}, func(s *Settings) {
		s.AuthToken, s.SigningSecret = "token", config.Secret(vectorSecret+" plain")
	})
	if err := h.Send(t.Context(), []target.Message{sample}); err != nil {
		t.Fatal(err)
	}
	if got.Method != "POST" || got.URL.String() != "/hook?x=1" || got.Proto != "HTTP/1.1" || string(body) != vectorBody {
		t.Errorf("%s %s %s %q", got.Method, got.URL, got.Proto, body)
	}
	sign, err := newSigner(config.Secret(vectorSecret + " plain"))
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Authorization":     {"Bearer token"},
		"Content-Length":    {"20"},
		"Content-Type":      {"application/json"},
		"User-Agent":        {"Carillon/1"},
		"Webhook-Id":        {sample.ID},
		"Webhook-Timestamp": {vectorTime},
		"Webhook-Signature": {sign.header(sample.ID, vectorTime, sample.Body)},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	date := clock().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	tests := map[string]struct {
		status                int
		header, value, body   string
		ok, permanent, delays bool
		delay                 time.Duration
		want                  string
	}{
		"200":                     {status: 200, body: "fine", ok: true},
		"201":                     {status: 201, ok: true},
		"204":                     {status: 204, ok: true},
		"302":                     {status: 302, header: "Location", value: "/elsewhere", want: "redirects are not followed"},
		"304":                     {status: 304, want: "304"},
		"400":                     {status: 400, body: "no such\nfield\x00", permanent: true, want: "endpoint answered 400 Bad Request: no such field"},
		"401":                     {status: 401, want: "see auth_token"},
		"403":                     {status: 403, want: "see auth_token"},
		"404":                     {status: 404, want: "404"},
		"405":                     {status: 405},
		"410":                     {status: 410},
		"413":                     {status: 413, permanent: true},
		"415":                     {status: 415, permanent: true},
		"422":                     {status: 422, permanent: true},
		"429":                     {status: 429},
		"429 with seconds":        {status: 429, header: "Retry-After", value: "7", delays: true, delay: 7 * time.Second},
		"503 with a date":         {status: 503, header: "Retry-After", value: date, delays: true, delay: 90 * time.Second},
		"503 with a date gone by": {status: 503, header: "Retry-After", value: "Sun, 06 Nov 1994 08:49:37 GMT", delays: true},
		"503 with nonsense":       {status: 503, header: "Retry-After", value: "soon"},
		"503 with less than none": {status: 503, header: "Retry-After", value: "-1"},
		"500 with Retry-After":    {status: 500, header: "Retry-After", value: "7"},
		"500":                     {status: 500, body: strings.Repeat("x", 10_000), want: strings.Repeat("x", maxDetail) + "..."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := hookTo(t, answer(tt.status, tt.header, tt.value, tt.body), nil)
			err := h.Send(t.Context(), []target.Message{sample})
			if tt.ok != (err == nil) {
				t.Fatalf("error %v", err)
			}
			d, delays := target.RetryDelay(err)
			if target.IsPermanent(err) != tt.permanent || delays != tt.delays || d != tt.delay {
				t.Errorf("permanent %v, delay %v %v; want %v, %v %v", target.IsPermanent(err), d, delays, tt.permanent, tt.delay, tt.delays)
			}
			if err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want %q in it", err, tt.want)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	h := hookTo(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}, nil)
	if h.Send(t.Context(), []target.Message{sample}) == nil {
		t.Error("a redirect acknowledged the event")
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestAnswerThatRepeatsASecretIsRedacted(t *testing.T) {
	t.Parallel()
	h := hookTo(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "bad request: "+r.Header.Get("Authorization")+" "+r.URL.RawQuery, http.StatusBadRequest)
	}, func(s *Settings) { s.AuthToken, s.Endpoint = "hunter2", s.Endpoint+"&key=swordfish" })
	err := h.Send(t.Context(), []target.Message{sample})
	if err == nil || !strings.Contains(err.Error(), "bad request: Bearer ***") {
		t.Fatalf("error %v", err)
	}
	if text := err.Error(); strings.Contains(text, "hunter2") || strings.Contains(text, "swordfish") {
		t.Errorf("error shows a secret: %v", err)
	}
}

// TestBodyThatNeverEnds: the headers acknowledge, and what follows them holds
// nobody.
func TestBodyThatNeverEnds(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]bool{"silent": false, "flooding": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			h := hookTo(t, func(w http.ResponseWriter, r *http.Request) {
				defer close(done)
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				for flood && r.Context().Err() == nil {
					_, _ = w.Write(make([]byte, 4096))
				}
				<-r.Context().Done()
			}, nil)
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			if err := h.Send(ctx, []target.Message{sample}); err != nil {
				t.Errorf("send: %v", err)
			}
			if ctx.Err() != nil {
				t.Error("the body held the send to its timeout")
			}
			<-done // its connection was given up
		})
	}
}

func TestBatchNamesItsFailures(t *testing.T) {
	t.Parallel()
	h := hookTo(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Webhook-Id") == "bad" {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	}, nil)
	bad := sample
	bad.ID = "bad"
	err := h.Send(t.Context(), []target.Message{sample, bad, sample})
	var failed *target.BatchError
	if !errors.As(err, &failed) || len(failed.Failed) != 1 || !target.IsPermanent(failed.Failed[1]) {
		t.Errorf("error %v", err)
	}
}

// TestKeptConnectionThatWasClosed: a receiver that restarts closes the
// connections that were kept; the next event goes over a new one at once.
func TestKeptConnectionThatWasClosed(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) != 2 {
			return
		}
		// The second request, on the kept connection, meets its end.
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}))
	t.Cleanup(srv.Close)
	h, err := open(&Settings{Endpoint: srv.URL}, target.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.Send(t.Context(), []target.Message{sample}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

func TestCheckOfHTTPSLooksAtTheCertificate(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(answer(500, "", "", ""))
	srv.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	srv.Config.ErrorLog = quiet()
	srv.StartTLS()
	t.Cleanup(srv.Close)
	pool := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for name, tt := range map[string]struct {
		env  target.Env
		want string
	}{
		"trusted": {target.Env{RootCAs: pool}, ""},
		"unknown": {target.Env{}, "unknown authority"},
	} {
		h, err := open(&Settings{Endpoint: srv.URL}, tt.env)
		if err != nil {
			t.Fatal(err)
		}
		err = h.Check(t.Context())
		if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "120", "-1", "99999999999999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31-Dec-99 23:59:59 GMT", "1e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := retryAfter(s, clock()); d < 0 || !ok && d != 0 {
			t.Errorf("retryAfter(%q) = %v, %v", s, d, ok)
		}
	})
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
