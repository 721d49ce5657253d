package outage

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestQueueLimitKeepsTheOldest: with an explicit queue_limit, a target that is
// away gets what its limit holds, in order, and the rest is counted, also after
// a kill and a restart.
func TestQueueLimitKeepsTheOldest(t *testing.T) {
	t.Parallel()
	const limit, puts = 10, 100
	receiver := harness.NewReceiver(t)
	env := harness.WebhookEnv("1", receiver.URL(), "QUEUE_LIMIT", strconv.Itoa(limit))
	server := harness.Start(t, harness.Options{Env: env})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("1"))
	receiver.Down()
	keys := harness.PutMany(t, client, bucket, "first", puts/2)
	server.Kill()
	server.Restart()
	keys = append(keys, harness.PutMany(t, client, bucket, "second", puts/2)...)
	server.Stderr.WaitFor(t, "newest events are dropped")
	receiver.Up(t)
	receiver.WaitKeys(t, keys[:1])
	// Once the backlog is well below its limit, events are taken again.
	const last = "marker"
	harness.Poll(t, "an event taken again", func() error {
		harness.Put(t, client, bucket, last, []byte("x"))
		if len(firstAccepted(receiver.Deliveries(), bucket+"/"+last)) == 0 {
			return errors.New("none arrived")
		}
		return nil
	})
	receiver.Wait(t, "what the limit holds", func(all []harness.Delivery) bool {
		return puts-len(harness.Missing(all, keys)) >= limit
	})
	missing := len(harness.Missing(receiver.Deliveries(), keys))
	if got := puts - missing; got != limit {
		t.Errorf("%d of %d events arrived, want the %d that the limit holds", got, puts, limit)
	}
	harness.Report(t, "outage: queue_limit=%d, %d PUTs, receiver down, kill -9 between: %d delivered, %d dropped and listed", limit, puts, puts-missing, missing)
}

// TestQueueFullCanRefuseWrites: with queue_full=refuse a full backlog refuses
// the writes that would raise an event for it, and no others; nothing is
// dropped, and writes return when the receiver does.
func TestQueueFullCanRefuseWrites(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	env := harness.WebhookEnv("1", receiver.URL(), "QUEUE_BYTES", "20KiB", "QUEUE_FULL", "refuse")
	server := harness.Start(t, harness.Options{Env: env})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges(), Suffix: ".jpg"})
	receiver.Down()
	var accepted []string
	put := func(key string) error {
		_, err := client.PutObject(t.Context(), bucket, key, bytes.NewReader([]byte("x")), 1, minio.PutObjectOptions{})
		return err
	}
	var refused error
	for i := range 1000 {
		key := fmt.Sprintf("%d.jpg", i)
		if refused = put(key); refused != nil {
			break
		}
		accepted = append(accepted, bucket+"/"+key)
	}
	answer := minio.ToErrorResponse(refused)
	if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(answer.Message, "queue_full") {
		t.Errorf("after %d writes: %+v, want 503 that names queue_full", len(accepted), answer)
	}
	if err := put("other.txt"); err != nil {
		t.Errorf("a write that no rule matches: %v", err)
	}
	if err := client.RemoveObject(t.Context(), bucket, "other.txt", minio.RemoveObjectOptions{}); err != nil {
		t.Errorf("a delete that no rule matches: %v", err)
	}
	receiver.Up(t)
	got := receiver.WaitKeys(t, accepted)
	if n := len(harness.Missing(got, accepted)); n > 0 {
		t.Errorf("%d events of accepted writes are missing", n)
	}
	harness.Poll(t, "writes again", func() error { return put("again.jpg") })
	harness.Report(t, "outage: queue_bytes=20KiB, queue_full=refuse: %d writes accepted and delivered, then 503", len(accepted))
}
