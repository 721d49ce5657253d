package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// recorded is a real journal with a target whose broker can be down, and refuse
// a key.
type recorded struct {
	*journal.Journal
	t     *testing.T
	store kv.Store
	*broker
	d      *Dispatcher
	down   bool
	refuse string
}

func newRecorded(t *testing.T) *recorded {
	t.Helper()
	r := &recorded{t: t, store: memory.New(), broker: newBroker(target.Traits{Senders: 2})}
	t.Cleanup(func() { _ = r.store.Close() })
	var err error
	if r.Journal, err = journal.Open(t.Context(), r.store); err != nil {
		t.Fatal(err)
	}
	r.answer = func(_ context.Context, msgs []target.Message) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case r.down:
			return errors.New("connection refused")
		case slices.ContainsFunc(msgs, func(m target.Message) bool { return m.Record.Key == r.refuse }):
			return target.Permanent(errors.New("400 Bad Request"))
		}
		return nil
	}
	r.d = start(t, r.Journal, nil, r.configured("1"))
	return r
}

func (r *recorded) put(keys ...string) {
	r.t.Helper()
	for _, key := range keys {
		var b kv.Batch
		added, err := r.Add(&b, &event.Record{Name: event.ObjectCreatedPut, Bucket: "b", BucketID: 1, Key: key}, []string{"1:fake"})
		if err != nil {
			r.t.Fatal(err)
		}
		positions, err := r.store.Commit(r.t.Context(), &b)
		if err != nil {
			r.t.Fatal(err)
		}
		r.Committed(added, positions)
	}
}

// rewrite runs an operator's steps to their end.
func (r *recorded) rewrite(step func(ctx context.Context, behind *journal.At) (journal.Step, error)) {
	r.t.Helper()
	err := r.d.Rewrite(r.t.Context(), event.TargetID{ID: "1", Type: "fake"}, func(ctx context.Context) error {
		var behind *journal.At
		for {
			got, err := step(ctx, behind)
			if behind = got.Next; err != nil || behind == nil {
				return err
			}
		}
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *recorded) delivered(what string) {
	r.t.Helper()
	until(r.t, what, func() bool {
		left, err := r.Waiting(r.t.Context(), "1:fake", nil, 1)
		return err == nil && len(left) == 0
	})
}

// acked is what the broker took of a key, in order.
func (r *recorded) acked(key string) []uint64 {
	var got []uint64
	r.set(func() { got = slices.Clone(r.got["b/"+key]) })
	return got
}

// TestReplayedEventsComeBeforeThoseThatWait: live events of the same keys that
// wait are sent after what is replayed.
func TestReplayedEventsComeBeforeThoseThatWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorded(t)
		var keys []string
		for i := range 20 {
			keys = append(keys, fmt.Sprint("k", i))
		}
		r.put(slices.Concat(keys, keys)...)
		r.delivered("delivered")
		r.set(func() { r.down = true })
		time.Sleep(time.Second)
		to := time.Now()
		r.put(keys...)
		time.Sleep(time.Minute) // it is tried, and in trouble
		r.rewrite(func(ctx context.Context, behind *journal.At) (journal.Step, error) {
			step, err := r.Replay(ctx, "1:fake", journal.Range{To: to}, behind, func(*event.Record) (bool, error) { return true, nil })
			return step.Step, err
		})
		r.set(func() { r.down = false })
		r.delivered("delivered again")
		for _, key := range keys {
			got := r.acked(key)
			if len(got) != 5 || !slices.Equal(got[:2], got[2:4]) || got[4] <= got[3] {
				t.Errorf("%s: delivered %v, want two, the same two again, and the one that waited", key, got)
			}
		}
	})
}

// TestRetriedEventIsSentOnceAndMayBeParkedAgain: its attempts begin anew.
func TestRetriedEventIsSentOnceAndMayBeParkedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorded(t)
		r.set(func() { r.refuse = "bad" })
		r.put("bad", "good")
		r.delivered("delivered or parked")
		retry := func() {
			r.rewrite(func(ctx context.Context, behind *journal.At) (journal.Step, error) {
				return r.RetryParked(ctx, "1:fake", journal.Selection{}, behind)
			})
		}
		for range 2 {
			parked, err := r.Parked(t.Context(), "1:fake", nil, 10)
			if err != nil || len(parked) != 1 || parked[0].Attempts != refusalsBeforePark {
				t.Fatalf("parked %+v, %v", parked, err)
			}
			retry()
			r.delivered("parked again")
		}
		r.set(func() { r.refuse = "" })
		retry()
		r.delivered("delivered")
		if diff := cmp.Diff([]uint64{1}, r.acked("bad")); diff != "" {
			t.Error(diff)
		}
		if n, err := r.CountParked(t.Context(), "1:fake"); n != 0 || err != nil {
			t.Errorf("%d are parked, %v", n, err)
		}
	})
}
