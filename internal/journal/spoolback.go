package journal

import (
	"context"
	"fmt"

	"github.com/carillon-s3/carillon/internal/kv"
)

// lostValue is the stored form of a lost entry: what stood in the outbox, for
// the case that its spool comes back, and the reason that its gap has.
type lostValue struct {
	Entry  []byte `cbor:"1,keyasint"`
	Reason string `cbor:"2,keyasint"`
}

const lostVersion = 1

// loseEntry has b put a gap in the place of an outbox entry, whose stored value
// is kept.
func loseEntry(b *kv.Batch, consumer string, e outboxEntry, stored []byte, reason string) error {
	value, err := encode(lostVersion, lostValue{stored, reason})
	if err != nil {
		return err
	}
	toGap(b, consumer, e.at, e.stamp, reason)
	b.Set(entryKey(prefixLost, consumer, e.at), value)
	return nil
}

// decodeLost reads a row of a lost entry.
func decodeLost(row kv.Entry) (outboxEntry, lostValue, error) {
	at, ok := entryAt(row.Key)
	if !ok {
		return outboxEntry{}, lostValue{}, fmt.Errorf("%w: lost entry %q", errStored, row.Key)
	}
	var v lostValue
	if err := decode(lostVersion, row.Item.Value, &v); err != nil {
		return outboxEntry{}, lostValue{}, err
	}
	e, err := parseOutboxEntry(at, v.Entry)
	return e, v, err
}

// takeBack puts lost entries back into the outbox whose records can be read
// again: the volume of their spool was away.
func (j *Journal) takeBack(ctx context.Context) error {
	asked := make(map[string]bool)
	for _, sp := range j.spools.all() {
		consumer := sp.id.Consumer
		if asked[consumer] {
			continue
		}
		asked[consumer] = true
		n, err := j.takeBackOf(ctx, consumer)
		if err != nil {
			return fmt.Errorf("take back lost events of %s: %w", consumer, err)
		}
		if n > 0 {
			j.spools.log.Info("a spool is back: events that were listed as lost are delivered after all",
				"target", consumer, "events", n)
		}
	}
	return nil
}

func (j *Journal) takeBackOf(ctx context.Context, consumer string) (int, error) {
	total := 0
	back := takingBack{j: j, consumer: consumer}
	prefix := consumerPrefix(prefixLost, consumer)
	for row, err := range j.store.Scan(ctx, kv.Range{Start: prefix, End: kv.PrefixEnd(prefix)}) {
		if err != nil {
			return total, err
		}
		e, v, err := decodeLost(row)
		if err != nil {
			return total, err
		}
		if e.spooled == nil || !j.spools.inPlace(e.spooled.spool) {
			continue
		}
		if _, reads := j.spools.read([]outboxEntry{e}); reads[0].Err != nil {
			continue
		}
		ok, err := back.add(ctx, row, e, v)
		if err != nil {
			return total, err
		}
		if ok {
			total++
		}
	}
	return total, back.commit(ctx)
}

// takingBack is a batch of entries that go back into the outbox.
type takingBack struct {
	j        *Journal
	consumer string
	batch    kv.Batch
	gaps     map[string]*Gap // what is left of the gaps, by key
	entries  int
}

// add takes one back; false if an operator has dropped its gap.
func (t *takingBack) add(ctx context.Context, row kv.Entry, e outboxEntry, v lostValue) (bool, error) {
	if t.entries == lossBatch {
		if err := t.commit(ctx); err != nil {
			return false, err
		}
	}
	key, gap, err := findGap(ctx, t.j.store, t.consumer, e.at, v.Reason)
	if err != nil || key == nil {
		return false, err
	}
	if t.gaps == nil {
		t.gaps = make(map[string]*Gap)
	}
	if t.gaps[string(key)] == nil {
		t.gaps[string(key)] = &gap
	}
	t.gaps[string(key)].Count--
	t.batch.Require(row.Key, row.Item)
	t.batch.Delete(row.Key)
	t.batch.Set(entryKey(prefixOutbox, t.consumer, e.at), v.Entry)
	t.entries++
	return true, nil
}

// findGap returns the gap that holds a lost event, which may have been folded
// with others; a nil key if there is none any more.
func findGap(ctx context.Context, store kv.Reader, consumer string, at At, reason string) (key []byte, _ Gap, _ error) {
	for row, err := range store.Scan(ctx, kv.Range{
		Start:   entryKey(prefixGap, consumer, At{at.Partition, 0}),
		End:     entryKey(prefixGap, consumer, At{at.Partition, at.Sequence + 1}),
		Reverse: true,
	}) {
		if err != nil {
			return nil, Gap{}, err
		}
		gap, err := decodeGap(row)
		if err != nil {
			return nil, Gap{}, err
		}
		if gap.Reason == reason && gap.Last >= at.Sequence {
			return row.Key, gap, nil
		}
	}
	return nil, Gap{}, nil
}

func (t *takingBack) commit(ctx context.Context) error {
	if t.entries == 0 {
		return nil
	}
	for key, gap := range t.gaps {
		if gap.Count <= 0 {
			t.batch.Delete([]byte(key))
			continue
		}
		t.batch.Set([]byte(key), encodeGap(uint64(gap.First.UnixNano()), gap.Last, //nolint:gosec // after 1970
			uint64(gap.Until.UnixNano()), gap.Count, gap.Reason)) //nolint:gosec // after 1970
	}
	_, err := t.j.store.Commit(ctx, &t.batch)
	t.batch, t.gaps, t.entries = kv.Batch{}, nil, 0
	return err
}

// forgetDropped removes lost entries of a consumer whose gaps an operator has
// dropped, so that they keep no segment any more.
func (s *spools) forgetDropped(ctx context.Context, consumer string) error {
	var b kv.Batch
	prefix := consumerPrefix(prefixLost, consumer)
	for row, err := range s.store.Scan(ctx, kv.Range{Start: prefix, End: kv.PrefixEnd(prefix)}) {
		if err != nil {
			return err
		}
		e, v, err := decodeLost(row)
		if err != nil {
			return err
		}
		key, _, err := findGap(ctx, s.store, consumer, e.at, v.Reason)
		if err != nil {
			return err
		}
		if key == nil {
			b.Delete(row.Key)
		}
		if len(b.Writes) == lossBatch {
			if _, err := s.store.Commit(ctx, &b); err != nil {
				return err
			}
			b = kv.Batch{}
		}
	}
	if b.Empty() {
		return nil
	}
	_, err := s.store.Commit(ctx, &b)
	return err
}
