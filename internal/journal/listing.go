package journal

import (
	"context"
	"fmt"
	"slices"

	"github.com/carillon-s3/carillon/internal/kv"
)

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
		page, _, err := j.Pending(ctx, consumer, next.Partition, next.Sequence-1, max-len(out))
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
// are parked, gaps, or blocked keys, whether or not a target of that name is
// configured.
func (j *Journal) Holders(ctx context.Context) ([]string, error) {
	var out []string
	for _, prefix := range []byte{prefixOutbox, prefixParked, prefixBlocked, prefixGap} {
		names, err := j.consumersUnder(ctx, prefix)
		if err != nil {
			return nil, err
		}
		out = append(out, names...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
