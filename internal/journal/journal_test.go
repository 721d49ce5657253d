package journal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
)

const hook = "1:webhook"

func open(t *testing.T) (*journal.Journal, kv.Store) {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	j, err := journal.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	return j, store
}

// add commits one event and returns its place.
func add(t *testing.T, j *journal.Journal, store kv.Store, key string, consumers ...string) journal.At {
	t.Helper()
	var b kv.Batch
	rec := &event.Record{Name: event.ObjectCreatedPut, Bucket: "b", BucketID: 7, Key: key, Size: 5}
	added, err := j.Add(&b, rec, consumers)
	if err != nil {
		t.Fatal(err)
	}
	positions, err := store.Commit(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	j.Committed(added, positions)
	return journal.At{Partition: uint16(positions[0].Log), Sequence: positions[0].Sequence}
}

func TestOutboxHoldsWhatWasAddedUntilAcknowledged(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	first := add(t, j, store, "k", hook)
	add(t, j, store, "k") // nobody asked: journalled, not in an outbox
	third := add(t, j, store, "k", hook, "2:webhook")
	got, _, err := j.Pending(t.Context(), hook, first.Partition, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].At() != first || got[1].At() != third {
		t.Fatalf("pending = %+v, want those at %v and %v", got, first, third)
	}
	if got[0].Record.Size != 5 || got[0].Stamp == 0 || got[0].Stamp >= got[1].Stamp {
		t.Errorf("records came back as %+v, %+v", got[0], got[1])
	}
	if err := j.Ack(t.Context(), hook, []journal.At{first}, 0); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		b, err := j.Backlog(t.Context(), hook)
		return err == nil && b.Entries == 1
	})
	other, _, err := j.Pending(t.Context(), "2:webhook", third.Partition, 0, 10)
	if err != nil || len(other) != 1 {
		t.Errorf("the other consumer has %d entries, %v; want 1", len(other), err)
	}
	if got, _, _ := j.Pending(t.Context(), hook, first.Partition, third.Sequence, 10); len(got) != 0 {
		t.Errorf("pending after the last = %v", got)
	}
}

func TestConsumersAreThoseWithABacklog(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	for i := range 50 {
		add(t, j, store, fmt.Sprint("k", i), "2:webhook", "_:webhook", "a:kafka")
	}
	got, err := j.Consumers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2:webhook", "_:webhook", "a:kafka"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTrimNeverLosesAnEventThatIsStillWanted(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	var at journal.At
	for i := range 3000 {
		if i%3 == 0 {
			at = add(t, j, store, "same key", hook)
		} else {
			add(t, j, store, "same key")
		}
	}
	before, _, err := j.Pending(t.Context(), hook, at.Partition, 0, 5000)
	if err != nil || len(before) != 1000 {
		t.Fatalf("%d pending, %v; want 1000", len(before), err)
	}
	removed, err := j.Trim(t.Context(), journal.Window{Age: 0, Bytes: 1 << 30}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if removed != 2999 {
		t.Errorf("trimmed %d records, want all but the last: 2999", removed)
	}
	after, _, err := j.Pending(t.Context(), hook, at.Partition, 0, 5000)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the outbox changed by trimming: %s", diff)
	}
	if _, err := j.Read(t.Context(), at.Partition, 1, 1); !errors.Is(err, kv.ErrTrimmed) {
		t.Errorf("reading a trimmed record gave %v", err)
	}
}

func TestTrimByBytesKeepsTheNewest(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	var at journal.At
	for range 200 {
		at = add(t, j, store, "same key")
	}
	records, err := store.ReadLog(t.Context(), kv.LogID(at.Partition), 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	window := journal.Window{Age: time.Hour, Bytes: int64(50 * len(records[0].Value) * journal.Partitions)}
	if _, err := j.Trim(t.Context(), window, time.Now()); err != nil {
		t.Fatal(err)
	}
	first, err := j.First(t.Context(), at.Partition)
	if err != nil || first < 145 || first > 155 {
		t.Errorf("kept from %d, %v; want about 150", first, err)
	}
}

func TestParkedEventLeavesTheOutbox(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	at := add(t, j, store, "k", hook)
	entries, _, err := j.Pending(t.Context(), hook, at.Partition, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := journal.Parked{Entry: entries[0], Reason: "400 Bad Request", Attempts: 3, ParkedAt: time.UnixMilli(1e12).UTC()}
	if err := j.Park(t.Context(), hook, want); err != nil {
		t.Fatal(err)
	}
	if left, _, _ := j.Pending(t.Context(), hook, at.Partition, 0, 1); len(left) != 0 {
		t.Error("the event is still in the outbox")
	}
	got, err := j.Parked(t.Context(), hook, nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]journal.Parked{want}, got); diff != "" {
		t.Error(diff)
	}
	if rest, _ := j.Parked(t.Context(), hook, &at, 10); len(rest) != 0 {
		t.Errorf("behind the last: %v", rest)
	}
	if n, err := j.CountParked(t.Context(), hook); n != 1 || err != nil {
		t.Errorf("count = %d, %v", n, err)
	}
}

func TestBlockedKeys(t *testing.T) {
	t.Parallel()
	j, _ := open(t)
	want := []journal.Blocked{
		{BucketID: 7, Key: "a\x00b", Since: time.UnixMilli(5).UTC(), Attempts: 4, Reason: "no"},
		{BucketID: 8, Key: "", Since: time.UnixMilli(6).UTC(), Attempts: 1, Reason: "never"},
	}
	for _, k := range want {
		if err := j.Block(t.Context(), hook, k); err != nil {
			t.Fatal(err)
		}
	}
	got, err := j.BlockedKeys(t.Context(), hook)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := j.Unblock(t.Context(), hook, 7, "a\x00b"); err != nil {
		t.Fatal(err)
	}
	if got, _ := j.BlockedKeys(t.Context(), hook); len(got) != 1 {
		t.Errorf("%d keys are still blocked, want 1", len(got))
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	add(t, j, store, "k")
	heads, err := j.Heads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := j.ParseToken(heads.Token())
	if err != nil || got != heads {
		t.Errorf("token came back as %v, %v", got, err)
	}
	other, _ := open(t)
	for name, token := range map[string]string{
		"another journal": mustHeads(t, other).Token(),
		"not base64":      "***",
		"not cbor":        "AAAA",
		"empty":           "",
		"huge":            strings.Repeat("A", 1<<20),
	} {
		if _, err := j.ParseToken(token); !errors.Is(err, journal.ErrToken) {
			t.Errorf("%s: error %v, want ErrToken", name, err)
		}
	}
}

func mustHeads(t *testing.T, j *journal.Journal) journal.Cursor {
	t.Helper()
	c, err := j.Heads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWatchTellsOfNewRecords(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	seen := make(chan uint16, 100)
	stop := j.Watch(func(ps []uint16) {
		for _, p := range ps {
			seen <- p
		}
	})
	defer stop()
	at := add(t, j, store, "k")
	if p := <-seen; p != at.Partition {
		t.Errorf("told of partition %d, want %d", p, at.Partition)
	}
}

func TestFormatIsKept(t *testing.T) {
	t.Parallel()
	_, store := open(t)
	if _, err := journal.Open(t.Context(), store); err != nil {
		t.Errorf("opened again: %v", err)
	}
	var b kv.Batch
	b.Set([]byte("j/format"), []byte{1, 0xa2, 1, 32, 2, 8}) // {1: 32, 2: 8}
	if _, err := store.Commit(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(t.Context(), store); err == nil {
		t.Error("a journal with other numbers of partitions was opened")
	}
}

func FuzzToken(f *testing.F) {
	store := memory.New()
	j, err := journal.Open(context.Background(), store)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("")
	f.Add(journal.Cursor{}.Token())
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := j.ParseToken(s); err == nil {
			if again, err := j.ParseToken(c.Token()); err != nil || again != c {
				t.Errorf("%q does not survive a round trip", s)
			}
		}
	})
}

// waitFor waits for a relaxed commit, which has no signal of its own.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never came about")
		}
	}
}
