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

// Selection says which parked events an operator means: those that all of its
// fields fit. The zero Selection means every one.
type Selection struct {
	// At is the place of one event; nil means any.
	At *At
	// Reason is a part of the reason that was noted, in any case of letters.
	Reason string
	// From is included, To is not: when the event was parked.
	From, To time.Time
}

// Fits reports whether the selection means p.
func (s Selection) Fits(p *Parked) bool {
	return (s.At == nil || *s.At == p.At()) &&
		(s.From.IsZero() || !p.ParkedAt.Before(s.From)) &&
		(s.To.IsZero() || p.ParkedAt.Before(s.To)) &&
		strings.Contains(strings.ToLower(p.Reason), strings.ToLower(s.Reason))
}

// RetryParked moves parked events back to the consumer's outbox, marked as
// replayed, durably. They keep their ids; senders learn of them when they read
// the outbox from its beginning. behind is the Next of the step before, nil for
// the first.
func (j *Journal) RetryParked(ctx context.Context, consumer string, sel Selection, behind *At) (Step, error) {
	step, err := j.changeParked(ctx, consumer, sel, behind, func(b *kv.Batch, p *Parked) error {
		return j.requeue(ctx, b, consumer, p.Entry)
	})
	if err != nil {
		return step, fmt.Errorf("retry parked events of %s: %w", consumer, err)
	}
	return step, nil
}

// DropParked forgets parked events, durably and for good.
func (j *Journal) DropParked(ctx context.Context, consumer string, sel Selection, behind *At) (Step, error) {
	step, err := j.changeParked(ctx, consumer, sel, behind, func(*kv.Batch, *Parked) error { return nil })
	if err != nil {
		return step, fmt.Errorf("drop parked events of %s: %w", consumer, err)
	}
	return step, nil
}

// changeParked takes the selected events of one step out of the parked ones,
// and lets change say what else becomes of each in the same commit.
func (j *Journal) changeParked(ctx context.Context, consumer string, sel Selection, behind *At, change func(*kv.Batch, *Parked) error) (Step, error) {
	if sel.At != nil {
		// Its row alone, however many there are.
		behind = &At{sel.At.Partition, sel.At.Sequence - 1}
	}
	return j.decideStep(ctx, func() (*kv.Batch, Step, error) {
		var b kv.Batch
		var step Step
		rows := 0
		for e, err := range j.store.Scan(ctx, behindRange(prefixParked, consumer, behind)) {
			if err != nil {
				return nil, step, err
			}
			p, err := j.parked(e)
			if err != nil {
				return nil, step, err
			}
			at := p.At()
			if sel.At != nil && at != *sel.At {
				break
			}
			if rows++; sel.Fits(&p) {
				b.Require(e.Key, e.Item)
				b.Delete(e.Key)
				if err := change(&b, &p); err != nil {
					return nil, step, err
				}
				step.Count++
			}
			if rows == stepRows || b.Bytes() > stepBytes {
				step.Next = &at
				break
			}
		}
		return &b, step, nil
	})
}

// requeue writes the outbox entry of an event that is to be sent again, with
// the record itself in it: so it is independent of the log's window, and can be
// marked. An event that still waits there is left as it is.
func (j *Journal) requeue(ctx context.Context, b *kv.Batch, consumer string, e Entry) error {
	key := entryKey(prefixOutbox, consumer, e.At())
	item, err := j.store.Get(ctx, key)
	if err != nil {
		return err
	}
	b.Require(key, item)
	if item.Exists() {
		return nil
	}
	value, err := replayedEntry(e)
	if err != nil {
		return err
	}
	b.Set(key, value)
	return nil
}

// replayedEntry is the stored outbox entry of an event that is sent again.
func replayedEntry(e Entry) ([]byte, error) {
	rec := *e.Record
	rec.Replay = true
	record, err := encode(recordVersion, &rec)
	if err != nil {
		return nil, err
	}
	return append(newStampedEntry(e.Stamp, len(record)), record...), nil
}

// DropBacklog forgets the events of a consumer's outbox that were recorded
// before a time, durably and for good. When nothing is left to do, the
// consumer's blocked keys are forgotten too: none may be blocked by an event
// that is gone.
func (j *Journal) DropBacklog(ctx context.Context, consumer string, before time.Time, behind *At) (Step, error) {
	step, err := j.decideStep(ctx, func() (*kv.Batch, Step, error) {
		var b kv.Batch
		var step Step
		rows := 0
		for e, err := range j.store.Scan(ctx, behindRange(prefixOutbox, consumer, behind)) {
			if err != nil {
				return nil, step, err
			}
			entry, err := decodeOutboxEntry(e)
			if err != nil {
				return nil, step, err
			}
			if rows++; stampTime(entry.stamp).Before(before) {
				b.Delete(e.Key)
				step.Count++
			}
			if rows == stepRows {
				step.Next = &entry.at
				break
			}
		}
		return &b, step, nil
	})
	if err != nil {
		return step, fmt.Errorf("drop the backlog of %s: %w", consumer, err)
	}
	if step.Next == nil {
		_, err = j.UnblockAll(ctx, consumer)
	}
	return step, err
}

// UnblockAll empties a consumer's set of blocked keys and says how many it
// held. Keys that fail again are blocked again.
func (j *Journal) UnblockAll(ctx context.Context, consumer string) (int64, error) {
	var total int64
	prefix := consumerPrefix(prefixBlocked, consumer)
	for {
		step, err := j.decideStep(ctx, func() (*kv.Batch, Step, error) {
			var b kv.Batch
			var step Step
			for e, err := range j.store.Scan(ctx, kv.Range{Start: prefix, End: kv.PrefixEnd(prefix), KeysOnly: true}) {
				if err != nil {
					return nil, step, err
				}
				b.Delete(e.Key)
				if step.Count++; step.Count == stepRows {
					break
				}
			}
			return &b, step, nil
		})
		total += step.Count
		if err != nil {
			return total, fmt.Errorf("unblock the keys of %s: %w", consumer, err)
		}
		if step.Count < stepRows {
			return total, nil
		}
	}
}

// decideStep commits what decide writes, and has it decide again if something
// that it required has changed.
func (j *Journal) decideStep(ctx context.Context, decide func() (*kv.Batch, Step, error)) (Step, error) {
	var err error
	for range stepTries {
		var b *kv.Batch
		var step Step
		if b, step, err = decide(); err != nil {
			return Step{}, err
		}
		if b.Empty() {
			return step, nil
		}
		if _, err = j.store.Commit(ctx, b); err == nil {
			return step, nil
		}
		if !errors.Is(err, kv.ErrConflict) {
			return Step{}, err
		}
	}
	return Step{}, err
}

// behindRange is what a consumer has under prefix, behind a place; nil starts
// at the first.
func behindRange(prefix byte, consumer string, behind *At) kv.Range {
	all := consumerPrefix(prefix, consumer)
	r := kv.Range{Start: all, End: kv.PrefixEnd(all)}
	if behind != nil {
		r.Start = append(entryKey(prefix, consumer, *behind), 0)
	}
	return r
}

// Waiting lists up to max events of a consumer's outbox behind a place, by
// partition and sequence; nil starts at the first.
func (j *Journal) Waiting(ctx context.Context, consumer string, behind *At, max int) ([]Entry, error) {
	var out []Entry
	for len(out) < max {
		next, ok, err := j.nextWaiting(ctx, consumer, behind)
		if err != nil || !ok {
			return out, err
		}
		page, err := j.Pending(ctx, consumer, next.Partition, next.Sequence-1, max-len(out))
		if err != nil {
			return nil, err
		}
		behind = &next // what was acknowledged meanwhile is passed over
		if len(page) > 0 {
			last := page[len(page)-1].At()
			behind = &last
		}
		out = append(out, page...)
	}
	return out, nil
}

func (j *Journal) nextWaiting(ctx context.Context, consumer string, behind *At) (At, bool, error) {
	r := behindRange(prefixOutbox, consumer, behind)
	r.KeysOnly = true
	for e, err := range j.store.Scan(ctx, r) {
		if err != nil {
			return At{}, false, fmt.Errorf("read the outbox of %s: %w", consumer, err)
		}
		at, ok := entryAt(e.Key)
		if !ok {
			return At{}, false, fmt.Errorf("%w: outbox entry %q", errStored, e.Key)
		}
		return at, true, nil
	}
	return At{}, false, nil
}

// Holders lists the consumers for which anything is kept: events that wait or
// are parked, or blocked keys, whether or not a target of that name is
// configured.
func (j *Journal) Holders(ctx context.Context) ([]string, error) {
	var out []string
	for _, prefix := range []byte{prefixOutbox, prefixParked, prefixBlocked} {
		names, err := j.consumersUnder(ctx, prefix)
		if err != nil {
			return nil, err
		}
		out = append(out, names...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
