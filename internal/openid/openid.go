// Package openid verifies the tokens of OpenID Connect issuers ("OpenID Connect
// Core 1.0", ID Token Validation) and says whom they vouch for, with which
// policies. Its settings are those of MinIO's identity_openid.
//
// An issuer is asked when a token comes: for its discovery document and its keys,
// which are remembered. One that hangs holds up nobody but those who bring its
// tokens, and them for a bounded time; however many tokens come, it is asked
// seldom.
package openid

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
)

// Errors of Verify; use errors.Is. None holds the token.
var (
	// ErrInvalid: no configured issuer signed this token for us.
	ErrInvalid = errors.New("openid: invalid token")
	// ErrExpired: the token's time is over.
	ErrExpired = errors.New("openid: token has expired")
	// ErrNoPolicy: the token is right and names no policy.
	ErrNoPolicy = errors.New("openid: the token names no policy")
	// ErrUnreachable: the issuer could not be asked.
	ErrUnreachable = errors.New("openid: issuer cannot be asked")
)

// Identity is whom a token is about.
type Identity struct {
	// Issuer and Subject say who it is; Audience is whom the token was made for.
	Issuer, Subject, Audience string
	// Policies are the names that the role or the token gives, at least one.
	Policies []string
	// Claims are those that policies may ask for, by name in lower case.
	Claims map[string][]string
}

// Options are what Issuers are made of. All have defaults.
type Options struct {
	// RootCAs are trusted for TLS; nil means the system's roots.
	RootCAs   *x509.CertPool
	UserAgent string
	Logger    *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Issuers are all that are configured. They are safe for concurrent use.
type Issuers struct {
	options   Options
	transport *transport
	all       atomic.Pointer[[]*issuer]
}

// New returns no issuers yet: Apply configures them.
func New(o Options) *Issuers {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	i := &Issuers{options: o, transport: newTransport(o)}
	i.all.Store(new([]*issuer))
	return i
}

// Apply configures the issuers anew; what they were asked before is forgotten. One
// that is misconfigured is logged and left out.
func (i *Issuers) Apply(instances []config.Instance) {
	var all []*issuer
	for _, instance := range instances {
		if instance.Err != nil {
			i.options.Logger.Error("an issuer of web identities is misconfigured", "settings", instance.Name(), "err", instance.Err)
			continue
		}
		if s, ok := instance.Settings.(*Settings); ok && s.configured() {
			all = append(all, newIssuer(s, i.transport, i.options.Now))
		}
	}
	i.all.Store(&all)
}

// Trust has the issuers' certificates checked against other roots, nil the
// system's.
func (i *Issuers) Trust(roots *x509.CertPool) { i.transport.trust(roots) }

// Close gives back the connections that are kept.
func (i *Issuers) Close() { i.transport.close() }

// Verify says whom a token is about. It asks the token's issuer if it has to, for
// at most askTime; where it cannot, the error is ErrUnreachable.
func (i *Issuers) Verify(ctx context.Context, token string) (Identity, error) {
	name, err := claimedIssuer(token)
	if err != nil {
		return Identity{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	failure := fmt.Errorf("%w: no issuer of this name is configured", ErrInvalid)
	for _, is := range i.likeliest(name) {
		found, err := is.discovered(ctx)
		switch {
		case err != nil:
			failure = err
		case found.issuer == name:
			id, err := is.verify(ctx, found, token)
			if err == nil {
				return id, nil
			}
			failure = err // another client of the same issuer may be meant
		}
	}
	return Identity{}, failure
}

// likeliest are the issuers, first those that are known to have a name, and then
// those whose config_url begins with it, as it mostly does: one that hangs is not
// asked for the tokens of another.
func (i *Issuers) likeliest(name string) []*issuer {
	rank := func(is *issuer) int {
		switch {
		case is.knownAs(name):
			return 0
		case strings.HasPrefix(is.settings.ConfigURL, name):
			return 1
		}
		return 2
	}
	return slices.SortedStableFunc(slices.Values(*i.all.Load()), func(a, b *issuer) int { return cmp.Compare(rank(a), rank(b)) })
}

// claimedIssuer is the issuer that a token names. Nothing is verified.
func claimedIssuer(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("%w: it has not three parts", ErrInvalid)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("%w: its payload is not base64", ErrInvalid)
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer == "" {
		return "", fmt.Errorf("%w: its payload names no issuer", ErrInvalid)
	}
	return claims.Issuer, nil
}
