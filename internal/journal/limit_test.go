package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
)

// tryAdd commits one event, unless it is refused.
func tryAdd(ctx context.Context, j *journal.Journal, store kv.Store, key string, consumers ...string) error {
	var b kv.Batch
	rec := &event.Record{Name: event.ObjectCreatedPut, Bucket: "b", BucketID: 7, Key: key, Size: 5}
	added, err := j.Add(&b, rec, consumers)
	if err != nil {
		return err
	}
	positions, err := store.Commit(ctx, &b)
	if err != nil {
		return err
	}
	j.Committed(added, positions)
	return nil
}

// pendingOf returns all that waits for a consumer.
func pendingOf(t *testing.T, j *journal.Journal, consumer string) []journal.Entry {
	t.Helper()
	var all []journal.Entry
	for p := range uint16(journal.Partitions) {
		got, _, err := j.Pending(t.Context(), consumer, p, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got...)
	}
	return all
}

func ackAll(t *testing.T, j *journal.Journal, consumer string, entries []journal.Entry) {
	t.Helper()
	for _, e := range entries {
		if err := j.Ack(t.Context(), consumer, []journal.At{e.At()}, int64(e.Bytes)); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, func() bool { return len(pendingOf(t, j, consumer)) == 0 })
}

func TestLimitDropsTheNewestAndRecordsEachAsAGap(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	j.SetLimit(hook, journal.Limit{Entries: 10})
	for i := range 25 {
		add(t, j, store, fmt.Sprint("k", i), hook, "other:webhook")
	}
	kept, other := pendingOf(t, j, hook), pendingOf(t, j, "other:webhook")
	if len(kept) != 10 || len(other) != 25 {
		t.Fatalf("%d kept, the other target has %d; want 10 and 25", len(kept), len(other))
	}
	gaps, err := j.Gaps(t.Context(), hook, nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	var missing []journal.At
	for _, e := range other {
		if !slices.ContainsFunc(kept, func(k journal.Entry) bool { return k.At() == e.At() }) {
			missing = append(missing, e.At())
		}
	}
	var listed []journal.At
	for _, g := range gaps {
		if g.Reason != journal.ReasonLimit || g.Count != 1 || g.Last != g.Sequence || g.First.IsZero() || !g.First.Equal(g.Until) {
			t.Errorf("gap %+v", g)
		}
		listed = append(listed, g.At)
	}
	if !slices.Equal(missing, listed) {
		t.Errorf("gaps at %v, want those not kept: %v", listed, missing)
	}
	if b, err := j.Backlog(t.Context(), hook); err != nil || b.Entries != 10 || b.Dropped != 15 {
		t.Errorf("backlog %+v, %v; want 10 entries, 15 dropped", b, err)
	}
}

func TestLimitTakesEventsAgainOnceWellBelow(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	j.SetLimit(hook, journal.Limit{Entries: 10})
	for i := range 11 {
		add(t, j, store, fmt.Sprint("k", i), hook)
	}
	pending := pendingOf(t, j, hook)
	steps := []struct {
		left int
		full bool
	}{{9, true}, {8, false}}
	for _, step := range steps {
		for len(pending) > step.left {
			if err := j.Ack(t.Context(), hook, []journal.At{pending[0].At()}, int64(pending[0].Bytes)); err != nil {
				t.Fatal(err)
			}
			pending = pending[1:]
		}
		if got := j.Full(hook); got != step.full {
			t.Errorf("with %d left: full = %t, want %t", step.left, got, step.full)
		}
	}
}

func TestLimitCanRefuse(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]journal.Limit{
		"by number": {Entries: 3, Refuse: true},
		"by bytes":  {Bytes: 1, Refuse: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, store := open(t)
			j.SetLimit(hook, limit)
			var err error
			n := 0
			for ; err == nil && n < 10; n++ {
				err = tryAdd(t.Context(), j, store, fmt.Sprint("k", n), hook)
			}
			if !errors.Is(err, journal.ErrBacklogFull) || !errors.Is(j.Admit([]string{"x:kafka", hook}), journal.ErrBacklogFull) {
				t.Errorf("after %d events: %v", n, err)
			}
			if err := tryAdd(t.Context(), j, store, "k", "x:kafka"); err != nil {
				t.Errorf("an event of another target: %v", err)
			}
			if gaps, err := j.Gaps(t.Context(), hook, nil, 10); err != nil || len(gaps) > 0 {
				t.Errorf("gaps %v, %v", gaps, err)
			}
			ackAll(t, j, hook, pendingOf(t, j, hook))
			if err := j.Admit([]string{hook}); err != nil {
				t.Errorf("when it is empty: %v", err)
			}
		})
	}
}

// TestWatchersAreToldWhoseOutboxChanged: a target is woken for its own events
// only.
func TestWatchersAreToldWhoseOutboxChanged(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	j.SetLimit(hook, journal.Limit{Entries: 1})
	var got []string
	stop := j.WatchOutbox(func(consumer string, p uint16, what journal.Change) {
		got = append(got, fmt.Sprint(consumer, p == journal.PartitionOf(7, "k"), what))
	})
	add(t, j, store, "k", hook)
	add(t, j, store, "k")
	add(t, j, store, "k", hook, "2:webhook")
	stop()
	add(t, j, store, "k", "2:webhook")
	want := []string{
		fmt.Sprint(hook, true, journal.Grew), fmt.Sprint("2:webhook", true, journal.Grew), fmt.Sprint(hook, true, journal.Dropped),
	}
	if !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

// TestCountIsExactWhileEventsCome: counting takes a snapshot while writers go
// on; nothing may be counted twice or not at all.
func TestCountIsExactWhileEventsCome(t *testing.T) {
	t.Parallel()
	first, store := open(t)
	for k := range 300 {
		add(t, first, store, fmt.Sprint("k", k), hook)
	}
	for round := 1; round <= 20; round++ {
		j, err := journal.Open(t.Context(), store) // one that has counted nothing yet
		if err != nil {
			t.Fatal(err)
		}
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() {
				if err := tryAdd(context.WithoutCancel(t.Context()), j, store, fmt.Sprint("w", w), hook); err != nil {
					t.Error(err)
				}
			})
		}
		err = j.Count(t.Context(), hook)
		writers.Wait()
		b, _ := j.Backlog(t.Context(), hook)
		if want := int64(300 + 4*round); err != nil || b.Entries != want {
			t.Fatalf("round %d: %d entries, %v; want %d", round, b.Entries, err, want)
		}
	}
}

func TestGapsAreFoldedOnceTheirRecordsAreTrimmed(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	j.SetLimit(hook, journal.Limit{Entries: 1})
	for range 1500 {
		add(t, j, store, "k", hook)
	}
	before, err := j.Gaps(t.Context(), hook, nil, 5000)
	if err != nil || len(before) != 1499 {
		t.Fatalf("%d gaps, %v", len(before), err)
	}
	if _, err := j.Trim(t.Context(), journal.Window{Bytes: 1 << 30}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	after, err := j.Gaps(t.Context(), hook, nil, 5000)
	if err != nil {
		t.Fatal(err)
	}
	// The log's last record always stays, so its gap can still be filled.
	var total int64
	for _, g := range after {
		total += g.Count
	}
	last := after[len(after)-1]
	if len(after) > 5 || total != 1499 || !after[0].First.Equal(before[0].First) || last.Last != before[1498].Sequence {
		t.Errorf("folded into %d gaps of %d events: %+v", len(after), total, after)
	}
	if err := j.Count(t.Context(), hook); err != nil {
		t.Fatal(err)
	}
	if b, _ := j.Backlog(t.Context(), hook); b.Dropped != 1499 {
		t.Errorf("%d dropped, want 1499", b.Dropped)
	}
}

// TestDamagedOutboxIsNotEmpty: an entry that cannot be read must not hide how
// much waits.
func TestDamagedOutboxIsNotEmpty(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	for i := range 20 {
		add(t, j, store, fmt.Sprint("k", i), hook)
	}
	var b kv.Batch
	b.Set([]byte("q"+hook+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("damaged"))
	if _, err := store.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	got, err := j.Backlog(t.Context(), hook)
	if err == nil || got.Entries != 20 || got.Bytes == 0 {
		t.Errorf("backlog %+v, %v; want the 20 entries with an error", got, err)
	}
}
