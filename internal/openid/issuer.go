package openid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	// clockSkew is how long after its end a token is still taken: clocks differ.
	clockSkew = time.Minute
	// discoveryAge is how old a discovery document may be. An issuer that cannot be
	// asked anew keeps its old one.
	discoveryAge = time.Hour
)

// issuer is one that is configured.
type issuer struct {
	settings *Settings
	next     http.RoundTripper
	now      func() time.Time

	mu    sync.Mutex
	found *discovery
	// failed is why there is none, since when.
	failed   error
	failedAt time.Time
	asking   chan struct{} // closed when the question that is under way has ended
}

// discovery is what an issuer says of itself ("OpenID Connect Discovery 1.0").
type discovery struct {
	issuer   string
	verifier *oidc.IDTokenVerifier
	keys     *keySet
	at       time.Time
}

func newIssuer(s *Settings, next http.RoundTripper, now func() time.Time) *issuer {
	return &issuer{settings: s, next: next, now: now}
}

// discovered returns the issuer's document, and asks for it where it is missing or
// old. Whoever comes meanwhile waits for the same answer, or takes the old one.
func (i *issuer) discovered(ctx context.Context) (*discovery, error) {
	i.mu.Lock()
	now := i.now()
	switch {
	case i.found != nil && (i.asking != nil || now.Sub(i.found.at) < discoveryAge):
		defer i.mu.Unlock()
		return i.found, nil
	case i.failed != nil && i.asking == nil && now.Sub(i.failedAt) < askEvery:
		defer i.mu.Unlock()
		return i.known()
	}
	asking := i.asking
	if asking == nil {
		asking = make(chan struct{})
		i.asking = asking
		go i.ask(context.WithoutCancel(ctx), asking)
	}
	i.mu.Unlock()
	select {
	case <-asking:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, ctx.Err())
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.known()
}

// knownAs reports whether its document, if there is one, has that name.
func (i *issuer) knownAs(name string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.found != nil && i.found.issuer == name
}

// known is what the last question gave. i.mu is held.
func (i *issuer) known() (*discovery, error) {
	if i.found != nil {
		return i.found, nil
	}
	return nil, fmt.Errorf("%w: %w", ErrUnreachable, i.failed)
}

// ask asks for the document. It ends within askTime.
func (i *issuer) ask(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	found, err := i.discover(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.asking = nil; err == nil {
		i.found, i.failed = found, nil
	} else {
		i.failed, i.failedAt = err, i.now()
	}
	close(done)
}

func (i *issuer) discover(ctx context.Context) (*discovery, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, i.settings.ConfigURL, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: i.next, Timeout: askTime}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it is only read
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("config_url is answered with %s", resp.Status)
	}
	var document struct {
		Issuer     string   `json:"issuer"`
		KeysURL    string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&document); err != nil {
		return nil, fmt.Errorf("config_url is answered with no discovery document: %w", err)
	}
	if document.Issuer == "" || document.KeysURL == "" {
		return nil, errors.New("the discovery document names no issuer, or no jwks_uri")
	}
	keys := newKeySet(i.next, i.now, document.KeysURL)
	verifier := oidc.NewVerifier(document.Issuer, keys, &oidc.Config{
		SkipClientIDCheck: true, // verify looks at azp too
		// Those of shared secrets are never taken: our own would then make tokens.
		SupportedSigningAlgs: slices.DeleteFunc(document.Algorithms, func(a string) bool { return !asymmetric(a) }),
		Now:                  func() time.Time { return i.now().Add(-clockSkew) },
	})
	return &discovery{issuer: document.Issuer, verifier: verifier, keys: keys, at: i.now()}, nil
}

// asymmetric reports whether a signature is made with a key that we do not need to
// know (RFC 7518, section 3.1; RFC 8037).
func asymmetric(algorithm string) bool {
	switch algorithm {
	case oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA:
		return true
	}
	return false
}

// verify checks a token that claims to be this issuer's.
func (i *issuer) verify(ctx context.Context, d *discovery, token string) (Identity, error) {
	var unreachable error
	verified, err := d.verifier.Verify(context.WithValue(ctx, keyFailure{}, &unreachable), token)
	expired := (*oidc.TokenExpiredError)(nil)
	switch {
	case unreachable != nil:
		return Identity{}, fmt.Errorf("%w: %w", ErrUnreachable, unreachable)
	case errors.As(err, &expired):
		return Identity{}, ErrExpired
	case err != nil:
		return Identity{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var claims map[string]json.RawMessage
	if err := verified.Claims(&claims); err != nil {
		return Identity{}, fmt.Errorf("%w: its claims cannot be read", ErrInvalid)
	}
	if !slices.Contains(verified.Audience, i.settings.ClientID) && !slices.Contains(texts(claims["azp"]), i.settings.ClientID) {
		return Identity{}, fmt.Errorf("%w: it was made for another client", ErrInvalid)
	}
	if verified.Subject == "" || len(verified.Subject) > maxSubject || strings.ContainsFunc(verified.Subject, isControl) {
		return Identity{}, fmt.Errorf("%w: its subject is missing or malformed", ErrInvalid)
	}
	id := Identity{
		Issuer: verified.Issuer, Subject: verified.Subject, Audience: i.settings.ClientID,
		Policies: i.settings.RolePolicy, Claims: conditionClaims(claims),
	}
	if len(id.Policies) == 0 {
		for _, list := range texts(claims[i.settings.claim()]) {
			id.Policies = append(id.Policies, splitNames(list)...)
		}
	}
	if len(id.Policies) == 0 {
		return Identity{}, ErrNoPolicy
	}
	return id, nil
}
