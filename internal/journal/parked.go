package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
)

// parkedValue is the stored form of a parked event: it holds the record itself,
// since the log is trimmed by its own window.
type parkedValue struct {
	Record   *event.Record `cbor:"1,keyasint"`
	Stamp    uint64        `cbor:"2,keyasint"`
	Reason   string        `cbor:"3,keyasint"`
	Attempts int           `cbor:"4,keyasint"`
	ParkedAt int64         `cbor:"5,keyasint"` // milliseconds since 1970
	Bytes    int           `cbor:"6,keyasint"`
}

const parkedVersion = 1

// Park moves an event from a consumer's outbox to its parked events, with the
// reason. It returns once that is durable.
func (j *Journal) Park(ctx context.Context, consumer string, p Parked) error {
	value, err := encode(parkedVersion, parkedValue{
		Record: p.Record, Stamp: p.Stamp, Reason: p.Reason, Attempts: p.Attempts,
		ParkedAt: p.ParkedAt.UnixMilli(), Bytes: p.Bytes,
	})
	if err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(entryKey(prefixOutbox, consumer, p.At()))
	b.Set(entryKey(prefixParked, consumer, p.At()), value)
	if _, err := j.store.Commit(ctx, &b); err != nil {
		return fmt.Errorf("park an event of %s: %w", consumer, err)
	}
	j.counters.of(consumer).went(1, int64(p.Bytes))
	return nil
}

// Parked lists up to max parked events of a consumer, behind the place after;
// nil starts at the first.
func (j *Journal) Parked(ctx context.Context, consumer string, behind *At, max int) ([]Parked, error) {
	prefix := consumerPrefix(prefixParked, consumer)
	start := prefix
	if behind != nil {
		start = entryKey(prefixParked, consumer, At{behind.Partition, behind.Sequence + 1})
	}
	var out []Parked
	for e, err := range j.store.Scan(ctx, kv.Range{Start: start, End: kv.PrefixEnd(prefix)}) {
		if err != nil {
			return nil, fmt.Errorf("list parked events of %s: %w", consumer, err)
		}
		p, err := j.parked(e)
		if err != nil {
			return nil, err
		}
		if out = append(out, p); len(out) >= max {
			break
		}
	}
	return out, nil
}

// CountParked counts a consumer's parked events by reading their keys.
func (j *Journal) CountParked(ctx context.Context, consumer string) (int64, error) {
	var n int64
	prefix := consumerPrefix(prefixParked, consumer)
	for _, err := range j.store.Scan(ctx, kv.Range{Start: prefix, End: kv.PrefixEnd(prefix), KeysOnly: true}) {
		if err != nil {
			return 0, fmt.Errorf("count parked events of %s: %w", consumer, err)
		}
		n++
	}
	return n, nil
}

func (j *Journal) parked(e kv.Entry) (Parked, error) {
	at, ok := entryAt(e.Key)
	if !ok {
		return Parked{}, fmt.Errorf("%w: parked event %q", errStored, e.Key)
	}
	var v parkedValue
	if err := decode(parkedVersion, e.Item.Value, &v); err != nil {
		return Parked{}, err
	}
	return Parked{
		Entry: Entry{
			Place: event.Place{
				Epoch: j.store.Epoch(), Partition: at.Partition, Sequence: at.Sequence, Stamp: v.Stamp,
			},
			Record: v.Record,
			Bytes:  v.Bytes,
		},
		Reason: v.Reason, Attempts: v.Attempts, ParkedAt: time.UnixMilli(v.ParkedAt).UTC(),
	}, nil
}
