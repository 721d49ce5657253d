//go:build long

package takeover

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// envPeer names the program of a MinIO server.
const envPeer = "CARILLON_PEER"

// TestFromARunningServer: the webhook is down, a MinIO server stores what it
// cannot deliver and is stopped; this one starts on a new folder with the same
// queue_dir, and everything comes, in order.
func TestFromARunningServer(t *testing.T) {
	peer := os.Getenv(envPeer)
	if peer == "" {
		t.Fatalf("set %s to the program of a MinIO server", envPeer)
	}
	receiver := harness.NewReceiver(t)
	receiver.Down()
	queue := t.TempDir()
	env := harness.WebhookEnv("1", receiver.URL(), "QUEUE_DIR", queue)
	folder := filepath.Join(queue, "minio-webhook-1")

	old := harness.Start(t, harness.Options{Binary: peer, Env: env})
	client := old.Client(t)
	harness.MakeBucket(t, client, "photos", harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges()})
	const keys, rounds = 20, 15
	for round := range rounds {
		for key := range keys {
			harness.Put(t, client, "photos", fmt.Sprintf("k%02d", key), fmt.Appendf(nil, "%d", round))
		}
	}
	harness.Poll(t, "the files", func() error {
		if n := len(files(t, folder)); n != keys*rounds {
			return fmt.Errorf("%d files", n)
		}
		return nil
	})
	old.Terminate()

	receiver.Up(t)
	s := harness.Start(t, harness.Options{Env: env})
	awaitGone(t, folder)
	got := inherited(receiver.Accepted())
	if len(got) != keys*rounds {
		t.Fatalf("%d events came, want %d", len(got), keys*rounds)
	}
	for i, d := range got {
		if want := fmt.Sprintf("photos/k%02d", i%keys); d.Key != want {
			t.Fatalf("event %d is of %s, want %s", i, d.Key, want)
		}
		if i > 0 && d.Records[0].S3.Object.Sequencer <= got[i-1].Records[0].S3.Object.Sequencer {
			t.Fatalf("event %d came after a newer one", i)
		}
	}
	harness.Report(t, "takeover: %d events of a real MinIO server came in order, %.2f s from first to last", len(got), got[len(got)-1].Arrived.Sub(got[0].Arrived).Seconds())
	s.Terminate()
}
