package object_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
)

// listen starts a listener and returns what it hears. hold, if not nil, keeps
// it from hearing more until it is closed.
func (s *site) listen(t *testing.T, bucket string, hold <-chan struct{}, names ...string) <-chan object.Heard {
	t.Helper()
	filter, err := event.ParseListen(bucket, url.Values{"events": names})
	if err != nil {
		t.Fatal(err)
	}
	heard, ready, done := make(chan object.Heard, 10_000), make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		done <- s.Listen(ctx, object.ListenInput{Filter: filter}, func() { close(ready) }, func(h object.Heard) error {
			if hold != nil {
				<-hold
			}
			heard <- h
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the listener ended with %v", err)
		}
	})
	<-ready
	return heard
}

func TestListen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	s.mustBucket(t, "other")
	s.put(t, "bucket", "before", "v")
	one := s.listen(t, "bucket", nil, "s3:ObjectCreated:*", "s3:ObjectAccessed:Get")
	all := s.listen(t, "", nil, "s3:ObjectRemoved:*", "s3:BucketCreated")
	s.put(t, "other", "elsewhere", "v")
	info := s.put(t, "bucket", "k", "v")
	if got := <-one; got.Record.Key != "k" || got.Stamp != info.Stamp {
		t.Errorf("heard %+v", got)
	}
	s.Accessed(t.Context(), event.ObjectAccessedGet, info, event.Request{})
	if got := <-one; got.Record.Name != event.ObjectAccessedGet {
		t.Errorf("heard %+v", got)
	}
	s.mustBucket(t, "third")
	if got := <-all; got.Record.Name != event.BucketCreated || got.Record.Bucket != "third" {
		t.Errorf("heard %+v", got)
	}
	if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "other", Key: "elsewhere"}); err != nil {
		t.Fatal(err)
	}
	if got := <-all; got.Record.Name != event.ObjectRemovedDelete {
		t.Errorf("heard %+v", got)
	}
}

func TestListenToAMissingBucket(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	filter, err := event.ParseListen("bucket", url.Values{"events": {"s3:ObjectCreated:*"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context(), object.ListenInput{Filter: filter}, nil, nil); !errors.Is(err, object.ErrNoSuchBucket) {
		t.Errorf("error %v", err)
	}
}

func TestSlowListenerDelaysNobodyAndMissesNothingWithinTheWindow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	hold := make(chan struct{})
	heard := s.listen(t, "bucket", hold, "s3:ObjectCreated:*")
	const puts = 1000
	for i := range puts {
		s.put(t, "bucket", fmt.Sprint("k", i%50), "v")
	}
	close(hold)
	last := map[string]uint64{}
	for range puts {
		h := <-heard
		if h.Gap || h.Stamp <= last[h.Record.Key] {
			t.Fatalf("heard %+v after stamp %d of its key", h, last[h.Record.Key])
		}
		last[h.Record.Key] = h.Stamp
	}
}

func TestListenerBehindTheWindowIsToldOfAGap(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	hold := make(chan struct{})
	heard := s.listen(t, "bucket", hold, "s3:ObjectCreated:*")
	const puts = 1000 // more than a listener reads at once
	for range puts {
		s.put(t, "bucket", "k", "v")
	}
	if _, err := s.journal.Trim(t.Context(), journal.Window{Bytes: 1 << 30}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	close(hold)
	events, gaps := 0, 0
	for {
		h := <-heard
		if h.Gap {
			gaps++
			continue
		}
		if events++; h.Sequence == puts {
			break
		}
	}
	if gaps != 1 || events >= puts {
		t.Errorf("%d events, %d gaps of %d puts", events, gaps, puts)
	}
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never came about")
		}
	}
}
