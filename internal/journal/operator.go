package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// What an operator does to a consumer's events goes in steps: each is one
// commit of bounded size, and says where the next begins. A step that was
// repeated, after a crash or a lost answer, does nothing twice.
const (
	// stepRows is how many rows a step looks at: a commit of so many deletes or
	// small writes holds up others for some milliseconds.
	stepRows = 2048
	// stepBytes bounds the records that a step writes: half of what a batch may
	// hold, so that the one that passes the bound still fits.
	stepBytes = kv.MaxBatchBytes / 2
	// stepTries is how often a step is decided again when rows that it looked
	// at changed meanwhile.
	stepTries = 20
)

// Step is what became of one step.
type Step struct {
	// Count is the number of events, or keys, that it concerned.
	Count int64
	// Next is where the following step goes on, behind that place; nil: there
	// is nothing left.
	Next *At
}

// Selection says which parked events or gaps an operator means: those that all
// of its fields fit. The zero Selection means every one.
type Selection struct {
	// At is the place of one event; nil means any.
	At *At
	// Reason is a part of the reason that was noted, in any case of letters.
	Reason string
	// From is included, To is not: when an event was parked, or the first of a
	// gap was recorded.
	From, To time.Time
}

// Fits reports whether the selection means p.
func (s Selection) Fits(p *Parked) bool { return s.fits(p.At(), p.Reason, p.ParkedAt) }

// FitsGap reports whether the selection means g.
func (s Selection) FitsGap(g Gap) bool { return s.fits(g.At, g.Reason, g.First) }

func (s Selection) fits(at At, reason string, when time.Time) bool {
	return (s.At == nil || *s.At == at) &&
		(s.From.IsZero() || !when.Before(s.From)) && (s.To.IsZero() || when.Before(s.To)) &&
		strings.Contains(strings.ToLower(reason), strings.ToLower(s.Reason))
}

// rows are those that a step looks at: one alone, if that is selected.
func (s Selection) rows(prefix byte, consumer string, behind *At) kv.Range {
	if s.At == nil {
		return behindRange(prefix, consumer, behind)
	}
	key := entryKey(prefix, consumer, *s.At)
	return kv.Range{Start: key, End: append(slices.Clone(key), 0)}
}

// RetryParked moves parked events back to the consumer's outbox, marked as
// replayed, durably. They keep their ids; senders learn of them when they read
// the outbox from its beginning. behind is the Next of the step before, nil for
// the first.
func (j *Journal) RetryParked(ctx context.Context, consumer string, sel Selection, behind *At) (Step, error) {
	return j.changeParked(ctx, "retry", consumer, sel, behind, j.requeue)
}

// DropParked forgets parked events, durably and for good.
func (j *Journal) DropParked(ctx context.Context, consumer string, sel Selection, behind *At) (Step, error) {
	forget := func(context.Context, *plan, string, Entry) error { return nil }
	return j.changeParked(ctx, "drop", consumer, sel, behind, forget)
}

// changeParked takes the selected events of one step out of the parked ones,
// and lets change say what else becomes of each in the same commit.
func (j *Journal) changeParked(
	ctx context.Context, verb, consumer string, sel Selection, behind *At,
	change func(context.Context, *plan, string, Entry) error,
) (Step, error) {
	p, err := j.carryOut(ctx, consumer, func(p *plan) error {
		rows := 0
		for e, err := range j.store.Scan(ctx, sel.rows(prefixParked, consumer, behind)) {
			if err != nil {
				return err
			}
			parked, err := j.parked(e)
			if err != nil {
				return err
			}
			at := parked.At()
			if rows++; sel.Fits(&parked) {
				p.batch.Require(e.Key, e.Item)
				p.batch.Delete(e.Key)
				if err := change(ctx, p, consumer, parked.Entry); err != nil {
					return err
				}
				p.Count++
			}
			if rows == stepRows || p.batch.Bytes() > stepBytes {
				p.Next = &at
				break
			}
		}
		return nil
	})
	if err != nil {
		return Step{}, fmt.Errorf("%s parked events of %s: %w", verb, consumer, err)
	}
	return p.Step, nil
}

// requeue writes the outbox entry of an event that is to be sent again, with
// the record itself in it: so it is independent of the log's window, and can be
// marked. An event that still waits there is left as it is.
func (j *Journal) requeue(ctx context.Context, p *plan, consumer string, e Entry) error {
	key := entryKey(prefixOutbox, consumer, e.At())
	item, err := j.store.Get(ctx, key)
	if err != nil {
		return err
	}
	p.batch.Require(key, item)
	if item.Exists() {
		return nil
	}
	return p.send(consumer, e)
}

// send puts an event into the outbox again, marked.
func (p *plan) send(consumer string, e Entry) error {
	rec := *e.Record
	rec.Replay = true
	record, err := encode(recordVersion, &rec)
	if err != nil {
		return err
	}
	p.batch.Set(entryKey(prefixOutbox, consumer, e.At()), append(newStampedEntry(e.Stamp, len(record)), record...))
	p.entries++
	p.bytes += int64(len(record))
	return nil
}

// DropBacklog forgets the events of a consumer's outbox that were recorded
// before a time, durably and for good. When nothing is left to do, the
// consumer's blocked keys are forgotten too: none may be blocked by an event
// that is gone.
func (j *Journal) DropBacklog(ctx context.Context, consumer string, before time.Time, behind *At) (Step, error) {
	p, err := j.carryOut(ctx, consumer, func(p *plan) error {
		rows := 0
		for e, err := range j.store.Scan(ctx, behindRange(prefixOutbox, consumer, behind)) {
			if err != nil {
				return err
			}
			entry, err := decodeOutboxEntry(e)
			if err != nil {
				return err
			}
			if rows++; stampTime(entry.stamp).Before(before) {
				p.batch.Delete(e.Key)
				p.Count++
				p.entries--
				p.bytes -= int64(entry.bytes)
			}
			if rows == stepRows {
				p.Next = &entry.at
				break
			}
		}
		return nil
	})
	if err != nil {
		return Step{}, fmt.Errorf("drop the backlog of %s: %w", consumer, err)
	}
	if p.Next == nil {
		_, err = j.UnblockAll(ctx, consumer)
	}
	return p.Step, err
}

// UnblockAll empties a consumer's set of blocked keys and says how many it
// held. Keys that fail again are blocked again.
func (j *Journal) UnblockAll(ctx context.Context, consumer string) (int64, error) {
	var total int64
	prefix := consumerPrefix(prefixBlocked, consumer)
	for {
		p, err := j.carryOut(ctx, consumer, func(p *plan) error {
			for e, err := range j.store.Scan(ctx, kv.Range{Start: prefix, End: kv.PrefixEnd(prefix), KeysOnly: true}) {
				if err != nil {
					return err
				}
				p.batch.Delete(e.Key)
				if p.Count++; p.Count == stepRows {
					break
				}
			}
			return nil
		})
		if err != nil {
			return total, fmt.Errorf("unblock the keys of %s: %w", consumer, err)
		}
		if total += p.Count; p.Count < stepRows {
			return total, nil
		}
	}
}

// plan is what one step is about to do.
type plan struct {
	Step
	batch kv.Batch
	// entries and bytes are by how much the outbox grows, dropped by how much
	// the gaps do.
	entries, bytes, dropped int64
}

// carryOut commits what decide writes, counts it, and has it decide again if
// something that it required has changed.
func (j *Journal) carryOut(ctx context.Context, consumer string, decide func(*plan) error) (*plan, error) {
	var err error
	for range stepTries {
		p := &plan{}
		if err = decide(p); err != nil {
			return nil, err
		}
		if p.batch.Empty() {
			return p, nil
		}
		if _, err = j.store.Commit(ctx, &p.batch); err == nil {
			j.counters.of(consumer).adjust(p.entries, p.bytes, p.dropped)
			return p, nil
		}
		if !errors.Is(err, kv.ErrConflict) {
			return nil, err
		}
	}
	return nil, err
}
