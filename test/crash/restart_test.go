package crash

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7/pkg/notification"

	"github.com/carillon-s3/carillon/test/harness"
)

const (
	restartBuckets = 40
	// Each writer has keys in some of the buckets, so that every bucket has two
	// writers.
	bucketsPerWriter = 5
	keysPerBucket    = 3
	// A restart comes after so many writes that were acknowledged since the last.
	restartAfter = 150
)

// restartWriters spread over the buckets.
func restartWriters(seed uint64) []*writer {
	all := make([]*writer, writers)
	for i := range all {
		var keys []string
		for b := range bucketsPerWriter {
			for k := range keysPerBucket {
				keys = append(keys, fmt.Sprintf("%s/w%02d/k%d", restartBucket((i*bucketsPerWriter+b)%restartBuckets), i, k))
			}
		}
		all[i] = newWriter(seed, i, fullLoad(), keys)
	}
	return all
}

func restartBucket(n int) string { return fmt.Sprintf("%s-%02d", bucket, n) }

// TestRestartsUnderLoad restarts the server again and again, in turn as an
// operator does with `mc` and as a supervisor does, while clients write to many
// buckets and send again what was not answered. Nothing that was acknowledged
// may be without its event.
func TestRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	restarts := number(t, envRounds, defaultRestarts)
	seed := number(t, envSeed, rand.Uint64())
	t.Logf("%s=%d %s=%d", envSeed, seed, envRounds, restarts)
	receiver := harness.NewReceiver(t)
	server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
	mc := harness.NewMC(t).Alias("myminio", server)
	// Without NoOP: a delete that is sent again finds nothing to delete.
	rule := harness.Rule{
		ARN:    harness.WebhookARN("1"),
		Events: []notification.EventType{notification.ObjectCreatedAll, notification.ObjectRemovedDelete},
	}
	for b := range restartBuckets {
		harness.MakeBucket(t, server.Client(t), restartBucket(b), rule)
	}
	all := restartWriters(seed)
	client := server.ClientOf(t, harness.ClientOptions{Tries: harness.LibraryTries, Wrap: newLabeller})
	for _, w := range all {
		w.client = client
	}
	l := startLoad(t, all)
	for n := range restarts {
		l.acknowledge(t, restartAfter)
		if n%2 == 0 {
			server.Restarting(func() { mc.OK("--json", "admin", "service", "restart", "myminio") })
			continue
		}
		if code := server.Terminate(); code != 0 {
			t.Errorf("exit code %d after SIGTERM", code)
		}
		server.Restart()
	}
	l.acknowledge(t, restartAfter)
	if err := l.stop(); err != nil {
		t.Error(err)
	}
	done := historyOf(all)
	r := settle(t, mode{}, server, receiver, done)
	harness.Report(t, "restarts: %d under load with %d buckets, %s: %s", restarts, restartBuckets, again(done), r)
	if r.faults() > 0 {
		t.Errorf("%s\n%s", r, strings.Join(r.details, "\n"))
	}
}

// again tells how many writes had to be sent again.
func again(done history) string {
	repeated, unsure := 0, 0
	for _, ops := range done {
		for _, o := range ops {
			if o.sent > 1 {
				repeated++
			}
			if !o.acked {
				unsure++
			}
		}
	}
	return fmt.Sprintf("%d writes sent again, %d given up", repeated, unsure)
}

// running are writers that go on through restarts.
type running struct {
	writers []*writer
	group   sync.WaitGroup
	stopped atomic.Bool
	acked   chan struct{}
}

// startLoad lets the writers write until stop, or until the test ends.
func startLoad(t *testing.T, all []*writer) *running {
	t.Helper()
	l := &running{writers: all, acked: make(chan struct{})}
	for _, w := range all {
		l.group.Go(func() {
			for !l.stopped.Load() && t.Context().Err() == nil {
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
