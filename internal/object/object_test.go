package object_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/object"
)

func TestPutThenGet(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty": "", "small": "hello", "largest inlined": strings.Repeat("x", 32<<10),
		"smallest stored": strings.Repeat("x", 32<<10+1), "large": large('y'),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.mustBucket(t, "bucket")
			info := s.put(t, "bucket", "a/key", body)
			if info.ETag != etag(body) || info.Size != int64(len(body)) || info.Stamp == 0 {
				t.Errorf("info = %+v", info)
			}
			got, err := s.get(t.Context(), "bucket", "a/key")
			if err != nil || got != body {
				t.Errorf("got %d bytes, %v; want %d", len(got), err, len(body))
			}
			head, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "a/key"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(info, head); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryMutationHasItsEventInTheSameCommit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.watchAll(t, "bucket")
	req := event.Request{Principal: "root", SourceIP: "10.0.0.1", ID: "R1"}
	in := putInput("bucket", "k", "v1")
	in.Request = req
	in.Metadata["X-Amz-Meta-Color"] = "red"
	in.Metadata["expires"] = "Thu, 01 Dec 2033 16:00:00 GMT" // is not told
	first, err := s.Put(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	second := s.put(t, "bucket", "k", "v2-longer")
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k", Request: req}); err != nil {
		t.Fatal(err)
	}
	got := s.outbox(t)
	if len(got) != 3 {
		t.Fatalf("%d events, want 3", len(got))
	}
	id := got[0].Record.BucketID
	meta := map[string]string{"content-type": "text/plain", "X-Amz-Meta-Color": "red"}
	plain := map[string]string{"content-type": "text/plain"}
	want := []*event.Record{
		{
			Name: event.ObjectCreatedPut, Bucket: "bucket", BucketID: id, Key: "k", Size: 2, ETag: etag("v1"),
			ContentType: "text/plain", UserMetadata: meta, Request: req,
			Post: &event.State{Size: 2, ETag: etag("v1"), ContentType: "text/plain", UserMetadata: meta},
		},
		{
			Name: event.ObjectCreatedPut, Bucket: "bucket", BucketID: id, Key: "k", Size: 9, ETag: etag("v2-longer"),
			ContentType: "text/plain", UserMetadata: plain,
			Post: &event.State{Size: 9, ETag: etag("v2-longer"), ContentType: "text/plain", UserMetadata: plain},
		},
		{Name: event.ObjectRemovedDelete, Bucket: "bucket", BucketID: id, Key: "k", Request: req},
	}
	for i := range want {
		if diff := cmp.Diff(want[i], got[i].Record, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("event %d: %s", i, diff)
		}
	}
	if got[0].Stamp != first.Stamp || got[1].Stamp != second.Stamp || got[2].Stamp <= second.Stamp {
		t.Errorf("stamps of events %d %d %d, of versions %d %d", got[0].Stamp, got[1].Stamp, got[2].Stamp, first.Stamp, second.Stamp)
	}
}

func TestMutationsAreJournalledWithoutARule(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.put(t, "bucket", "k", "v")
	if n := len(s.outbox(t)); n != 0 {
		t.Errorf("%d outbox entries without a rule", n)
	}
	b, err := s.Bucket(t.Context(), "bucket")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.journal.Read(t.Context(), journal.PartitionOf(b.ID, "k"), 1, 10)
	if err != nil || len(entries) == 0 || entries[len(entries)-1].Record.Key != "k" {
		t.Errorf("journal = %v, %v", entries, err)
	}
}

func TestNoOpDeleteIsRecordedOnlyWhereAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	del := func() {
		if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "missing"}); err != nil {
			t.Fatal(err)
		}
	}
	del()
	s.watchAll(t, "bucket")
	del()
	await(t, func() bool { return len(s.outbox(t)) == 1 })
	got := s.outbox(t)[0]
	if got.Record.Name != event.ObjectRemovedNoOP || !got.Record.NoPost || got.Partition < journal.MutationPartitions {
		t.Errorf("recorded %+v in partition %d", got.Record, got.Partition)
	}
}

func TestAccessedCarriesTheSequencerOfItsVersion(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	info := s.put(t, "bucket", "k", "v")
	s.Accessed(t.Context(), event.ObjectAccessedGet, info, event.Request{})
	s.watchAll(t, "bucket")
	if _, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	s.Accessed(t.Context(), event.ObjectAccessedHead, info, event.Request{})
	await(t, func() bool { return len(s.outbox(t)) == 1 })
	got := s.outbox(t)[0].Record
	if got.Name != event.ObjectAccessedHead || got.Sequencer != info.Stamp || got.Size != 1 {
		t.Errorf("recorded %+v", got)
	}
}

func TestRefusedPutLeavesNothing(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset")
	tests := map[string]struct {
		change func(*object.PutInput)
		want   error
	}{
		"bad digest, small": {func(in *object.PutInput) { in.ContentMD5 = make([]byte, 16) }, object.ErrBadDigest},
		"bad digest, large": {func(in *object.PutInput) { in.ContentMD5 = make([]byte, 16); setBody(in, large('b')) }, object.ErrBadDigest},
		"short body":        {func(in *object.PutInput) { in.Size++ }, object.ErrIncompleteBody},
		"short large body":  {func(in *object.PutInput) { setBody(in, large('b')); in.Size++ }, object.ErrIncompleteBody},
		"long body":         {func(in *object.PutInput) { in.Size-- }, object.ErrEntityTooLarge},
		"body breaks off":   {func(in *object.PutInput) { in.Body = iotest.ErrReader(reset) }, reset},
		"large breaks off": {func(in *object.PutInput) {
			in.Size = 1 << 20
			in.Body = io.MultiReader(strings.NewReader(large('c')), iotest.ErrReader(reset))
		}, reset},
		"no such bucket":       {func(in *object.PutInput) { in.Bucket = "other" }, object.ErrNoSuchBucket},
		"key too long":         {func(in *object.PutInput) { in.Key = strings.Repeat("k", 1025) }, object.ErrKeyTooLong},
		"empty key":            {func(in *object.PutInput) { in.Key = "" }, object.ErrInvalidObjectName},
		"key is not UTF-8":     {func(in *object.PutInput) { in.Key = "\xff" }, object.ErrInvalidObjectName},
		"too large":            {func(in *object.PutInput) { in.Size = 5<<30 + 1 }, object.ErrEntityTooLarge},
		"if-none-match *":      {func(in *object.PutInput) { in.IfNoneMatch = "*" }, object.ErrPreconditionFailed},
		"if-match other":       {func(in *object.PutInput) { in.IfMatch = "abc" }, object.ErrPreconditionFailed},
		"if-match missing key": {func(in *object.PutInput) { in.IfMatch, in.Key = "*", "new" }, object.ErrNoSuchKey},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.mustBucket(t, "bucket")
			s.put(t, "bucket", "k", "before")
			s.watchAll(t, "bucket")
			in := putInput("bucket", "k", "after")
			tt.change(&in)
			if _, err := s.Put(t.Context(), in); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if n := len(s.outbox(t)); n != 0 {
				t.Errorf("%d events", n)
			}
			if got, err := s.get(t.Context(), "bucket", "k"); got != "before" || err != nil {
				t.Errorf("the key holds %q, %v", got, err)
			}
			if n := blobCount(t, s.blobs); n != 0 {
				t.Errorf("%d stored contents are left", n)
			}
		})
	}
}

func setBody(in *object.PutInput, body string) {
	in.Body, in.Size = strings.NewReader(body), int64(len(body))
}

func TestConditionalPutThatHolds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	in := putInput("bucket", "k", "1")
	in.IfNoneMatch = "*"
	if _, err := s.Put(t.Context(), in); err != nil {
		t.Error(err)
	}
	in = putInput("bucket", "k", "2")
	in.IfMatch = etag("1")
	if _, err := s.Put(t.Context(), in); err != nil {
		t.Error(err)
	}
}

func TestOneOfManyConditionalPutsWins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.watchAll(t, "bucket")
	const writers = 32
	results := make(chan error, writers)
	for i := range writers {
		go func() {
			in := putInput("bucket", "k", fmt.Sprint(i))
			in.IfNoneMatch = "*"
			_, err := s.Put(context.WithoutCancel(t.Context()), in)
			results <- err
		}()
	}
	won := 0
	for range writers {
		switch err := <-results; {
		case err == nil:
			won++
		case !errors.Is(err, object.ErrPreconditionFailed):
			t.Error(err)
		}
	}
	if n := len(s.outbox(t)); won != 1 || n != 1 {
		t.Errorf("%d writers won, %d events; want 1 and 1", won, n)
	}
}

func TestContentThatNothingUsesIsCollectedAnHourLater(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.put(t, "bucket", "k", large('a'))
	opened, err := s.Get(t.Context(), object.GetInput{Bucket: "bucket", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, "bucket", "k", large('b'))
	s.put(t, "bucket", "small", "x")
	s.put(t, "bucket", "small", "y")
	collect := func(want int) {
		t.Helper()
		if n, err := s.Collect(t.Context()); n != want || err != nil {
			t.Errorf("collected %d, %v; want %d", n, err, want)
		}
	}
	collect(0)
	r, err := opened.Open(t.Context(), 0, opened.Size)
	if err != nil {
		t.Fatalf("an object opened before its overwrite cannot be read: %v", err)
	}
	_ = r.Close()
	s.AdvanceClock(2 * object.CollectAfter)
	collect(1)
	collect(0)
	if got, err := s.get(t.Context(), "bucket", "k"); got != large('b') || err != nil {
		t.Errorf("the live object holds %d bytes, %v", len(got), err)
	}
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	collect(1)
	if n := blobCount(t, s.blobs); n != 0 {
		t.Errorf("%d contents are left", n)
	}
	for e, err := range s.store.Scan(t.Context(), kv.Range{Start: []byte("d"), End: []byte("e")}) {
		if got := string(e.Item.Value); got != "y" || err != nil {
			t.Errorf("inlined bytes %q are left, %v", got, err)
		}
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bbb")
	s.mustBucket(t, "aaa")
	if err := s.CreateBucket(t.Context(), event.Request{}, "aaa", ""); !errors.Is(err, object.ErrBucketExists) {
		t.Errorf("created twice: %v", err)
	}
	if err := s.CreateBucket(t.Context(), event.Request{}, "A", ""); !errors.Is(err, object.ErrInvalidBucketName) {
		t.Errorf("bad name: %v", err)
	}
	list, err := s.Buckets(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != "aaa" || list[1].Name != "bbb" {
		t.Errorf("buckets = %v, %v", list, err)
	}
	s.put(t, "aaa", "k", "v")
	if err := s.DeleteBucket(t.Context(), event.Request{}, "aaa"); !errors.Is(err, object.ErrBucketNotEmpty) {
		t.Errorf("deleted a full bucket: %v", err)
	}
	s.put(t, "aaa", "k2", "v") // it is usable again
	if err := s.DeleteBucket(t.Context(), event.Request{}, "bbb"); err != nil {
		t.Error(err)
	}
	if _, err := s.Bucket(t.Context(), "bbb"); !errors.Is(err, object.ErrNoSuchBucket) {
		t.Errorf("a deleted bucket gave %v", err)
	}
	s.mustBucket(t, "bbb")
	if c, err := s.Notification(t.Context(), "bbb"); c != nil || err != nil {
		t.Errorf("a bucket made again inherits %v, %v", c, err)
	}
}

func TestDeleteBucketIsSafeAgainstPuts(t *testing.T) {
	t.Parallel()
	for range 50 {
		s := newSite(t)
		s.mustBucket(t, "bucket")
		put, del := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := s.Put(context.WithoutCancel(t.Context()), putInput("bucket", "k", "v"))
			put <- err
		}()
		go func() { del <- s.DeleteBucket(context.WithoutCancel(t.Context()), event.Request{}, "bucket") }()
		putErr, delErr := <-put, <-del
		switch {
		case putErr == nil && errors.Is(delErr, object.ErrBucketNotEmpty):
			if _, err := s.get(t.Context(), "bucket", "k"); err != nil {
				t.Fatal(err)
			}
		case delErr == nil && errors.Is(putErr, object.ErrNoSuchBucket):
		default:
			t.Fatalf("put: %v, delete: %v", putErr, delErr)
		}
	}
}

func TestDeletionCutShortIsUndoneAtTheStart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	if err := s.MarkDeleting(t.Context(), "bucket"); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	s.put(t, "bucket", "k", "v")
}

func TestRulesInForceAtCommitDecide(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.put(t, "bucket", "before", "v")
	s.setRules(t, "bucket", `<QueueConfiguration><Event>s3:ObjectCreated:*</Event><Queue>arn:minio:sqs::1:webhook</Queue>`+
		`<Filter><S3Key><FilterRule><Name>suffix</Name><Value>.jpg</Value></FilterRule></S3Key></Filter></QueueConfiguration>`)
	s.put(t, "bucket", "a.png", "v")
	s.put(t, "bucket", "a.jpg", "v")
	s.setRules(t, "bucket", "")
	s.put(t, "bucket", "b.jpg", "v")
	if got := s.outbox(t); len(got) != 1 || got[0].Record.Key != "a.jpg" {
		t.Errorf("outbox = %v", got)
	}
}

func TestBadNotificationChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.watchAll(t, "bucket")
	before, _ := s.Notification(t.Context(), "bucket")
	err := s.SetNotification(t.Context(), "bucket", []byte("<NotificationConfiguration><QueueConfiguration>"+
		"<Event>s3:ObjectCreated:*</Event><Queue>arn:minio:sqs::1:kafka</Queue></QueueConfiguration></NotificationConfiguration>"))
	var refused *event.ConfigError
	if !errors.As(err, &refused) {
		t.Errorf("error %v", err)
	}
	after, _ := s.Notification(t.Context(), "bucket")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}

func TestDeleteMany(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	var keys []object.DeleteTarget
	for i := range 100 {
		key := fmt.Sprint("k", i)
		s.put(t, "bucket", key, "v")
		keys = append(keys, object.DeleteTarget{Key: key})
	}
	keys = append(keys, object.DeleteTarget{Key: "missing"}, object.DeleteTarget{Key: strings.Repeat("x", 1025)})
	for i, r := range s.DeleteMany(t.Context(), "bucket", keys, event.Request{}) {
		if want := i == len(keys)-1; errors.Is(r.Err, object.ErrKeyTooLong) != want {
			t.Errorf("%s: %v", keys[i].Key, r.Err)
		}
	}
	page, err := s.List(t.Context(), object.ListInput{Bucket: "bucket", MaxKeys: 10})
	if err != nil || len(page.Objects) != 0 {
		t.Errorf("left: %v, %v", page, err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "empty")
	s.mustBucket(t, "full")
	for i := range 10_001 { // more than a page
		s.put(t, "full", fmt.Sprint(i), "12345")
	}
	got, err := s.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []object.BucketUsage{{Name: "empty"}, {Name: "full", Objects: 10_001, Versions: 10_001, Bytes: 50_005}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
