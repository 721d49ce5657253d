package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/carillon-s3/carillon/internal/kv"
)

// GapStep is what became of one step of FillGaps.
type GapStep struct {
	Step
	// Gone counts the events whose records have left the journal's window: they
	// stay listed as gaps.
	Gone int64
}

// FillGaps puts the events of gaps into the consumer's outbox after all, marked
// as replayed, durably, and ends their gaps. They keep their ids; senders learn
// of them when they read the outbox from its beginning. behind is the Next of
// the step before, nil for the first.
func (j *Journal) FillGaps(ctx context.Context, consumer string, sel Selection, behind *At) (GapStep, error) {
	var gone int64
	step, err := j.changeGaps(ctx, consumer, sel, behind, func(p *plan, g Gap) (bool, error) {
		if g.Count > 1 || g.Last != g.Sequence {
			gone += g.Count // folded, which only those are that have left the window
			return false, nil
		}
		records, err := j.store.ReadLog(ctx, kv.LogID(g.Partition), g.Sequence, 1)
		if errors.Is(err, kv.ErrTrimmed) || err == nil && len(records) == 0 {
			gone++
			return false, nil
		}
		if err != nil {
			return false, err
		}
		e, err := j.entry(g.At, records[0].Stamp, records[0].Value)
		if err != nil {
			return false, err
		}
		return true, j.requeue(ctx, p, consumer, e)
	}, func() { gone = 0 })
	if err != nil {
		return GapStep{}, fmt.Errorf("fill gaps of %s: %w", consumer, err)
	}
	return GapStep{step, gone}, nil
}

// DropGaps forgets gaps, durably. Step.Count is the number of their events.
func (j *Journal) DropGaps(ctx context.Context, consumer string, sel Selection, behind *At) (Step, error) {
	step, err := j.changeGaps(ctx, consumer, sel, behind, func(*plan, Gap) (bool, error) { return true, nil }, func() {})
	if err != nil {
		return Step{}, fmt.Errorf("drop gaps of %s: %w", consumer, err)
	}
	return step, nil
}

// endGap removes the gap of an event that is sent after all. One that was folded
// stays: the others in it are missing still.
func (p *plan) endGap(row kv.Entry) error {
	gap, err := decodeGap(row)
	if err != nil || gap.Count > 1 {
		return err
	}
	p.batch.Require(row.Key, row.Item)
	p.batch.Delete(row.Key)
	p.dropped--
	return nil
}

// changeGaps removes the selected gaps of one step for which end says so. again
// is called before all are asked, which can happen more than once.
func (j *Journal) changeGaps(
	ctx context.Context, consumer string, sel Selection, behind *At, end func(*plan, Gap) (bool, error), again func(),
) (Step, error) {
	p, err := j.carryOut(ctx, consumer, func(p *plan) error {
		again()
		rows := 0
		for e, err := range j.store.Scan(ctx, sel.rows(prefixGap, consumer, behind)) {
			if err != nil {
				return err
			}
			gap, err := decodeGap(e)
			if err != nil {
				return err
			}
			if rows++; sel.FitsGap(gap) {
				ends, err := end(p, gap)
				if err != nil {
					return err
				}
				if ends {
					p.batch.Require(e.Key, e.Item)
					p.batch.Delete(e.Key)
					p.Count += gap.Count
					p.dropped -= gap.Count
				}
			}
			if rows == stepRows || p.batch.Bytes() > stepBytes {
				p.Next = &gap.At
				break
			}
		}
		return nil
	})
	if err != nil {
		return Step{}, err
	}
	return p.Step, nil
}
