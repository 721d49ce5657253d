package object_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
)

// resume listens in a bubble from since on, until nothing more happens, and
// returns what it was told.
func (s *site) resume(t *testing.T, bucket, since string, meanwhile func()) []object.Heard {
	t.Helper()
	filter, err := event.ParseListen(bucket, url.Values{"events": {"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}})
	if err != nil {
		t.Fatal(err)
	}
	var heard []object.Heard
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		in := object.ListenInput{Filter: filter, Resumable: true, Since: since}
		done <- s.Listen(ctx, in, nil, func(h object.Heard) error {
			heard = append(heard, h)
			return nil
		})
	}()
	synctest.Wait()
	if meanwhile != nil {
		meanwhile()
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the listener ended with %v", err)
	}
	return heard
}

// told splits what was heard: the keys of events, gaps, and the last token.
func told(heard []object.Heard) (keys []string, gaps int, missed uint64, token string) {
	for _, h := range heard {
		switch {
		case h.Gap:
			gaps, missed = gaps+1, missed+h.Missed
		case h.Token != "":
			token = h.Token
		default:
			keys = append(keys, h.Record.Key)
		}
	}
	slices.Sort(keys)
	return keys, gaps, missed, token
}

func TestListenerResumesWhereItsTokenStands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.mustBucket(t, "bucket")
		s.put(t, "bucket", "before", "v")
		first := s.resume(t, "bucket", "", func() {
			for i := range 20 {
				s.put(t, "bucket", fmt.Sprint("a", i), "v")
			}
		})
		if len(first) == 0 || first[0].Token == "" {
			t.Fatalf("the first thing told is no token: %+v", first)
		}
		keys, gaps, _, token := told(first)
		if len(keys) != 20 || gaps != 0 {
			t.Errorf("heard %q, %d gaps", keys, gaps)
		}
		if first[len(first)-1].Token == "" {
			t.Error("the last thing told is no token")
		}
		for i := range 20 {
			s.put(t, "bucket", fmt.Sprint("b", i), "v")
		}
		keys, gaps, _, next := told(s.resume(t, "bucket", token, func() { s.put(t, "bucket", "c", "v") }))
		if len(keys) != 21 || keys[0] != "b0" || gaps != 0 || next == token {
			t.Errorf("heard %q, %d gaps, after the token", keys, gaps)
		}
		// From each token in the middle: exactly what was told after it.
		for i, h := range first {
			if h.Token == "" {
				continue
			}
			rest, _, _, _ := told(first[i:])
			keys, _, _, _ := told(s.resume(t, "bucket", h.Token, nil))
			if len(keys) != len(rest)+21 {
				t.Errorf("from the token at %d: %d events, want %d", i, len(keys), len(rest)+21)
			}
		}
	})
}

func TestTokensAreBoundedInNumber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.mustBucket(t, "bucket")
		s.mustBucket(t, "other")
		count := func(bucket string) int {
			n := 0
			for _, h := range s.resume(t, "bucket", "", func() {
				for i := range 1000 { // ten seconds
					s.put(t, bucket, fmt.Sprint("k", i%10), "v")
					time.Sleep(10 * time.Millisecond)
				}
			}) {
				if h.Token != "" {
					n++
				}
			}
			return n
		}
		if n := count("bucket"); n < 30 || n > 50 {
			t.Errorf("%d tokens in ten seconds with events, want about 40", n)
		}
		if n := count("other"); n < 8 || n > 15 {
			t.Errorf("%d tokens in ten seconds without events, want about 10", n)
		}
	})
}

func TestListenerResumesFromATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.mustBucket(t, "bucket")
		for i := range 10 {
			s.put(t, "bucket", fmt.Sprint("a", i), "v")
		}
		time.Sleep(time.Hour)
		since := time.Now().Add(-time.Minute).Format(time.RFC3339)
		s.put(t, "bucket", "b", "v")
		if keys, gaps, _, _ := told(s.resume(t, "bucket", since, nil)); !slices.Equal(keys, []string{"b"}) || gaps != 0 {
			t.Errorf("heard %q, %d gaps", keys, gaps)
		}
	})
}

func TestExpiredTokenIsAGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.mustBucket(t, "bucket")
		begun := time.Now()
		_, _, _, token := told(s.resume(t, "bucket", "", nil))
		for range 100 {
			s.put(t, "bucket", "k", "v")
		}
		time.Sleep(time.Hour)
		if _, err := s.journal.Trim(t.Context(), journal.Window{Bytes: 1 << 30}, time.Now()); err != nil {
			t.Fatal(err)
		}
		s.put(t, "bucket", "k2", "v")
		heard := s.resume(t, "bucket", token, nil)
		keys, gaps, missed, _ := told(heard)
		if !heard[0].Gap || gaps != 1 || missed != 99 || !slices.Equal(keys, []string{"k", "k2"}) {
			t.Errorf("heard %q, %d gaps of %d events", keys, gaps, missed)
		}
		heard = s.resume(t, "bucket", begun.Format(time.RFC3339), nil)
		if _, gaps, _, _ := told(heard); gaps != 1 {
			t.Errorf("from a time before the window: %d gaps", gaps)
		}
	})
}

func TestTokensThatAreNotValid(t *testing.T) {
	t.Parallel()
	s, other := newSite(t), newSite(t)
	s.mustBucket(t, "bucket")
	ahead, err := s.journal.Heads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ahead.Next[3] += 5
	foreign, err := other.journal.Heads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, since := range map[string]string{
		"no token": "yesterday", "of another server": foreign.Token(), "ahead": ahead.Token(),
	} {
		err := s.Listen(t.Context(), object.ListenInput{Since: since, Resumable: true}, nil, nil)
		if !errors.Is(err, object.ErrResumeToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestResumingListenerHearsNothingOfAFormerBucket: a bucket of the same name
// that was deleted is another bucket.
func TestResumingListenerHearsNothingOfAFormerBucket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.mustBucket(t, "bucket")
		_, _, _, token := told(s.resume(t, "bucket", "", nil))
		s.put(t, "bucket", "secret", "v")
		if _, err := s.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "secret"}); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteBucket(t.Context(), event.Request{}, "bucket"); err != nil {
			t.Fatal(err)
		}
		s.mustBucket(t, "bucket")
		s.put(t, "bucket", "new", "v")
		if keys, _, _, _ := told(s.resume(t, "bucket", token, nil)); !slices.Equal(keys, []string{"new"}) {
			t.Errorf("heard %q", keys)
		}
		if keys, _, _, _ := told(s.resume(t, "", token, nil)); !slices.Equal(keys, []string{"new", "secret", "secret"}) {
			t.Errorf("a listener of all buckets heard %q", keys)
		}
	})
}

// TestListenersHearNothingOfABackfill: nothing happened to the objects.
func TestListenersHearNothingOfABackfill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.mustBucket(t, "bucket")
		s.put(t, "bucket", "k", "v")
		heard := s.resume(t, "bucket", "", func() {
			s.backfillAll(t, object.BackfillInput{Bucket: "bucket", Target: hookTarget(), Max: 10})
		})
		if keys, _, _, _ := told(heard); len(keys) != 0 {
			t.Errorf("heard %q", keys)
		}
	})
}
