package s3api_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
)

// TestHold tells which answers ask for head and body to leave together.
func TestHold(t *testing.T) {
	t.Parallel()
	var held atomic.Int64
	s := newSite(t, func(c *s3api.Config) {
		c.Hold = func(context.Context) { held.Add(1) }
	})
	s.do(t, raw{method: "PUT", path: "/bkt"})
	s.do(t, raw{method: "PUT", path: "/bkt/small", body: strings.Repeat("s", 4096)})
	s.do(t, raw{method: "PUT", path: "/bkt/large", body: strings.Repeat("l", 64<<10)})
	for _, tt := range []struct {
		name string
		raw  raw
		want int64
	}{
		{"small", raw{method: "GET", path: "/bkt/small"}, 1},
		{"part of a large one", raw{method: "GET", path: "/bkt/large", header: map[string]string{"Range": "bytes=100-5000"}}, 1},
		{"so small that it fits anyway", raw{method: "GET", path: "/bkt/small", header: map[string]string{"Range": "bytes=0-99"}}, 0},
		{"large", raw{method: "GET", path: "/bkt/large"}, 0},
		{"none there", raw{method: "GET", path: "/bkt/none"}, 0},
		{"head", raw{method: "HEAD", path: "/bkt/small"}, 0},
		{"a body of the request's own", raw{method: "GET", path: "/bkt/small", body: "x"}, 0},
	} {
		before := held.Load()
		s.do(t, tt.raw)
		if got := held.Load() - before; got != tt.want {
			t.Errorf("%s: held %d times, want %d", tt.name, got, tt.want)
		}
	}
}
