// Package webhook posts events to an HTTP endpoint.
//
//	mc admin config set ALIAS notify_webhook:1 endpoint=http://localhost:3000
//
// Each event is one POST of {"EventName","Key","Records":[...]} with the
// headers of Standard Webhooks (https://www.standardwebhooks.com, version
// 1.0.0): webhook-id, the same on every attempt, and webhook-timestamp; with
// signing_secret also webhook-signature.
//
// Acknowledged means any 2xx, when its headers are here. 400, 413, 415 and 422
// refuse the event for good; every other answer, redirects among them, is the
// endpoint's trouble, and the event is sent again.
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// senders is how many POSTs may be under way: with an answer in 10 ms, some
	// 3,000 events a second. More would be hard on small receivers.
	senders = 32
	// timeout bounds one exchange: receivers that work before they answer had 60
	// seconds to do so with MinIO.
	timeout = 60 * time.Second
	// drainTime and drainBytes bound the reading of an answer's body, which only
	// serves to use the connection again.
	drainTime  = time.Second
	drainBytes = 64 << 10
	// idleTime is how long an unused connection is kept.
	idleTime = 90 * time.Second
)

// Kind is the webhook kind of target.
func Kind() target.Kind {
	return target.New(target.Definition[Settings, *Settings]{
		Name:        "webhook",
		Description: "publish bucket notifications to webhook endpoints",
		Traits: func(*Settings) target.Traits {
			return target.Traits{MaxBatch: 1, Senders: senders, Timeout: timeout, Body: target.Envelope}
		},
		Open: func(s *Settings, env target.Env) (target.Target, error) { return open(s, env) },
	})
}

// hook is an endpoint.
type hook struct {
	endpoint  *url.URL
	header    http.Header // the same for every POST
	sign      signer
	secrets   redactor
	env       target.Env
	tls       *tls.Config
	transport *http.Transport
	client    *http.Client
	closed    atomic.Bool
}

var errClosed = errors.New("webhook: closed")

func open(s *Settings, env target.Env) (*hook, error) {
	endpoint, err := s.endpoint()
	if err != nil {
		return nil, err
	}
	auth, err := s.authorization()
	if err != nil {
		return nil, err
	}
	sign, err := newSigner(s.SigningSecret)
	if err != nil {
		return nil, err
	}
	conf, err := s.tls(env)
	if err != nil {
		return nil, err
	}
	h := &hook{
		endpoint: endpoint,
		header: http.Header{
			"User-Agent": {userAgent(env)},
			// Without a value it is not sent. It tells the HTTP client that a POST
			// may go again on a new connection when a kept one turns out to be
			// closed; webhook-id makes that harmless.
			"Idempotency-Key": {},
		},
		sign:    sign,
		secrets: newRedactor(s),
		env:     env,
		tls:     conf,
		transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         env.Dialer().DialContext,
			TLSClientConfig:     conf,
			TLSHandshakeTimeout: 10 * time.Second,
			TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1: a timeout ends one POST's connection, not all
			DisableCompression:  true,
			MaxIdleConns:        senders,
			MaxIdleConnsPerHost: senders,
			IdleConnTimeout:     idleTime,
		},
	}
	if auth != "" {
		h.header.Set("Authorization", auth)
	}
	h.client = &http.Client{
		Transport:     h.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return h, nil
}

func userAgent(env target.Env) string {
	if env.UserAgent == "" {
		return "Carillon"
	}
	return env.UserAgent
}

// Send posts each message of batch, all at once, and tells of those that were
// not acknowledged.
func (h *hook) Send(ctx context.Context, batch []target.Message) error {
	if len(batch) == 1 {
		return h.post(ctx, &batch[0])
	}
	var (
		mu     sync.Mutex
		failed = make(map[int]error)
		wg     sync.WaitGroup
	)
	for i := range batch {
		wg.Go(func() {
			if err := h.post(ctx, &batch[i]); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[i] = err
			}
		})
	}
	wg.Wait()
	if len(failed) > 0 {
		return &target.BatchError{Failed: failed}
	}
	return nil
}

func (h *hook) post(ctx context.Context, m *target.Message) error {
	if h.closed.Load() {
		return errClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Not NewRequest: the URL is parsed once.
	req := (&http.Request{
		Method:        http.MethodPost,
		URL:           h.endpoint,
		Header:        h.header.Clone(),
		Host:          h.endpoint.Host,
		Body:          io.NopCloser(bytes.NewReader(m.Body)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.Body)), nil },
		ContentLength: int64(len(m.Body)),
	}).WithContext(ctx)
	now := strconv.FormatInt(h.env.Time().Unix(), 10)
	req.Header["Content-Type"] = []string{m.MediaType()}
	for _, a := range m.Attributes { // CloudEvents HTTP binding 1.0, 3.1.3
		req.Header.Set("Ce-"+a.Name, percentEncoded(a.Value))
	}
	req.Header["Webhook-Id"] = []string{m.ID}
	req.Header["Webhook-Timestamp"] = []string{now}
	if sig := h.sign.header(m.ID, now, m.Body); sig != "" {
		req.Header["Webhook-Signature"] = []string{sig}
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return h.clean(err)
	}
	return h.answer(resp, cancel)
}

// answer reads the answer to a POST. An acknowledgement stands with its
// headers, whatever becomes of the body.
func (h *hook) answer(resp *http.Response, cancel context.CancelFunc) error {
	tooLong := time.AfterFunc(drainTime, cancel)
	defer tooLong.Stop()
	var text []byte
	if resp.StatusCode/100 != 2 {
		text, _ = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, drainBytes))
	_ = resp.Body.Close()
	if h.closed.Load() {
		h.transport.CloseIdleConnections()
	}
	return h.judge(resp, text)
}

// Check connects to the endpoint, or to the proxy before it, and posts nothing.
// An https endpoint must also prove who it is.
func (h *hook) Check(ctx context.Context) error {
	if h.closed.Load() {
		return errClosed
	}
	u, secure := h.endpoint, h.endpoint.Scheme == "https"
	if proxy, err := h.transport.Proxy(&http.Request{URL: u}); err != nil {
		return fmt.Errorf("proxy: %w", h.clean(err))
	} else if proxy != nil {
		u, secure = proxy, false
	}
	conn, err := h.env.Dialer().DialContext(ctx, "tcp", address(u))
	if err != nil {
		return h.clean(err)
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	if !secure {
		return nil
	}
	conf := h.tls.Clone()
	conf.ServerName = u.Hostname()
	if err := tls.Client(conn, conf).HandshakeContext(ctx); err != nil {
		return h.clean(err)
	}
	return nil
}

// address is the host and port of u.
func address(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Close closes the connections that are idle. POSTs under way finish, and their
// connections go with them.
func (h *hook) Close() error {
	h.closed.Store(true)
	h.transport.CloseIdleConnections()
	return nil
}
