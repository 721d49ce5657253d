package object_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/blob"
	blobmemory "github.com/carillon-s3/carillon/internal/blob/memory"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/sse"
)

// site is a Service with everything under it in memory.
type site struct {
	*object.Service
	store   kv.Store
	blobs   blob.Store
	journal *journal.Journal
	// keys are the master keys of the next reopen; nil for none.
	keys *sse.Keys
	// restarts is how often restart was called.
	restarts int
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{store: memory.New(), blobs: blobmemory.New(1)}
	t.Cleanup(func() { _ = s.store.Close() })
	var err error
	if s.journal, err = journal.Open(t.Context(), s.store); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	return s
}

func (s *site) reopen(t *testing.T) {
	t.Helper()
	var err error
	s.Service, err = object.Open(t.Context(), object.Config{
		Store: s.store, Blobs: s.blobs, Journal: s.journal, Keys: s.keys,
		KnownTarget: func(id event.TargetID) bool { return id.Type == "webhook" },
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) mustBucket(t *testing.T, name string) {
	t.Helper()
	if err := s.CreateBucket(t.Context(), event.Request{Principal: "root"}, name, ""); err != nil {
		t.Fatal(err)
	}
}

// watchAll sends every event of a bucket to the target 1:webhook.
func (s *site) watchAll(t *testing.T, bucket string) {
	t.Helper()
	s.setRules(t, bucket, `<QueueConfiguration><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event>`+
		`<Event>s3:ObjectAccessed:*</Event><Queue>arn:minio:sqs::1:webhook</Queue></QueueConfiguration>`)
}

func (s *site) setRules(t *testing.T, bucket, rules string) {
	t.Helper()
	doc := `<NotificationConfiguration>` + rules + `</NotificationConfiguration>`
	if err := s.SetNotification(t.Context(), bucket, []byte(doc)); err != nil {
		t.Fatal(err)
	}
}

func (s *site) put(t *testing.T, bucket, key, body string) object.Info {
	t.Helper()
	info, err := s.Put(t.Context(), putInput(bucket, key, body))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func putInput(bucket, key, body string) object.PutInput {
	return object.PutInput{
		Bucket: bucket, Key: key, Body: strings.NewReader(body), Size: int64(len(body)),
		Metadata: map[string]string{"content-type": "text/plain"},
	}
}

func (s *site) get(ctx context.Context, bucket, key string) (string, error) {
	o, err := s.Get(ctx, object.GetInput{Bucket: bucket, Key: key})
	if err != nil {
		return "", err
	}
	r, err := o.Open(ctx, 0, o.Size)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

// outbox returns the pending events of 1:webhook in the order of their stamps
// per partition.
func (s *site) outbox(t *testing.T) []journal.Entry {
	t.Helper()
	var all []journal.Entry
	for p := range uint16(journal.Partitions) {
		entries, _, err := s.journal.Pending(t.Context(), "1:webhook", p, 0, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entries...)
	}
	return all
}

func etag(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// countingBlobs counts what is stored.
func blobCount(t *testing.T, s blob.Store) int {
	t.Helper()
	n := 0
	for _, err := range s.Walk(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func large(b byte) string { return string(bytes.Repeat([]byte{b}, 200<<10)) }
