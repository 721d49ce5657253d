package harness

import (
	"context"
	"net/http"
)

type userAgentKey struct{}

// WithUserAgent makes the requests of a context have this user agent, which the
// server writes into their events. Their client needs UserAgents.
func WithUserAgent(ctx context.Context, agent string) context.Context {
	return context.WithValue(ctx, userAgentKey{}, agent)
}

// UserAgents wraps a client's transport. Signatures do not cover the user agent.
func UserAgents(next http.RoundTripper) http.RoundTripper { return userAgents{next} }

type userAgents struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (u userAgents) RoundTrip(r *http.Request) (*http.Response, error) {
	if agent, ok := r.Context().Value(userAgentKey{}).(string); ok {
		r = r.Clone(r.Context())
		r.Header.Set("User-Agent", agent)
	}
	return u.next.RoundTrip(r)
}
