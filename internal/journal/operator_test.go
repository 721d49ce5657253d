package journal_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
)

// park sets the n-th event of a consumer aside for reason, as delivery does.
func park(t *testing.T, j *journal.Journal, at journal.At, reason string, when time.Time) journal.Parked {
	t.Helper()
	entries, _, err := j.Pending(t.Context(), hook, at.Partition, at.Sequence-1, 1)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries at %v, %v", len(entries), at, err)
	}
	p := journal.Parked{Entry: entries[0], Reason: reason, Attempts: 3, ParkedAt: when.UTC()}
	if err := j.Park(t.Context(), hook, p); err != nil {
		t.Fatal(err)
	}
	return p
}

// steps runs the steps of an operation to the end and returns their sum.
func steps(t *testing.T, step func(behind *journal.At) (journal.Step, error)) int64 {
	t.Helper()
	var total int64
	var behind *journal.At
	for range 10_000 {
		got, err := step(behind)
		if err != nil {
			t.Fatal(err)
		}
		if total += got.Count; got.Next == nil {
			return total
		}
		behind = got.Next
	}
	t.Fatal("it goes on for ever")
	return 0
}

func waiting(t *testing.T, j *journal.Journal) []journal.Entry {
	t.Helper()
	all, err := j.Waiting(t.Context(), hook, nil, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRetriedEventKeepsItsPlaceAndIsMarked(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	first, second := add(t, j, store, "k", hook), add(t, j, store, "k", hook)
	p := park(t, j, first, "400", time.UnixMilli(1e12))
	// The window may have passed by what is parked.
	if _, err := j.Trim(t.Context(), journal.Window{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	retry := func(behind *journal.At) (journal.Step, error) {
		return j.RetryParked(t.Context(), hook, journal.Selection{}, behind)
	}
	if n := steps(t, retry); n != 1 {
		t.Errorf("retried %d events, want 1", n)
	}
	got := waiting(t, j)
	if len(got) != 2 || got[0].At() != first || got[1].At() != second {
		t.Fatalf("waiting: %+v", got)
	}
	want := p.Entry
	rec := *want.Record
	rec.Replay, want.Record, want.Bytes = true, &rec, got[0].Bytes
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	if n, err := j.CountParked(t.Context(), hook); n != 0 || err != nil {
		t.Errorf("%d are parked, %v", n, err)
	}
	if n := steps(t, retry); n != 0 {
		t.Errorf("retried %d events once more", n)
	}
}

func TestSelectionOfParkedEvents(t *testing.T) {
	t.Parallel()
	day := time.UnixMilli(1e12)
	for name, tt := range map[string]struct {
		sel  func(places []journal.At) journal.Selection
		want []int
	}{
		"all": {func([]journal.At) journal.Selection { return journal.Selection{} }, []int{0, 1, 2, 3}},
		"one": {func(p []journal.At) journal.Selection { return journal.Selection{At: &p[2]} }, []int{2}},
		"another": {func([]journal.At) journal.Selection {
			return journal.Selection{At: &journal.At{Partition: 70, Sequence: 9}}
		}, nil},
		"reason": {func([]journal.At) journal.Selection { return journal.Selection{Reason: "bad request"} }, []int{0, 2}},
		"time": {func([]journal.At) journal.Selection {
			return journal.Selection{From: day.Add(time.Hour), To: day.Add(3 * time.Hour)}
		}, []int{1, 2}},
		"time and reason": {func([]journal.At) journal.Selection {
			return journal.Selection{From: day.Add(time.Hour), Reason: "413"}
		}, []int{1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, drop := range []bool{false, true} {
				j, store := open(t)
				var places []journal.At
				for i := range 4 {
					at := add(t, j, store, fmt.Sprint("k", i), hook)
					park(t, j, at, []string{"400 Bad Request", "413 Too Large"}[i%2], day.Add(time.Duration(i)*time.Hour))
					places = append(places, at)
				}
				n := steps(t, func(behind *journal.At) (journal.Step, error) {
					if drop {
						return j.DropParked(t.Context(), hook, tt.sel(places), behind)
					}
					return j.RetryParked(t.Context(), hook, tt.sel(places), behind)
				})
				left, err := j.Parked(t.Context(), hook, nil, 10)
				if err != nil {
					t.Fatal(err)
				}
				var got []int
				for i, at := range places {
					if !slices.ContainsFunc(left, func(p journal.Parked) bool { return p.At() == at }) {
						got = append(got, i)
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" || int(n) != len(tt.want) {
					t.Errorf("drop %v: %d events, %s", drop, n, diff)
				}
				wantWaiting := len(tt.want)
				if drop {
					wantWaiting = 0
				}
				if n := len(waiting(t, j)); n != wantWaiting {
					t.Errorf("drop %v: %d events wait", drop, n)
				}
			}
		})
	}
}

func TestParkedEventsAreRetriedInBoundedSteps(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	const events = 5000
	for i := range events {
		park(t, j, add(t, j, store, fmt.Sprint("k", i), hook), "400", time.UnixMilli(1e12))
	}
	n, largest := 0, int64(0)
	total := steps(t, func(behind *journal.At) (journal.Step, error) {
		step, err := j.RetryParked(t.Context(), hook, journal.Selection{}, behind)
		n, largest = n+1, max(largest, step.Count)
		return step, err
	})
	if total != events || n < 3 || largest > 2048 {
		t.Errorf("%d events in %d steps of at most %d", total, n, largest)
	}
	if got := len(waiting(t, j)); got != events {
		t.Errorf("%d events wait, want %d", got, events)
	}
}

func TestDropBacklogLeavesWhatCameLater(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	for i := range 3000 {
		add(t, j, store, fmt.Sprint("k", i), hook, "2:webhook")
	}
	if err := j.Block(t.Context(), hook, journal.Blocked{BucketID: 7, Key: "k0"}); err != nil {
		t.Fatal(err)
	}
	all := waiting(t, j)
	latest := slices.MaxFunc(all, func(a, b journal.Entry) int { return a.Time().Compare(b.Time()) })
	drop := func(behind *journal.At) (journal.Step, error) {
		return j.DropBacklog(t.Context(), hook, latest.Time(), behind)
	}
	if n := steps(t, drop); n != 2999 {
		t.Errorf("dropped %d events, want 2999", n)
	}
	if left := waiting(t, j); len(left) != 1 || left[0].At() != latest.At() {
		t.Errorf("left: %+v", left)
	}
	if blocked, err := j.BlockedKeys(t.Context(), hook); len(blocked) != 0 || err != nil {
		t.Errorf("blocked keys %v, %v", blocked, err)
	}
	if other, err := j.Backlog(t.Context(), "2:webhook"); other.Entries != 3000 || err != nil {
		t.Errorf("the other consumer has %d events, %v", other.Entries, err)
	}
}

func TestUnblockAll(t *testing.T) {
	t.Parallel()
	j, _ := open(t)
	const keys = 5000
	for i := range keys {
		if err := j.Block(t.Context(), hook, journal.Blocked{BucketID: 7, Key: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := j.UnblockAll(t.Context(), hook); n != keys || err != nil {
		t.Errorf("unblocked %d, %v", n, err)
	}
	if left, _ := j.BlockedKeys(t.Context(), hook); len(left) != 0 {
		t.Errorf("%d keys are blocked", len(left))
	}
}

func TestWaitingPages(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	for i := range 500 {
		if i%5 == 0 {
			add(t, j, store, fmt.Sprint("k", i)) // not every record is wanted
			continue
		}
		add(t, j, store, fmt.Sprint("k", i), hook)
	}
	all := waiting(t, j)
	if len(all) != 400 {
		t.Fatalf("%d wait, want 400", len(all))
	}
	var paged []journal.Entry
	var behind *journal.At
	for {
		page, err := j.Waiting(t.Context(), hook, behind, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		last := page[len(page)-1].At()
		paged, behind = append(paged, page...), &last
	}
	if diff := cmp.Diff(all, paged); diff != "" {
		t.Error(diff)
	}
}

func TestHoldersAreAllForWhomSomethingIsKept(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	park(t, j, add(t, j, store, "k", hook), "400", time.Now())
	add(t, j, store, "k", "2:webhook")
	if err := j.Block(t.Context(), "3:kafka", journal.Blocked{Key: "k"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Block(t.Context(), "2:webhook", journal.Blocked{Key: "k"}); err != nil {
		t.Fatal(err)
	}
	got, err := j.Holders(t.Context())
	if diff := cmp.Diff([]string{hook, "2:webhook", "3:kafka"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func every(*event.Record) (bool, error) { return true, nil }

// replay runs a replay to its end.
func replay(t *testing.T, j *journal.Journal, r journal.Range, want func(*event.Record) (bool, error)) (sent, waited int64) {
	t.Helper()
	sent = steps(t, func(behind *journal.At) (journal.Step, error) {
		step, err := j.Replay(t.Context(), hook, r, behind, want)
		waited += step.Waiting
		return step.Step, err
	})
	return sent, waited
}

func TestReplay(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	const events = 3000
	var places []journal.Entry
	for i := range events {
		at := add(t, j, store, fmt.Sprint("k", i%700))
		got, err := j.Read(t.Context(), at.Partition, at.Sequence, 1)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, got[0])
	}
	live := add(t, j, store, "k0", hook) // waits already
	from, to := places[1000].Time(), places[2000].Time()
	r := journal.Range{From: from, To: to}
	want := make(map[journal.At]bool)
	for _, e := range places {
		if !e.Time().Before(from) && e.Time().Before(to) {
			want[e.At()] = true
		}
	}
	if sent, waited := replay(t, j, r, every); int(sent) != len(want) || waited != 0 {
		t.Errorf("replayed %d, %d waited; want %d and 0", sent, waited, len(want))
	}
	got := waiting(t, j)
	if len(got) != len(want)+1 {
		t.Fatalf("%d wait, want %d", len(got), len(want)+1)
	}
	for _, e := range got {
		if e.At() == live {
			if e.Record.Replay {
				t.Error("the live event is marked")
			}
			continue
		}
		if !want[e.At()] || !e.Record.Replay {
			t.Errorf("%v is not of the range, or not marked", e.At())
		}
	}
	// Again, and again from the middle: nothing twice.
	if sent, waited := replay(t, j, r, every); sent != 0 || int(waited) != len(want) {
		t.Errorf("the second replay sent %d, %d waited", sent, waited)
	}
	if n := len(waiting(t, j)); n != len(want)+1 {
		t.Errorf("%d wait after a second replay", n)
	}
}

func TestReplayOfSequencesAndOfWhatIsWanted(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	var at journal.At
	for range 40 {
		at = add(t, j, store, "same key")
		add(t, j, store, "other key")
	}
	r := journal.Range{Sequences: &journal.Sequences{Partition: at.Partition, First: 10, Last: 19}}
	if sent, _ := replay(t, j, r, every); sent != 10 {
		t.Errorf("replayed %d, want 10", sent)
	}
	if m, err := j.Missing(t.Context(), r); m.Any() || err != nil {
		t.Errorf("missing %+v, %v", m, err)
	}
	sent, _ := replay(t, j, journal.Range{}, func(rec *event.Record) (bool, error) { return rec.Key == "other key", nil })
	if want := int64(40); sent != want && journal.PartitionOf(7, "other key") != at.Partition {
		t.Errorf("replayed %d, want %d", sent, want)
	}
}

func TestReplayTakesParkedEventsAlong(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	park(t, j, add(t, j, store, "k", hook), "400", time.Now())
	if sent, _ := replay(t, j, journal.Range{}, every); sent != 1 {
		t.Errorf("replayed %d", sent)
	}
	if n, _ := j.CountParked(t.Context(), hook); n != 0 {
		t.Error("it is parked still")
	}
}

// TestReplayOutlivesTheWindow: what a replay put into the outbox does not need
// the log any more.
func TestReplayOutlivesTheWindow(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	for range 20 {
		add(t, j, store, "k")
	}
	replay(t, j, journal.Range{}, every)
	before := waiting(t, j)
	if _, err := j.Trim(t.Context(), journal.Window{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, waiting(t, j)); diff != "" || len(before) != 20 {
		t.Errorf("%d waited: %s", len(before), diff)
	}
}

func TestMissingIsExact(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	var at journal.At
	for range 1000 {
		at = add(t, j, store, "same key")
	}
	middle, err := j.Read(t.Context(), at.Partition, 500, 1)
	if err != nil {
		t.Fatal(err)
	}
	var b kv.Batch
	b.Trim(kv.LogID(at.Partition), 400)
	if _, err := store.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	kept, err := j.Read(t.Context(), at.Partition, 400, 1)
	if err != nil {
		t.Fatal(err)
	}
	in := func(first, last uint64) journal.Range {
		return journal.Range{Sequences: &journal.Sequences{Partition: at.Partition, First: first, Last: last}}
	}
	for name, tt := range map[string]struct {
		r    journal.Range
		want journal.Missing
		sent int64
	}{
		"all of it kept":         {in(400, 450), journal.Missing{}, 51},
		"its beginning gone":     {in(390, 409), journal.Missing{Records: 10}, 10},
		"all gone":               {in(1, 399), journal.Missing{Records: 399}, 0},
		"time, all kept":         {journal.Range{From: middle[0].Time()}, journal.Missing{}, 501},
		"time, since ever":       {journal.Range{}, journal.Missing{KeptFrom: kept[0].Time()}, 601},
		"time, before the first": {journal.Range{From: kept[0].Time().Add(-1)}, journal.Missing{KeptFrom: kept[0].Time()}, 601},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := j.Missing(t.Context(), tt.r)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
			steps(t, func(behind *journal.At) (journal.Step, error) {
				return j.DropBacklog(t.Context(), hook, time.Now().Add(time.Hour), behind)
			})
			if sent, _ := replay(t, j, tt.r, every); sent != tt.sent {
				t.Errorf("replayed %d, want %d", sent, tt.sent)
			}
		})
	}
}

func TestCursorAtATime(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	var entries []journal.Entry
	for i := range 300 {
		at := add(t, j, store, fmt.Sprint("k", i))
		got, err := j.Read(t.Context(), at.Partition, at.Sequence, 1)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, got[0])
	}
	since := entries[150].Time()
	c, missing, err := j.CursorAt(t.Context(), since)
	if err != nil || missing {
		t.Fatalf("missing %v, %v", missing, err)
	}
	for _, e := range entries {
		if before, read := e.Time().Before(since), e.Sequence >= c.Next[e.Partition]; before == read {
			t.Errorf("%v at %v is read: %v, since %v", e.At(), e.Time(), read, since)
		}
	}
	if _, missing, err := j.CursorAt(t.Context(), time.Now().Add(-time.Hour)); missing || err != nil {
		t.Errorf("before the first record: missing %v, %v", missing, err)
	}
}
