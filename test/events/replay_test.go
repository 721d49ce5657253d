package events

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestReplay: a range of time is sent again: the same events with the same ids,
// those of each key in order, marked.
func TestReplay(t *testing.T) {
	t.Parallel()
	server, receiver := start(t)
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, rule())
	before := harness.PutMany(t, client, bucket, "before", 5)
	from := now()
	var keys []string
	for range 4 {
		keys = harness.PutMany(t, client, bucket, "k", 50)
	}
	to := now()
	after := harness.PutMany(t, client, bucket, "after", 5)
	receiver.WaitKeys(t, slices.Concat(before, after))
	first := receiver.Wait(t, "all events", func(all []harness.Delivery) bool { return len(firstOfEach(all)) == 210 })
	want := make(map[string]bool)
	for _, d := range firstOfEach(first) {
		if slices.Contains(keys, d.Key) {
			want[d.ID] = true
		}
	}
	if got := lines(t, server, "replay", target, "--from", from, "--to", to); len(got) != 1 || got[0].Count != 200 {
		t.Errorf("replayed: %+v", got)
	}
	var again []harness.Delivery
	receiver.Wait(t, "all events again", func(all []harness.Delivery) bool {
		again = firstOfEach(all[len(first):])
		return len(again) == 200
	})
	for _, d := range again {
		if !want[d.ID] || !marked(d, "replay") {
			t.Errorf("%s of %s was not asked for, or is not marked", d.ID, d.Key)
		}
	}
	inOrder(t, again)
	// By sequence: one event.
	if got := lines(t, server, "replay", target, "--first-event", again[0].ID, "--last-event", again[0].ID); len(got) != 1 || got[0].Count != 1 {
		t.Errorf("one event: %+v", got)
	}
	// What rules do not send to the target is sent on demand only.
	harness.SetRules(t, client, bucket)
	if got := lines(t, server, "replay", target, "--from", from, "--to", to, "--bucket", bucket); len(got) != 1 || got[0].Count != 0 {
		t.Errorf("by rules that are gone: %+v", got)
	}
	if got := lines(t, server, "replay", target, "--from", from, "--to", to, "--match", "all", "--prefix", "k-000"); len(got) != 1 || got[0].Count != 40 {
		t.Errorf("all of a prefix: %+v", got)
	}
}

func now() string { return time.Now().Format(time.RFC3339Nano) }

// TestReplayOutlivesKill: the server is killed in the middle of a replay; the
// command says how to go on, and with that nothing is missing.
func TestReplayOutlivesKill(t *testing.T) {
	t.Parallel()
	server, receiver := start(t)
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, rule())
	from := now()
	keys := harness.PutMany(t, client, bucket, "k", 600)
	first := len(receiver.WaitKeys(t, keys))
	// A replay leaves half of the backlog free, so it takes as long as delivery.
	server.Terminate()
	server.Restart("MINIO_NOTIFY_WEBHOOK_QUEUE_LIMIT_1=100")
	receiver.Behave(harness.Slow(5 * time.Millisecond))
	replay := begin(t, server, "replay", target, "--from", from)
	receiver.Wait(t, "some of the replay", func(all []harness.Delivery) bool { return len(all) >= first+20 })
	server.Kill()
	code, text := replay.wait()
	if code != 1 {
		t.Fatalf("exit code %d:\n%s", code, text)
	}
	receiver.Behave(harness.Accept)
	server.Restart()
	ok(t, server, append([]string{"replay", target, "--from", from}, goOn(t, text)...)...)
	all := receiver.Wait(t, "all of the replay", func(all []harness.Delivery) bool {
		return len(harness.Missing(all[first:], keys)) == 0
	})
	inOrder(t, firstOfEach(all[first:]))
}

// TestBackfill: a thousand objects, which are overwritten and deleted meanwhile:
// every object has an event, and the last of each key tells of what is there.
func TestBackfill(t *testing.T) {
	t.Parallel()
	server, receiver := start(t)
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket)
	const objects = 1000
	keys := harness.PutMany(t, client, bucket, "k", objects)
	harness.SetRules(t, client, bucket, rule())

	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := w; ; i += 7 {
				select {
				case <-stop:
					return
				default:
				}
				key := fmt.Sprintf("k-%04d", i%objects)
				if i%5 == 0 {
					if err := client.RemoveObject(t.Context(), bucket, key, minio.RemoveObjectOptions{}); err != nil {
						t.Error(err)
						return
					}
				}
				body := fmt.Sprintf("version %d by %d", i, w)
				if _, err := client.PutObject(t.Context(), bucket, key, strings.NewReader(body), int64(len(body)), minio.PutObjectOptions{}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	got := lines(t, server, "backfill", target, bucket, "--rate", "500")
	close(stop)
	writers.Wait()
	if len(got) != 1 || got[0].Count < objects/2 {
		t.Errorf("backfilled: %+v", got)
	}
	state := make(map[string]string)
	for o := range client.ListObjects(t.Context(), bucket, minio.ListObjectsOptions{}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		state[bucket+"/"+o.Key] = o.ETag
	}
	last := make(map[string]string)
	all := receiver.Wait(t, "the last event of every object", func(all []harness.Delivery) bool {
		clear(last)
		for _, d := range firstOfEach(all) {
			last[d.Key] = d.Records[0].S3.Object.ETag
		}
		for key, etag := range state {
			if last[key] != etag {
				return false
			}
		}
		return true
	})
	if missing := harness.Missing(all, keys); len(missing) > 0 {
		t.Errorf("%d objects have no event, such as %s", len(missing), missing[0])
	}
	inOrder(t, firstOfEach(all))
	backfilled := 0
	for _, d := range firstOfEach(all) {
		if marked(d, "backfill") {
			backfilled++
		}
	}
	if int64(backfilled) > got[0].Count || backfilled == 0 {
		t.Errorf("%d backfilled events came, of %d", backfilled, got[0].Count)
	}
}

// TestBackfillOutlivesKill: as TestReplayOutlivesKill.
func TestBackfillOutlivesKill(t *testing.T) {
	t.Parallel()
	server, receiver := start(t)
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket)
	keys := harness.PutMany(t, client, bucket, "k", 1000)
	backfill := begin(t, server, "backfill", target, bucket, "--rate", "200")
	receiver.Wait(t, "some of the backfill", func(all []harness.Delivery) bool { return len(all) >= 300 })
	server.Kill()
	code, text := backfill.wait()
	if code != 1 {
		t.Fatalf("exit code %d:\n%s", code, text)
	}
	server.Restart()
	ok(t, server, append([]string{"backfill", target, bucket}, goOn(t, text)...)...)
	all := receiver.WaitKeys(t, keys)
	inOrder(t, firstOfEach(all))
	if n := len(firstOfEach(all)); n >= 2000 {
		t.Errorf("%d events: it began anew", n)
	}
}
