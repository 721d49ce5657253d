package crash

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/carillon-s3/carillon/test/harness"
)

// request is what the requests of one operation have in common.
type request struct {
	label string
	sent  atomic.Int64
}

type requestKey struct{}

// labelled makes the requests of a context those of r.
func labelled(ctx context.Context, r *request) context.Context {
	return context.WithValue(harness.WithUserAgent(ctx, r.label), requestKey{}, r)
}

// labeller counts the requests of each operation, and has its label be their user
// agent.
type labeller struct{ next http.RoundTripper }

func newLabeller(next http.RoundTripper) http.RoundTripper {
	return labeller{harness.UserAgents(next)}
}

// RoundTrip implements http.RoundTripper.
func (l labeller) RoundTrip(hr *http.Request) (*http.Response, error) {
	if r, ok := hr.Context().Value(requestKey{}).(*request); ok {
		r.sent.Add(1)
	}
	return l.next.RoundTrip(hr)
}
