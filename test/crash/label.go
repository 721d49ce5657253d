package crash

import (
	"context"
	"net/http"
	"sync/atomic"
)

// request is what the requests of one operation have in common.
type request struct {
	label string
	sent  atomic.Int64
}

type requestKey struct{}

// labelled makes the requests of a context those of r.
func labelled(ctx context.Context, r *request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// labeller sets the user agent, which signatures do not cover.
type labeller struct{ next http.RoundTripper }

func newLabeller(next http.RoundTripper) http.RoundTripper { return labeller{next} }

// RoundTrip implements http.RoundTripper.
func (l labeller) RoundTrip(hr *http.Request) (*http.Response, error) {
	if r, ok := hr.Context().Value(requestKey{}).(*request); ok {
		hr = hr.Clone(hr.Context())
		hr.Header.Set("User-Agent", r.label)
		r.sent.Add(1)
	}
	return l.next.RoundTrip(hr)
}
