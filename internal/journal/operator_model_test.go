package journal_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
)

// where is where a consumer's event is. An event is in one place at a time, and
// moves only as an operation says.
type where int

const (
	settled where = iota // delivered, dropped, or never for the consumer
	queued
	set // aside: parked
	missed
)

// operatorModel is what the journal should hold for one consumer.
type operatorModel struct {
	t      *testing.T
	random *rand.Rand
	j      *journal.Journal
	store  kv.Store
	places map[journal.At]where
	marks  map[journal.At]bool
	first  uint64 // of the partition: what is below was trimmed
	last   uint64
	part   uint16
}

// TestOperatorsMoveEventsAndLoseNone runs operations at random, and after each
// compares all that the journal lists for a consumer with the model.
func TestOperatorsMoveEventsAndLoseNone(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	for round := range uint64(20) {
		t.Run(fmt.Sprintf("seed %d round %d", seed, round), func(t *testing.T) {
			j, store := open(t)
			m := &operatorModel{
				t: t, random: rand.New(rand.NewPCG(seed, round)), j: j, store: store,
				places: map[journal.At]where{}, marks: map[journal.At]bool{}, first: 1, part: journal.PartitionOf(7, "k"),
			}
			j.SetLimit(hook, journal.Limit{Entries: 40})
			for range 120 {
				m.step()
				m.check()
				if t.Failed() {
					return
				}
			}
		})
	}
}

func (m *operatorModel) step() {
	switch op := m.random.IntN(10); op {
	case 0, 1, 2:
		m.add()
	case 3:
		m.park()
	case 4:
		m.ack()
	case 5:
		m.retry()
	case 6:
		m.fill()
	case 7:
		m.replay()
	case 8:
		m.trim()
	case 9:
		m.drop()
	}
}

// of lists the places of what is at w, in order.
func (m *operatorModel) of(w where) []journal.At {
	var out []journal.At
	for at, is := range m.places {
		if is == w {
			out = append(out, at)
		}
	}
	slices.SortFunc(out, func(a, b journal.At) int { return int(a.Sequence) - int(b.Sequence) })
	return out
}

// some picks one at random.
func (m *operatorModel) some(w where) (journal.At, bool) {
	all := m.of(w)
	if len(all) == 0 {
		return journal.At{}, false
	}
	return all[m.random.IntN(len(all))], true
}

func (m *operatorModel) add() {
	for range 1 + m.random.IntN(12) {
		full := m.j.Full(hook)
		var consumers []string
		to := settled
		if m.random.IntN(4) > 0 {
			consumers, to = []string{hook}, queued
			if full {
				to = missed
			}
		}
		at := add(m.t, m.j, m.store, "k", consumers...)
		m.places[at], m.last = to, at.Sequence
	}
}

func (m *operatorModel) park() {
	if at, ok := m.some(queued); ok {
		park(m.t, m.j, at, "400", time.UnixMilli(1e12))
		m.places[at] = set
	}
}

func (m *operatorModel) ack() {
	at, ok := m.some(queued)
	if !ok {
		return
	}
	entries, _, err := m.j.Pending(m.t.Context(), hook, at.Partition, at.Sequence-1, 1)
	if err != nil || len(entries) != 1 {
		m.t.Fatalf("%d entries, %v", len(entries), err)
	}
	if err := m.j.Ack(m.t.Context(), hook, []journal.At{at}, int64(entries[0].Bytes)); err != nil {
		m.t.Fatal(err)
	}
	waitFor(m.t, func() bool { // it is relaxed
		entries, _, err := m.j.Pending(m.t.Context(), hook, at.Partition, at.Sequence-1, 1)
		return err == nil && (len(entries) == 0 || entries[0].At() != at)
	})
	m.places[at] = settled
	delete(m.marks, at)
}

// selected is one event at w, or all of them.
func (m *operatorModel) selected(w where) (journal.Selection, []journal.At) {
	if at, ok := m.some(w); ok && m.random.IntN(2) == 0 {
		return journal.Selection{At: &at}, []journal.At{at}
	}
	return journal.Selection{}, m.of(w)
}

func (m *operatorModel) requeued(ats []journal.At) {
	for _, at := range ats {
		m.places[at], m.marks[at] = queued, true
	}
}

func (m *operatorModel) retry() {
	sel, ats := m.selected(set)
	steps(m.t, func(behind *journal.At) (journal.Step, error) {
		return m.j.RetryParked(m.t.Context(), hook, sel, behind)
	})
	m.requeued(ats)
}

func (m *operatorModel) fill() {
	all := m.of(missed)
	fill(m.t, m.j, journal.Selection{})
	m.requeued(slices.DeleteFunc(all, func(at journal.At) bool { return at.Sequence < m.first }))
}

func (m *operatorModel) replay() {
	if m.last == 0 {
		return
	}
	s := &journal.Sequences{Partition: m.part, First: 1 + m.random.Uint64N(m.last)}
	s.Last = s.First + m.random.Uint64N(10)
	replay(m.t, m.j, journal.Range{Sequences: s}, func(*event.Record) (bool, error) { return true, nil })
	for at, w := range m.places {
		if at.Sequence >= max(s.First, m.first) && at.Sequence <= s.Last && w != queued {
			m.requeued([]journal.At{at})
		}
	}
}

// trim moves the window up to some record.
func (m *operatorModel) trim() {
	if m.last < 2 {
		return
	}
	window := journal.Window{Age: time.Duration(m.random.IntN(2)) * 24 * time.Hour, Bytes: 1 << 40}
	if _, err := m.j.Trim(m.t.Context(), window, time.Now().Add(time.Hour)); err != nil {
		m.t.Fatal(err)
	}
	var err error
	if m.first, err = m.j.First(m.t.Context(), m.part); err != nil {
		m.t.Fatal(err)
	}
}

func (m *operatorModel) drop() {
	switch m.random.IntN(6) {
	case 0:
		sel, ats := m.selected(set)
		steps(m.t, func(behind *journal.At) (journal.Step, error) {
			return m.j.DropParked(m.t.Context(), hook, sel, behind)
		})
		m.settle(ats)
	case 1:
		steps(m.t, func(behind *journal.At) (journal.Step, error) {
			return m.j.DropGaps(m.t.Context(), hook, journal.Selection{}, behind)
		})
		m.settle(m.of(missed))
	case 2:
		steps(m.t, func(behind *journal.At) (journal.Step, error) {
			return m.j.DropBacklog(m.t.Context(), hook, time.Now().Add(time.Hour), behind)
		})
		m.settle(m.of(queued))
	}
}

func (m *operatorModel) settle(ats []journal.At) {
	for _, at := range ats {
		m.places[at] = settled
		delete(m.marks, at)
	}
}

func (m *operatorModel) check() {
	m.t.Helper()
	var inOutbox, parked []journal.At
	marks := map[journal.At]bool{}
	for _, e := range waiting(m.t, m.j) {
		inOutbox = append(inOutbox, e.At())
		if e.Record.Replay {
			marks[e.At()] = true
		}
	}
	all, err := m.j.Parked(m.t.Context(), hook, nil, 1<<20)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, p := range all {
		parked = append(parked, p.At())
	}
	gaps, err := m.j.Gaps(m.t.Context(), hook, nil, 1<<20)
	if err != nil {
		m.t.Fatal(err)
	}
	missing := int64(0)
	for _, g := range gaps {
		missing += g.Count
	}
	for name, diff := range map[string]string{
		"outbox": cmp.Diff(m.of(queued), inOutbox),
		"parked": cmp.Diff(m.of(set), parked),
		"gaps":   cmp.Diff(int64(len(m.of(missed))), missing),
		"marks":  cmp.Diff(m.wantMarks(), marks),
	} {
		if diff != "" {
			m.t.Errorf("%s: %s", name, diff)
		}
	}
	b, err := m.j.Backlog(m.t.Context(), hook)
	if err != nil || b.Entries != int64(len(inOutbox)) || b.Dropped != missing {
		m.t.Errorf("%d wait and %d are missing, followed as %+v, %v", len(inOutbox), missing, b, err)
	}
}

// wantMarks are the marks of what waits: a parked event that was replayed
// before is marked still, but that is not listed here.
func (m *operatorModel) wantMarks() map[journal.At]bool {
	out := maps.Clone(m.marks)
	maps.DeleteFunc(out, func(at journal.At, _ bool) bool { return m.places[at] != queued })
	return out
}
