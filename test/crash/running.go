package crash

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

// running are writers that go on through restarts.
type running struct {
	writers []*writer
	group   sync.WaitGroup
	stopped atomic.Bool
	acked   chan struct{}
	// pace, if not nil, is waited for before each write.
	pace <-chan time.Time
}

// startLoad lets the writers write until stop, or until the test ends.
func startLoad(t *testing.T, all []*writer) *running {
	t.Helper()
	return (&running{}).start(t, all)
}

// startPaced is startLoad with one write each interval, of all writers together,
// at most.
func startPaced(t *testing.T, all []*writer, interval time.Duration) *running {
	t.Helper()
	pace := time.NewTicker(interval)
	t.Cleanup(pace.Stop)
	return (&running{pace: pace.C}).start(t, all)
}

func (l *running) start(t *testing.T, all []*writer) *running {
	t.Helper()
	l.writers, l.acked = all, make(chan struct{})
	for _, w := range all {
		l.group.Go(func() {
			for l.goesOn(t.Context()) {
				if w.step(t.Context()) != nil {
					continue
				}
				select {
				case l.acked <- struct{}{}:
				default: // nobody counts: a restart is under way
				}
			}
		})
	}
	t.Cleanup(l.group.Wait)
	return l
}

// goesOn waits for the pace, and says whether to write once more.
func (l *running) goesOn(ctx context.Context) bool {
	if l.pace != nil {
		select {
		case <-l.pace:
		case <-ctx.Done():
		}
	}
	return !l.stopped.Load() && ctx.Err() == nil
}

// acknowledge waits for n writes to be acknowledged.
func (l *running) acknowledge(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	for range n {
		select {
		case <-l.acked:
		case <-ctx.Done():
			t.Fatal("the writers make no progress")
		}
	}
}

// stop waits until every writer has ended what it was doing, and returns what
// was answered wrongly.
func (l *running) stop() error {
	l.stopped.Store(true)
	l.group.Wait()
	return wrongOf(l.writers)
}
