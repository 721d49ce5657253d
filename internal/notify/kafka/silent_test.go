package kafka

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// TestSilentBroker: a broker that is frozen still gets connections from its
// system, and says nothing on them. Nothing waits longer than its context, and
// nothing stays behind.
func TestSilentBroker(t *testing.T) {
	before := goleak.IgnoreCurrent()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := open(settings(t, map[string]string{"brokers": l.Addr().String()}), target.Env{})
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(context.Context) error{
		"send": func(ctx context.Context) error {
			return p.Send(ctx, []target.Message{{Key: "b/k", Body: []byte("{}")}})
		},
		"check": p.Check,
	}
	for name, call := range calls {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		done := make(chan error, 1)
		go func() { done <- call(ctx) }()
		select {
		case err := <-done:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(5 * time.Second): // half of the client's own time
			t.Fatalf("%s did not return after its context had ended", name)
		}
		cancel()
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
