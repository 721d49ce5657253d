package openid

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// askTime bounds what a token may wait for its issuer.
	askTime = 10 * time.Second
	// dialTime bounds the making of one connection.
	dialTime = 5 * time.Second
	// maxAnswerBytes bounds what is read of an answer; discovery documents and sets
	// of keys have some KiB.
	maxAnswerBytes = 1 << 20
	// askEvery is the shortest time between two questions for the same document, so
	// that tokens with made-up keys do not become requests to their issuer.
	askEvery = 5 * time.Second
)

// transport is how issuers are asked.
type transport struct {
	userAgent string
	current   atomic.Pointer[http.Transport]
}

func newTransport(o Options) *transport {
	t := &transport{userAgent: o.UserAgent}
	t.trust(o.RootCAs)
	return t
}

// trust replaces the roots. Requests under way end as they began.
func (t *transport) trust(roots *x509.CertPool) {
	next := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTime}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout: dialTime,
		ForceAttemptHTTP2:   true,
		IdleConnTimeout:     time.Minute,
		MaxIdleConnsPerHost: 2,
	}
	if old := t.current.Swap(next); old != nil {
		old.CloseIdleConnections()
	}
}

func (t *transport) close() { t.current.Load().CloseIdleConnections() }

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.userAgent != "" {
		r = r.Clone(r.Context())
		r.Header.Set("User-Agent", t.userAgent)
	}
	resp, err := t.current.Load().RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = bounded{io.LimitReader(resp.Body, maxAnswerBytes), resp.Body}
	return resp, nil
}

// bounded is a body of which not more than that is read.
type bounded struct {
	io.Reader
	io.Closer
}

// errSoon says that a document was asked for a moment ago.
var errSoon = errors.New("openid: asked a moment ago")

// seldom passes on a request if the last is long enough ago.
type seldom struct {
	next http.RoundTripper
	now  func() time.Time

	mu    sync.Mutex
	asked time.Time
	// answered says that the last question that ended was answered with 200.
	answered bool
}

// RoundTrip implements http.RoundTripper.
func (s *seldom) RoundTrip(r *http.Request) (*http.Response, error) {
	now := s.now()
	s.mu.Lock()
	soon := !s.asked.IsZero() && now.Sub(s.asked) < askEvery
	if !soon {
		s.asked, s.answered = now, false
	}
	s.mu.Unlock()
	if soon {
		return nil, errSoon
	}
	resp, err := s.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusOK {
		s.mu.Lock()
		s.answered = true
		s.mu.Unlock()
	}
	return resp, err
}

// fresh reports whether what is known is the answer of a moment ago.
func (s *seldom) fresh() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answered
}
