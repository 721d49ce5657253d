package object_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/object"
)

func hookTarget() event.TargetID { return event.TargetID{ID: "1", Type: "webhook"} }

// backfillAll runs a backfill to its end, max objects a page.
func (s *site) backfillAll(t *testing.T, in object.BackfillInput) (recorded, pages int) {
	t.Helper()
	for {
		page, err := s.Backfill(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		recorded, pages = recorded+page.Recorded, pages+1
		if page.Done {
			return recorded, pages
		}
		in.After, in.BucketID = page.After, page.BucketID
	}
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.mustBucket(t, "other")
	s.put(t, "other", "in/0000", "v")
	want := make(map[string]object.Info)
	for i := range 500 {
		key := fmt.Sprintf("in/%04d", i)
		want[key] = s.put(t, "bucket", key, "some bytes")
		s.put(t, "bucket", fmt.Sprintf("out/%04d", i), "v")
	}
	req := event.Request{Principal: "root", SourceIP: "192.0.2.1", ID: "R"}
	recorded, pages := s.backfillAll(t, object.BackfillInput{
		Bucket: "bucket", Prefix: "in/", Target: hookTarget(), Max: 200, Request: req,
	})
	if recorded != 500 || pages != 3 {
		t.Errorf("%d events in %d pages, want 500 in 3", recorded, pages)
	}
	got := s.outbox(t)
	if len(got) != len(want) {
		t.Fatalf("%d events wait, want %d", len(got), len(want))
	}
	for _, e := range got {
		info, ok := want[e.Record.Key]
		delete(want, e.Record.Key)
		r := e.Record
		if !ok || r.Name != event.ObjectCreatedPut || !r.Backfill || r.Size != info.Size || r.ETag != info.ETag ||
			r.ContentType != "text/plain" || r.Request != req || r.Post == nil || r.Post.Stamp != info.Stamp || e.Stamp <= info.Stamp {
			t.Errorf("%+v at %v of %+v", r, e.Place, info)
		}
	}
	if all, err := s.journal.Consumers(t.Context()); err != nil || !slices.Equal(all, []string{"1:webhook"}) {
		t.Errorf("consumers %v, %v", all, err)
	}
}

func TestBackfillNamesWhatMadeTheObject(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.AllowSmallParts()
	s.mustBucket(t, "bucket")
	u := s.mustCreate(t, "k")
	s.complete(t, u, s.mustPart(t, u, 1, "one"), s.mustPart(t, u, 2, "two"))
	s.backfillAll(t, object.BackfillInput{Bucket: "bucket", Target: hookTarget(), Max: 10})
	got := s.outbox(t)
	if len(got) != 1 || got[0].Record.Name != event.ObjectCreatedCompleteMultipartUpload {
		t.Errorf("%+v", got)
	}
}

func TestBackfillErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	in := object.BackfillInput{Bucket: "bucket", Target: hookTarget(), Max: 10}
	if _, err := s.Backfill(t.Context(), in); !errors.Is(err, object.ErrNoSuchBucket) {
		t.Errorf("no bucket: %v", err)
	}
	s.mustBucket(t, "bucket")
	if page, err := s.Backfill(t.Context(), in); err != nil || !page.Done || page.Recorded != 0 {
		t.Errorf("an empty bucket: %+v, %v", page, err)
	}
	s.put(t, "bucket", "k", "v")
	in.BucketID = 12345 // of a former bucket
	if _, err := s.Backfill(t.Context(), in); !errors.Is(err, object.ErrNoSuchBucket) {
		t.Errorf("another bucket of the name: %v", err)
	}
}

// TestBackfillOfWhatChanges: whatever happens between reading an object and the
// commit, the event tells of the object as it is at its place in the journal.
func TestBackfillOfWhatChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *site){
		"overwritten": func(t *testing.T, s *site) { s.put(t, "bucket", "k2", "another body") },
		"deleted": func(t *testing.T, s *site) {
			if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "k2"}); err != nil {
				t.Error(err)
			}
		},
		"rules changed": func(t *testing.T, s *site) { s.watchAll(t, "bucket") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			m := &meddled{Store: s.store}
			s.store = m
			s.reopen(t)
			s.mustBucket(t, "bucket")
			for i := range 10 {
				s.put(t, "bucket", fmt.Sprint("k", i), "v")
			}
			other := newSiteOn(t, m.Store, s)
			m.before = func() { change(t, other) }
			s.backfillAll(t, object.BackfillInput{Bucket: "bucket", Target: hookTarget(), Max: 100})
			s.checkBackfill(t)
		})
	}
}

// newSiteOn is another Service on the same stores.
func newSiteOn(t *testing.T, store kv.Store, s *site) *site {
	t.Helper()
	other := &site{store: store, blobs: s.blobs, journal: s.journal}
	other.reopen(t)
	other.SkipIDs()
	return other
}

// checkBackfill wants every object to have its event, and the newest event of
// each key to tell of the object as it is.
func (s *site) checkBackfill(t *testing.T) {
	t.Helper()
	newest := s.stateByEvents(t)
	page, err := s.List(t.Context(), object.ListInput{Bucket: "bucket", MaxKeys: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range page.Objects {
		post := newest[info.Key]
		if post == nil || post.ETag != info.ETag {
			t.Errorf("%s is %s, and its last event tells of %+v", info.Key, info.ETag, post)
		}
		delete(newest, info.Key)
	}
	for key, post := range newest {
		if post != nil {
			t.Errorf("%s is gone, and its last event tells of %+v", key, post)
		}
	}
}

// stateByEvents is each key's state by the last of its events, of all in the
// journal.
func (s *site) stateByEvents(t *testing.T) map[string]*event.State {
	t.Helper()
	newest := make(map[string]*event.State)
	for p := range uint16(journal.MutationPartitions) {
		entries, err := s.journal.Read(t.Context(), p, 1, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Record.Key != "" {
				newest[e.Record.Key] = e.Record.Post
			}
		}
	}
	return newest
}

// TestBackfillOfHotKeys: while all objects are overwritten and deleted without
// pause, a backfill gets through, and each event tells of what its key was then.
func TestBackfillOfHotKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	const keys = 50
	for i := range keys {
		s.put(t, "bucket", fmt.Sprint("k", i), "v")
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for n := w; ctx.Err() == nil; n++ {
				key := fmt.Sprint("k", n%keys)
				if _, err := s.Put(ctx, putInput("bucket", key, fmt.Sprint("body ", w, n))); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				if n%7 == 0 {
					if _, err := s.Delete(ctx, object.DeleteInput{Bucket: "bucket", Key: key}); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for range 5 {
		s.backfillAll(t, object.BackfillInput{Bucket: "bucket", Target: hookTarget(), Max: 1000})
	}
	stop()
	writers.Wait()
	s.checkBackfill(t)
	s.checkBackfilledStates(t)
}

// checkBackfilledStates wants each backfilled event to tell the state that the
// event before it left.
func (s *site) checkBackfilledStates(t *testing.T) {
	t.Helper()
	before, backfilled := make(map[string]*event.State), 0
	for p := range uint16(journal.MutationPartitions) {
		entries, err := s.journal.Read(t.Context(), p, 1, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Record.Backfill {
				backfilled++
				if was := before[e.Record.Key]; was == nil || was.ETag != e.Record.Post.ETag {
					t.Fatalf("%s was %+v, and the backfill tells of %+v", e.Record.Key, was, e.Record.Post)
				}
			}
			before[e.Record.Key] = e.Record.Post
		}
	}
	if backfilled == 0 {
		t.Error("nothing was backfilled")
	}
}

func TestBackfillKeepsToItsRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.mustBucket(t, "bucket")
		for i := range 1000 {
			s.put(t, "bucket", fmt.Sprint("k", i), "v")
		}
		begun := time.Now()
		s.backfillAll(t, object.BackfillInput{Bucket: "bucket", Target: hookTarget(), Max: 250, Rate: 100})
		if took := time.Since(begun); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("1,000 objects at 100 a second took %s", took)
		}
	})
}

// TestBackfillLeavesRoom: a backfill ends its page while the target's outbox is
// half full, so that no live event is dropped because of it.
func TestBackfillLeavesRoom(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	for i := range 50 {
		s.put(t, "bucket", fmt.Sprint("k", i), "v")
	}
	s.journal.SetLimit("1:webhook", journal.Limit{Entries: 20})
	page, err := s.Backfill(t.Context(), object.BackfillInput{Bucket: "bucket", Target: hookTarget(), Max: 100})
	if err != nil || !page.Crowded || page.Done || page.Recorded != 10 || s.journal.Full("1:webhook") {
		t.Errorf("%+v, %v", page, err)
	}
}
