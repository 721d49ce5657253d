package crash

import (
	"fmt"
	"math/rand/v2"
	"strings"
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
	restarts := harness.Number(t, envRounds, defaultRestarts)
	seed := harness.Number(t, envSeed, rand.Uint64())
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
