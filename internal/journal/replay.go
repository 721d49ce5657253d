package journal

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
)

// Range is a part of the journal: by time, or by sequence in one partition.
type Range struct {
	// From is included, To is not; zero means no bound. They are compared with
	// the records' stamps.
	From, To time.Time
	// Sequences, if not nil, restricts to one partition.
	Sequences *Sequences
}

// Sequences are those from First to Last, both included, of a partition.
type Sequences struct {
	Partition   uint16
	First, Last uint64
}

// Missing says what of a Range is not kept any more.
type Missing struct {
	// Records is how many are gone, of a range of sequences.
	Records int64
	// KeptFrom is the time from which on everything is kept, of a range of time
	// that begins before: earlier events are kept in part only. It is zero if
	// all of the range is kept.
	KeptFrom time.Time
}

// Any reports whether anything is missing.
func (m Missing) Any() bool { return m.Records > 0 || !m.KeptFrom.IsZero() }

// Missing says what of r lies outside the journal's window now.
func (j *Journal) Missing(ctx context.Context, r Range) (Missing, error) {
	var out Missing
	for p := range uint16(Partitions) {
		if r.Sequences != nil && r.Sequences.Partition != p {
			continue
		}
		first, at, err := j.firstKept(ctx, p)
		if err != nil {
			return Missing{}, err
		}
		switch s := r.Sequences; {
		case first <= 1:
		case s != nil:
			gone := min(s.Last, first-1)
			if from := max(s.First, 1); gone >= from {
				out.Records = int64(gone - from + 1) //nolint:gosec // sequences count commits
			}
		case at.After(r.From) && at.After(out.KeptFrom):
			out.KeptFrom = at
		}
	}
	return out, nil
}

// firstKept is the lowest sequence that a partition keeps, with its time.
func (j *Journal) firstKept(ctx context.Context, p uint16) (uint64, time.Time, error) {
	for {
		first, err := j.First(ctx, p)
		if err != nil {
			return 0, time.Time{}, err
		}
		records, err := j.store.ReadLog(ctx, kv.LogID(p), first, 1)
		if errors.Is(err, kv.ErrTrimmed) {
			continue
		}
		if err != nil {
			return 0, time.Time{}, fmt.Errorf("read partition %d: %w", p, err)
		}
		if len(records) == 0 {
			return first, time.Time{}, nil
		}
		return first, stampTime(records[0].Stamp), nil
	}
}

// seek is the first kept sequence of a partition whose record is not older than
// t; the one behind the head if there is none.
func (j *Journal) seek(ctx context.Context, p uint16, t time.Time) (uint64, error) {
	for {
		first, head, err := j.store.Bounds(ctx, kv.LogID(p))
		if err != nil {
			return 0, fmt.Errorf("bounds of partition %d: %w", p, err)
		}
		if t.IsZero() || head.Sequence < first {
			return first, nil
		}
		var failed error
		n := sort.Search(int(head.Sequence-first+1), func(i int) bool { //nolint:gosec // sequences count commits
			if failed != nil {
				return true
			}
			records, err := j.store.ReadLog(ctx, kv.LogID(p), first+uint64(i), 1) //nolint:gosec // as above
			if err != nil || len(records) == 0 {
				failed = fmt.Errorf("read partition %d: %w", p, errors.Join(err, errNoRecord))
				return true
			}
			return !stampTime(records[0].Stamp).Before(t)
		})
		if errors.Is(failed, kv.ErrTrimmed) {
			continue
		}
		return first + uint64(n), failed //nolint:gosec // never negative
	}
}

var errNoRecord = errors.New("journal: a kept record is not there")

// ReplayStep is what became of one step of a replay.
type ReplayStep struct {
	Step
	// Waiting counts the events of the range that wait in the outbox already:
	// they are sent once.
	Waiting int64
}

// Replay puts the kept records of a range that want selects back into a
// consumer's outbox, marked as replayed, durably: one step of it. They keep
// their ids and sort before everything that came later; what of them is parked
// is parked no more. Senders learn of them when they read the outbox from its
// beginning. behind is the Next of the step before, nil for the first.
func (j *Journal) Replay(
	ctx context.Context, consumer string, r Range, behind *At, want func(*event.Record) (bool, error),
) (ReplayStep, error) {
	step, err := j.replay(ctx, consumer, r, behind, want)
	if err != nil {
		return step, fmt.Errorf("replay to %s: %w", consumer, err)
	}
	return step, nil
}

func (j *Journal) replay(
	ctx context.Context, consumer string, r Range, behind *At, want func(*event.Record) (bool, error),
) (ReplayStep, error) {
	if err := j.store.Admit(); err != nil {
		return ReplayStep{}, err
	}
	entries, next, err := j.readRange(ctx, r, behind)
	if err != nil || len(entries) == 0 {
		return ReplayStep{Step: Step{Next: next}}, err
	}
	var waiting int64
	p, err := j.carryOut(ctx, consumer, func(p *plan) (err error) {
		waiting, err = j.resend(ctx, p, consumer, entries, want)
		return err
	})
	if err != nil {
		return ReplayStep{}, err
	}
	return ReplayStep{Step: Step{Count: p.entries, Next: next}, Waiting: waiting}, nil
}

// resend plans to send again those of a page of one partition that are wanted,
// and says how many of them wait in the outbox already.
func (j *Journal) resend(
	ctx context.Context, p *plan, consumer string, page []Entry, want func(*event.Record) (bool, error),
) (waiting int64, err error) {
	first, last := page[0].At(), page[len(page)-1].At()
	queued, err := j.rowsBetween(ctx, prefixOutbox, consumer, first, last)
	if err != nil {
		return 0, err
	}
	parked, err := j.rowsBetween(ctx, prefixParked, consumer, first, last)
	if err != nil {
		return 0, err
	}
	gaps, err := j.rowsBetween(ctx, prefixGap, consumer, first, last)
	if err != nil {
		return 0, err
	}
	for _, e := range page {
		ok, err := want(e.Record)
		if err != nil {
			return 0, err
		}
		if !ok {
			continue
		}
		if _, waits := queued[e.Sequence]; waits {
			waiting++
		} else if err := p.send(consumer, e); err != nil {
			// It needs no requirement: nobody else makes an entry of a record
			// that was committed before, but another replay, with the same value.
			return 0, err
		}
		if row, ok := parked[e.Sequence]; ok {
			p.batch.Delete(row.Key)
		}
		if row, ok := gaps[e.Sequence]; ok {
			if err := p.endGap(row); err != nil {
				return 0, err
			}
		}
	}
	return waiting, nil
}

// readRange reads a page of a range behind a place, all of one partition. next
// is where the following page begins; nil: the range ends here. A place with
// sequence 0 stands before all that the range holds of its partition.
func (j *Journal) readRange(ctx context.Context, r Range, behind *At) (page []Entry, next *At, err error) {
	p, from := uint16(0), uint64(0)
	if behind != nil {
		p = behind.Partition
		if behind.Sequence > 0 {
			from = behind.Sequence + 1
		}
	}
	for ; p < Partitions; p, from = p+1, 0 {
		if r.Sequences != nil && r.Sequences.Partition != p {
			continue
		}
		page, more, err := j.readPartition(ctx, r, p, from)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case more:
			next := page[len(page)-1].At()
			return page, &next, nil
		case len(page) > 0 && p+1 < Partitions:
			return page, &At{Partition: p + 1}, nil
		case len(page) > 0:
			return page, nil, nil
		}
	}
	return nil, nil, nil
}

// readPartition reads a page of what a range holds of one partition, from a
// sequence on; 0 stands for the range's first.
func (j *Journal) readPartition(ctx context.Context, r Range, p uint16, from uint64) (page []Entry, more bool, err error) {
	for {
		if from == 0 {
			if from, err = j.seek(ctx, p, r.From); err != nil {
				return nil, false, err
			}
		}
		if r.Sequences != nil {
			from = max(from, r.Sequences.First)
		}
		records, err := j.store.ReadLog(ctx, kv.LogID(p), from, replayPage)
		if errors.Is(err, kv.ErrTrimmed) {
			// The window moved on meanwhile. What it left behind, the caller
			// was told of or is told of now.
			from = 0
			continue
		}
		if err != nil {
			return nil, false, fmt.Errorf("read partition %d: %w", p, err)
		}
		bytes := 0
		for _, rec := range records {
			if !r.To.IsZero() && !stampTime(rec.Stamp).Before(r.To) || r.Sequences != nil && rec.Sequence > r.Sequences.Last {
				return page, false, nil
			}
			e, err := j.entry(At{p, rec.Sequence}, rec.Stamp, rec.Value)
			if err != nil {
				return nil, false, err
			}
			if page = append(page, e); bytes > stepBytes {
				return page, true, nil
			}
			bytes += len(rec.Value)
		}
		return page, len(records) == replayPage, nil
	}
}

// replayPage is how many records a step of a replay reads.
const replayPage = 512

// rowsBetween reads what a consumer has under prefix between two places of one
// partition, both included, by sequence.
func (j *Journal) rowsBetween(ctx context.Context, prefix byte, consumer string, first, last At) (map[uint64]kv.Entry, error) {
	out := make(map[uint64]kv.Entry)
	for e, err := range j.store.Scan(ctx, kv.Range{
		Start: entryKey(prefix, consumer, first), End: append(entryKey(prefix, consumer, last), 0),
	}) {
		if err != nil {
			return nil, err
		}
		if at, ok := entryAt(e.Key); ok {
			out[at.Sequence] = e
		}
	}
	return out, nil
}

// CursorAt is the position of the first kept record of each partition that is
// not older than t. missing says that events since t may not be kept.
func (j *Journal) CursorAt(ctx context.Context, t time.Time) (c Cursor, missing bool, err error) {
	c.Epoch = j.store.Epoch()
	for p := range uint16(Partitions) {
		if c.Next[p], err = j.seek(ctx, p, t); err != nil {
			return Cursor{}, false, err
		}
	}
	m, err := j.Missing(ctx, Range{From: t})
	return c, m.Any(), err
}
