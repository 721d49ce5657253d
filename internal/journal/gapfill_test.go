package journal_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
)

// dropMany has n events dropped at the consumer's limit, of one key.
func dropMany(t *testing.T, n int) (*journal.Journal, journal.At) {
	t.Helper()
	j, store := open(t)
	j.SetLimit(hook, journal.Limit{Entries: 1})
	at := add(t, j, store, "k", hook)
	for range n {
		at = add(t, j, store, "k", hook)
	}
	if b, err := j.Backlog(t.Context(), hook); err != nil || b.Entries != 1 || b.Dropped != int64(n) {
		t.Fatalf("%+v, %v", b, err)
	}
	return j, at
}

func fill(t *testing.T, j *journal.Journal, sel journal.Selection) (filled, gone int64) {
	t.Helper()
	filled = steps(t, func(behind *journal.At) (journal.Step, error) {
		step, err := j.FillGaps(t.Context(), hook, sel, behind)
		gone += step.Gone
		return step.Step, err
	})
	return filled, gone
}

func TestFilledGapsAreSentAfterAll(t *testing.T) {
	t.Parallel()
	j, last := dropMany(t, 3000)
	if filled, gone := fill(t, j, journal.Selection{At: &last}); filled != 1 || gone != 0 {
		t.Errorf("one: filled %d, %d gone", filled, gone)
	}
	if filled, gone := fill(t, j, journal.Selection{Reason: "queue_bytes"}); filled != 0 || gone != 0 {
		t.Errorf("of another reason: filled %d, %d gone", filled, gone)
	}
	if filled, gone := fill(t, j, journal.Selection{}); filled != 2999 || gone != 0 {
		t.Errorf("all: filled %d, %d gone", filled, gone)
	}
	all := waiting(t, j)
	if len(all) != 3001 {
		t.Fatalf("%d wait", len(all))
	}
	for i, e := range all {
		if e.Sequence != uint64(i+1) || e.Record.Replay != (i > 0) {
			t.Fatalf("the %dth is %v, marked %v", i, e.At(), e.Record.Replay)
		}
	}
	if b, err := j.Backlog(t.Context(), hook); err != nil || b.Entries != 3001 || b.Dropped != 0 {
		t.Errorf("%+v, %v", b, err)
	}
	if gaps, err := j.Gaps(t.Context(), hook, nil, 10); err != nil || len(gaps) != 0 {
		t.Errorf("gaps %v, %v", gaps, err)
	}
}

func TestGapsBehindTheWindowStayListed(t *testing.T) {
	t.Parallel()
	j, _ := dropMany(t, 3000)
	if _, err := j.Trim(t.Context(), journal.Window{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if filled, gone := fill(t, j, journal.Selection{}); filled != 1 || gone != 2999 { // a log keeps its last record
		t.Errorf("filled %d, %d gone", filled, gone)
	}
	if b, err := j.Backlog(t.Context(), hook); err != nil || b.Dropped != 2999 {
		t.Errorf("%+v, %v", b, err)
	}
	dropped := steps(t, func(behind *journal.At) (journal.Step, error) {
		return j.DropGaps(t.Context(), hook, journal.Selection{}, behind)
	})
	if b, err := j.Backlog(t.Context(), hook); err != nil || dropped != 2999 || b.Dropped != 0 {
		t.Errorf("dropped %d: %+v, %v", dropped, b, err)
	}
}

// TestSizesStayExact: whatever an operator does, the size that is followed in
// memory is that of the rows.
func TestSizesStayExact(t *testing.T) {
	t.Parallel()
	j, store := open(t)
	for i := range 100 {
		at := add(t, j, store, fmt.Sprint("k", i), hook)
		if i%4 == 0 {
			park(t, j, at, "400", time.Now())
		}
	}
	check := func(when string) {
		t.Helper()
		before, err := j.Backlog(t.Context(), hook)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Count(t.Context(), hook); err != nil {
			t.Fatal(err)
		}
		after, err := j.Backlog(t.Context(), hook)
		if err != nil || before != after {
			t.Errorf("%s: %+v, counted %+v, %v", when, before, after, err)
		}
	}
	check("parked")
	steps(t, func(behind *journal.At) (journal.Step, error) {
		return j.RetryParked(t.Context(), hook, journal.Selection{}, behind)
	})
	check("retried")
	for i := range 50 {
		add(t, j, store, fmt.Sprint("m", i))
	}
	replay(t, j, journal.Range{}, every)
	check("replayed")
	replay(t, j, journal.Range{}, every)
	check("replayed again")
	steps(t, func(behind *journal.At) (journal.Step, error) {
		return j.DropBacklog(t.Context(), hook, time.Now().Add(time.Hour), behind)
	})
	check("dropped")
}

func TestRoom(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit journal.Limit
		adds  int
		want  int64
	}{
		"no limit":            {journal.Limit{}, 10, 49_990},
		"below half":          {journal.Limit{Entries: 20}, 6, 4},
		"half full":           {journal.Limit{Entries: 20}, 10, 0},
		"over half":           {journal.Limit{Entries: 20}, 15, 0},
		"half of the bytes":   {journal.Limit{Bytes: 20}, 1, 0},
		"a bound that is far": {journal.Limit{Bytes: 1 << 40}, 1, 49_999},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, store := open(t)
			j.SetLimit(hook, tt.limit)
			for range tt.adds {
				add(t, j, store, "k", hook)
			}
			if got := j.Room(hook); got != tt.want {
				t.Errorf("room for %d, want %d", got, tt.want)
			}
		})
	}
}

func TestReplayEndsGaps(t *testing.T) {
	t.Parallel()
	j, _ := dropMany(t, 20)
	if sent, waited := replay(t, j, journal.Range{}, every); sent != 20 || waited != 1 {
		t.Errorf("replayed %d, %d waited", sent, waited)
	}
	if b, err := j.Backlog(t.Context(), hook); err != nil || b.Dropped != 0 || b.Entries != 21 {
		t.Errorf("%+v, %v", b, err)
	}
	if gaps, err := j.Gaps(t.Context(), hook, nil, 10); err != nil || len(gaps) != 0 {
		t.Errorf("gaps %v, %v", gaps, err)
	}
}
