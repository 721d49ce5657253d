package outage

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// shortWindow has the journal keep next to nothing, so that what a target waits
// for leaves it during the test.
const shortWindow = "CARILLON_JOURNAL_AGE=1s"

// spoolDir is the folder of a webhook target's spool.
func spoolDir(queueDir, id string) string {
	return filepath.Join(queueDir, "carillon-webhook-"+id)
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// waitSpooled waits until a spool holds something.
func waitSpooled(t *testing.T, dir string) {
	t.Helper()
	harness.Poll(t, "events in "+dir, func() error {
		if len(segments(t, dir)) == 0 {
			return fmt.Errorf("no segment")
		}
		return nil
	})
}

// TestWindowShorterThanTheOutage: the journal's window closes while receivers are
// away, the server is killed, and nothing is lost, with and without queue_dir.
func TestWindowShorterThanTheOutage(t *testing.T) {
	t.Parallel()
	const keys, versions = 20, 5
	plain, spooled := harness.NewReceiver(t), harness.NewReceiver(t)
	plain.Down()
	spooled.Down()
	queue := t.TempDir()
	server := harness.Start(t, harness.Options{Env: slices.Concat(
		[]string{shortWindow},
		harness.WebhookEnv("PLAIN", plain.URL()),
		harness.WebhookEnv("SPOOLED", spooled.URL(), "QUEUE_DIR", queue))})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("PLAIN"), all("SPOOLED"))
	put := func(version int) {
		for k := range keys {
			harness.Put(t, client, bucket, fmt.Sprintf("k%d", k), fmt.Appendf(nil, "version %d", version))
		}
	}
	for v := range versions {
		put(v)
	}
	// Both are moved by the same trims.
	waitSpooled(t, spoolDir(queue, "SPOOLED"))
	server.Kill()
	server.Restart()
	client = server.Client(t)
	for v := range versions {
		put(versions + v)
	}
	plain.Up(t)
	spooled.Up(t)
	for name, r := range map[string]*harness.Receiver{"without queue_dir": plain, "with queue_dir": spooled} {
		for k := range keys {
			key := fmt.Sprintf("%s/k%d", bucket, k)
			got := r.Wait(t, "all events of "+key, func(all []harness.Delivery) bool {
				return len(firstAccepted(all, key)) == 2*versions
			})
			if !inOrder(firstAccepted(got, key)) {
				t.Errorf("%s: the events of %s were acknowledged out of order", name, key)
			}
		}
		harness.Report(t, "outage: window of 1 s closed while the receiver was down and the server was killed, %s: %d of %d delivered in order",
			name, keys*2*versions, keys*2*versions)
	}
	harness.Poll(t, "an empty spool", func() error {
		if left := segments(t, spoolDir(queue, "SPOOLED")); len(left) > 0 {
			return fmt.Errorf("%d segments are left", len(left))
		}
		return nil
	})
}

// TestHarmedSpool: whatever happens to the folder of a spool is said in log and
// status, and every event is delivered or listed as lost.
func TestHarmedSpool(t *testing.T) {
	t.Parallel()
	// More versions of each key than a target reads ahead.
	const keys, versions = 4, 100
	tests := map[string]struct {
		harm func(t *testing.T, dir string)
		// says is one of the problems that may be found first.
		says []string
	}{
		"emptied": {
			func(t *testing.T, dir string) {
				names, err := filepath.Glob(filepath.Join(dir, "*"))
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range names {
					must(t, os.Remove(name))
				}
			},
			[]string{"missing or empty"},
		},
		"removed": {
			func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) },
			[]string{"missing or empty"},
		},
		"swapped": {
			func(t *testing.T, dir string) {
				must(t, os.RemoveAll(dir))
				must(t, os.CopyFS(dir, os.DirFS(foreignSpool(t))))
			},
			[]string{"another spool"},
		},
		"cut off": {
			func(t *testing.T, dir string) {
				for _, name := range segments(t, dir) {
					must(t, os.Truncate(name, 1000))
				}
			},
			// Where the server appends afterwards, there is a hole.
			[]string{"shorter", "a record is damaged"},
		},
	}
	for name, tt := range tests {
		for _, how := range []string{"while it runs", "before a start"} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				receiver := harness.NewReceiver(t)
				receiver.Down()
				queue := t.TempDir()
				dir := spoolDir(queue, "1")
				env := append(harness.WebhookEnv("1", receiver.URL(), "QUEUE_DIR", queue), shortWindow)
				server := harness.Start(t, harness.Options{Env: env})
				client := server.Client(t)
				harness.MakeBucket(t, client, bucket, all("1"))
				for v := range versions {
					for k := range keys {
						harness.Put(t, client, bucket, fmt.Sprintf("k%d", k), fmt.Appendf(nil, "version %d", v))
					}
				}
				harness.Poll(t, "all events in the spool", func() error {
					// The journal keeps the last of each partition.
					info := server.WebhookInfo(t, "1")
					if info.Backlog != keys*versions || info.Spool.Bytes*versions < info.BacklogBytes*(versions-1) {
						return fmt.Errorf("%+v", info)
					}
					return nil
				})
				if how == "before a start" {
					server.Terminate()
					tt.harm(t, dir)
					server.Restart()
					client = server.Client(t)
				} else {
					tt.harm(t, dir)
				}
				receiver.Up(t)
				lost := 0
				harness.Poll(t, "every event delivered or listed", func() error {
					delivered := 0
					for k := range keys {
						delivered += len(firstAccepted(receiver.Deliveries(), fmt.Sprintf("%s/k%d", bucket, k)))
					}
					info := server.WebhookInfo(t, "1")
					if lost = int(info.Dropped); delivered+lost < keys*versions || info.Backlog > 0 {
						return fmt.Errorf("%d delivered, %d lost, %d wait", delivered, lost, info.Backlog)
					}
					return nil
				})
				for k := range keys {
					if key := fmt.Sprintf("%s/k%d", bucket, k); !inOrder(firstAccepted(receiver.Deliveries(), key)) {
						t.Errorf("the events of %s were acknowledged out of order", key)
					}
				}
				if lost == 0 {
					t.Error("nothing was lost: the folder was not harmed")
				}
				server.Stderr.WaitFor(t, "the spool is not as it was written")
				said := func(text string) bool {
					return slices.ContainsFunc(tt.says, func(s string) bool { return strings.Contains(text, s) })
				}
				server.Stderr.Wait(t, fmt.Sprintf("one of %q", tt.says), said)
				if info := server.WebhookInfo(t, "1"); !said(info.Spool.Problem) {
					t.Errorf("status %+v does not say %q", info.Spool, tt.says)
				}
				// The lane flows on.
				receiver.WaitKeys(t, harness.PutMany(t, client, bucket, "later", 20))
				harness.Report(t, "outage: spool %s %s, %d PUTs: %d listed as lost, the others delivered", name, how, keys*versions, lost)
			})
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// foreignSpool is the folder of a spool of another server.
func foreignSpool(t *testing.T) string {
	t.Helper()
	queue := t.TempDir()
	env := append(harness.WebhookEnv("1", "http://127.0.0.1:1/", "QUEUE_DIR", queue), shortWindow)
	server := harness.Start(t, harness.Options{Env: env})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("1"))
	harness.PutMany(t, client, bucket, "k", 100)
	waitSpooled(t, spoolDir(queue, "1"))
	server.Kill()
	return spoolDir(queue, "1")
}

// TestSpoolThatCannotBeWritten: a file stands where the folder would be made, as
// nothing can be written on a volume that is full or read-only. It is said, and
// nothing is lost.
func TestSpoolThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	const puts = 200
	receiver := harness.NewReceiver(t)
	receiver.Down()
	queue := t.TempDir()
	must(t, os.WriteFile(spoolDir(queue, "1"), nil, 0o600))
	env := append(harness.WebhookEnv("1", receiver.URL(), "QUEUE_DIR", queue), shortWindow)
	server := harness.Start(t, harness.Options{Env: env})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("1"))
	keys := harness.PutMany(t, client, bucket, "k", puts)
	server.Stderr.WaitFor(t, "the spool cannot be written")
	if info := server.WebhookInfo(t, "1"); info.Spool.Unwritable == "" {
		t.Errorf("status %+v does not say so", info.Spool)
	}
	receiver.Up(t)
	receiver.WaitKeys(t, keys)
	// Once it can be written, it is.
	must(t, os.Remove(spoolDir(queue, "1")))
	receiver.Down()
	keys = harness.PutMany(t, client, bucket, "later", puts)
	waitSpooled(t, spoolDir(queue, "1"))
	receiver.Up(t)
	receiver.WaitKeys(t, keys)
	if info := server.WebhookInfo(t, "1"); info.Spool.Unwritable != "" || info.Dropped != 0 {
		t.Errorf("status %+v, %d lost", info.Spool, info.Dropped)
	}
	harness.Report(t, "outage: spool that cannot be written, %d PUTs: all delivered, said in log and status", 2*puts)
}

// TestQueueDirTakenAway: events in the folder of a queue_dir that is not
// configured any more are delivered, and the folder is removed.
func TestQueueDirTakenAway(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	receiver.Down()
	queue := t.TempDir()
	dir := spoolDir(queue, "1")
	server := harness.Start(t, harness.Options{Env: []string{shortWindow}})
	mc := harness.NewMC(t).Alias("my", server)
	mc.OK("admin", "config", "set", "my", "notify_webhook:1", "endpoint="+receiver.URL(), "queue_dir="+queue)
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("1"))
	keys := harness.PutMany(t, client, bucket, "first", 100)
	waitSpooled(t, dir)
	mc.OK("admin", "config", "set", "my", "notify_webhook:1", "endpoint="+receiver.URL(), "queue_dir=")
	keys = append(keys, harness.PutMany(t, client, bucket, "second", 100)...)
	receiver.Up(t)
	receiver.WaitKeys(t, keys)
	harness.Poll(t, "the folder to go", func() error {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			return fmt.Errorf("%s is there: %w", dir, err)
		}
		return nil
	})
}
