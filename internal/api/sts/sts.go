// Package sts is the surface of temporary credentials: the part of AWS STS that
// clients of MinIO use, AssumeRole and AssumeRoleWithWebIdentity ("AWS STS API
// reference", version 2011-06-15). Requests are forms that are posted to the
// server's root, where S3 has no operation.
//
// What comes from nobody in particular is bounded before it is looked at, and
// nothing of it is kept.
package sts

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/openid"
)

// Identities makes temporary credentials; *iam.Store is one.
type Identities interface {
	AssumeRole(by iam.Principal, want iam.SessionRequest) (iam.Session, error)
	AssumeWebIdentity(id iam.WebIdentity, want iam.SessionRequest) (iam.Session, error)
}

// Issuers verifies the tokens of web identities; *openid.Issuers is one. An error
// is openid.ErrUnreachable, or says what is wrong with the token.
type Issuers interface {
	Verify(ctx context.Context, token string) (openid.Identity, error)
}

// Config is what a Handler needs. Identities, Issuers and Verifier are required.
type Config struct {
	Identities Identities
	Issuers    Issuers
	Verifier   *iam.Verifier
	// TrustedProxies are the only peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// HostID is constant for this server: 64 lower-case hexadecimal digits.
	HostID string
	Logger *slog.Logger
	// Observe, if not nil, is called once after every request.
	Observe func(Observation)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Observation tells of one finished request.
type Observation struct {
	// Operation is the action's name, empty if there is no such action.
	Operation      string
	Status         int
	Duration       time.Duration
	Received, Sent int64
}

// Handler serves STS. It is safe for concurrent use.
type Handler struct {
	Config
	actions     map[string]action
	verifying   chan struct{} // a place for each web identity that is being verified
	lastRequest atomic.Uint64
}

// maxVerifying bounds the web identities that are verified at once: each may wait
// for its issuer.
const maxVerifying = 64

// New returns a handler for the requests that Takes says are its.
func New(c Config) *Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Handler{Config: c, actions: actions(), verifying: make(chan struct{}, maxVerifying)}
}

// Takes reports whether a request is one of STS, and not of S3.
func Takes(r *http.Request) bool {
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		return false
	}
	return strings.HasPrefix(r.Header.Get("Content-Type"), formType) || strings.Contains(r.URL.RawQuery, paramAction+"=")
}

// call is one request.
type call struct {
	r      *http.Request
	form   form
	body   []byte
	source string
}

// action is one row of the table of actions.
type action struct {
	// needs is what the caller's policies must not deny; empty where the request is
	// not signed, and serve verifies who it is of.
	needs iam.Action
	serve func(h *Handler, c *call) (any, error)
}

// actions is the table, by the parameter Action.
func actions() map[string]action {
	return map[string]action{
		"AssumeRole":                {needs: iam.STSAssumeRole, serve: (*Handler).assumeRole},
		"AssumeRoleWithWebIdentity": {serve: (*Handler).assumeWebIdentity},
	}
}

// Operations returns the names of all actions.
func Operations() []string { return []string{"AssumeRole", "AssumeRoleWithWebIdentity"} }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := h.Now()
	id := h.requestID(start)
	header := w.Header()
	header["Server"] = []string{"Carillon"}
	header["X-Amz-Id-2"] = []string{h.HostID}
	header["X-Amz-Request-Id"] = []string{id}
	header["X-Content-Type-Options"] = []string{"nosniff"}
	c := &call{r: r, source: iam.SourceIP(r, h.TrustedProxies)}
	answer, err := h.handle(w, c)
	status, sent := h.write(w, c, id, answer, err)
	if h.Observe != nil {
		o := Observation{Status: status, Duration: h.Now().Sub(start), Received: int64(len(c.body)), Sent: sent}
		if _, ok := h.actions[c.form.action]; ok {
			o.Operation = c.form.action
		}
		h.Observe(o)
	}
}

func (h *Handler) handle(w http.ResponseWriter, c *call) (any, error) {
	if err := c.read(w, h.Now()); err != nil {
		return nil, err
	}
	switch c.form.version {
	case version:
	case "":
		return nil, errMissingParameter.says("The parameter Version is required; it must be " + version + ".")
	default:
		return nil, errInvalidParameter.says("There is no such Version; it must be " + version + ".")
	}
	a, ok := h.actions[c.form.action]
	switch {
	case c.form.action == "":
		return nil, errMissingAction
	case !ok:
		return nil, errInvalidAction
	}
	return a.serve(h, c)
}

// requestID is unique within the process: the time in nanoseconds, or one more
// than the last.
func (h *Handler) requestID(at time.Time) string {
	now := uint64(at.UnixNano()) //nolint:gosec // after 1970
	for {
		last := h.lastRequest.Load()
		next := max(now, last+1)
		if h.lastRequest.CompareAndSwap(last, next) {
			return fmt.Sprintf("%016X", next)
		}
	}
}
