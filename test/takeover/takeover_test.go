// Package takeover changes the binary under a queue_dir in which a MinIO server
// left undelivered events.
package takeover

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// files are those in a folder, without folders.
func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// awaitGone waits until a folder holds no file.
func awaitGone(t *testing.T, folder string) {
	t.Helper()
	harness.Poll(t, "the files to go", func() error {
		if names := files(t, folder); len(names) > 0 {
			return fmt.Errorf("%d files are left", len(names))
		}
		return nil
	})
}

// inherited are the accepted deliveries of inherited events: their ids tell.
func inherited(all []harness.Delivery) (out []harness.Delivery) {
	for _, d := range all {
		if d.Accepted() && strings.HasPrefix(d.ID, "minio-") {
			out = append(out, d)
		}
	}
	return out
}

// TestCapturedFiles starts on files that a MinIO server wrote, some of them
// spoilt, with the receiver down, and kills the server before it is up. What
// lies beside them is not touched.
func TestCapturedFiles(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	receiver.Down()
	queue := t.TempDir()
	folder := filepath.Join(queue, "minio-webhook-1")
	captured := harness.ModulePath(t, "internal", "notify", "takeover", "testdata", "minio-webhook-1")
	if err := os.CopyFS(folder, os.DirFS(captured)); err != nil {
		t.Fatal(err)
	}
	want := len(files(t, folder))
	for path, content := range map[string]string{
		"minio-webhook-1/01234567-89ab-4def-8123-456789abcdef.event": "",
		"minio-webhook-1/01234567-89ab-4def-8123-456789abcdee.event": `{"eventVersion":"2.0"`,
		"minio-webhook-2/01234567-89ab-4def-8123-456789abcdef.event": "of another target",
		"minio-kafka-1/01234567-89ab-4def-8123-456789abcdef.event":   "of another kind",
	} {
		path = filepath.Join(queue, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL(), "QUEUE_DIR", queue)})
	harness.MakeBucket(t, s.Client(t), "photos", harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges()})
	harness.Put(t, s.Client(t), "photos", "k", []byte("newer"))
	s.Output.WaitFor(t, "are sent first")
	s.Kill()
	receiver.Up(t)
	s.Restart()
	awaitGone(t, folder)
	all := receiver.Wait(t, "the newer event", func(all []harness.Delivery) bool {
		return len(all) > 0 && !strings.HasPrefix(all[len(all)-1].ID, "minio-")
	})
	old := inherited(all)
	if len(old) != want {
		t.Errorf("%d inherited events came, want %d", len(old), want)
	}
	last := ""
	for _, d := range old {
		if seq := d.Records[0].S3.Object.Sequencer; seq < last {
			t.Errorf("%s of %s came after %s", seq, d.Key, last)
		} else {
			last = seq
		}
	}
	if newer := all[len(all)-1]; newer.Key != "photos/k" || newer.Records[0].S3.Object.Sequencer <= last {
		t.Errorf("the newer event: %s %s", newer.Key, newer.Records[0].S3.Object.Sequencer)
	}
	for sub, n := range map[string]int{"minio-webhook-1/carillon-aside": 2, "minio-webhook-2": 1, "minio-kafka-1": 1} {
		if got := files(t, filepath.Join(queue, sub)); len(got) != n {
			t.Errorf("in %s: %q, want %d", sub, got, n)
		}
	}
	s.Output.WaitFor(t, "kept aside")
}

// TestQueueDirIsSetLater: `mc admin config set` on a running server takes over
// too.
func TestQueueDirIsSetLater(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	queue := t.TempDir()
	folder := filepath.Join(queue, "minio-webhook-_")
	captured := harness.ModulePath(t, "internal", "notify", "takeover", "testdata", "minio-webhook-1")
	if err := os.CopyFS(folder, os.DirFS(captured)); err != nil {
		t.Fatal(err)
	}
	want := len(files(t, folder))
	s := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("s", s)
	mc.OK("admin", "config", "set", "s", "notify_webhook", "endpoint="+receiver.URL())
	mc.OK("admin", "config", "set", "s", "notify_webhook", "endpoint="+receiver.URL(), "queue_dir="+queue)
	awaitGone(t, folder)
	if got := len(inherited(receiver.Accepted())); got != want {
		t.Errorf("%d events came, want %d", got, want)
	}
}
