package journal

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Reasons of gaps.
const (
	// ReasonLimit: the outbox held as many events as queue_limit allows.
	ReasonLimit = "queue_limit"
	// ReasonBytes: the outbox held as many bytes as queue_bytes allows.
	ReasonBytes = "queue_bytes"
)

// Gap is an event that a consumer should have got and will not: it was dropped
// by an operator's own limit, or lost with a damaged spool. While the log holds
// its record it can be sent after all. Gaps whose records are trimmed are
// folded together, those of a partition with the same reason into one.
type Gap struct {
	// At is the event, or the first of Count.
	At
	// Last is the last sequence: that of At unless several were folded.
	Last uint64
	// Count is how many events of the consumer lie between them.
	Count int64
	// First and Until are when the first and the last of them were committed.
	First, Until time.Time
	Reason       string
}

// A gap is stored as
//
//	version     1 byte
//	stamp       8 bytes, that of the first event
//	last        8 bytes, the last sequence
//	last stamp  8 bytes
//	count       8 bytes
//	reason      text
const (
	gapVersion    = 1
	gapHeader     = 33
	gapLastOffset = 9
	gapEndOffset  = 17
)

// addGap records in b that a consumer does not get the event that is the
// appended-th append of b.
func addGap(b *kv.Batch, consumer string, partition uint16, appended int, reason string) {
	key := entryKey(prefixGap, consumer, At{Partition: partition})
	b.Set(key, encodeGap(0, 0, 0, 1, reason),
		kv.Fill{Append: appended, Field: kv.Sequence, InKey: true, Offset: len(key) - 8},
		kv.Fill{Append: appended, Field: kv.Stamp, Offset: 1},
		kv.Fill{Append: appended, Field: kv.Sequence, Offset: gapLastOffset},
		kv.Fill{Append: appended, Field: kv.Stamp, Offset: gapEndOffset})
}

// toGap turns a consumer's outbox row into a gap, in b.
func toGap(b *kv.Batch, consumer string, at At, stamp uint64, reason string) {
	b.Delete(entryKey(prefixOutbox, consumer, at))
	b.Set(entryKey(prefixGap, consumer, at), encodeGap(stamp, at.Sequence, stamp, 1, reason))
}

func encodeGap(stamp, last, lastStamp uint64, count int64, reason string) []byte {
	v := make([]byte, gapHeader, gapHeader+len(reason))
	v[0] = gapVersion
	binary.BigEndian.PutUint64(v[1:], stamp)
	binary.BigEndian.PutUint64(v[gapLastOffset:], last)
	binary.BigEndian.PutUint64(v[gapEndOffset:], lastStamp)
	binary.BigEndian.PutUint64(v[25:], uint64(count)) //nolint:gosec // never negative
	return append(v, reason...)
}

func decodeGap(e kv.Entry) (Gap, error) {
	at, ok := entryAt(e.Key)
	v := e.Item.Value
	if !ok || at.Partition >= Partitions || len(v) < gapHeader || v[0] != gapVersion {
		return Gap{}, fmt.Errorf("%w: gap %q", errStored, e.Key)
	}
	return Gap{
		At:     at,
		First:  stampTime(binary.BigEndian.Uint64(v[1:])),
		Last:   binary.BigEndian.Uint64(v[gapLastOffset:]),
		Until:  stampTime(binary.BigEndian.Uint64(v[gapEndOffset:])),
		Count:  int64(binary.BigEndian.Uint64(v[25:])), //nolint:gosec // as it was written
		Reason: string(v[gapHeader:]),
	}, nil
}

// Gaps lists up to max gaps of a consumer, behind the place after; nil starts
// at the first.
func (j *Journal) Gaps(ctx context.Context, consumer string, behind *At, max int) ([]Gap, error) {
	prefix := consumerPrefix(prefixGap, consumer)
	start := prefix
	if behind != nil {
		start = entryKey(prefixGap, consumer, At{behind.Partition, behind.Sequence + 1})
	}
	var out []Gap
	for e, err := range j.store.Scan(ctx, kv.Range{Start: start, End: kv.PrefixEnd(prefix)}) {
		if err != nil {
			return nil, fmt.Errorf("list gaps of %s: %w", consumer, err)
		}
		gap, err := decodeGap(e)
		if err != nil {
			return nil, err
		}
		if out = append(out, gap); len(out) >= max {
			break
		}
	}
	return out, nil
}

// foldStep is how many gaps one commit folds.
const foldStep = 512

// foldGaps joins the gaps whose records the log does not hold any more, so that
// what a target missed in a year takes a few rows and not one an event.
func (j *Journal) foldGaps(ctx context.Context) error {
	consumers, err := j.consumersUnder(ctx, prefixGap)
	if err != nil {
		return err
	}
	for _, consumer := range consumers {
		for p := uint16(0); p < Partitions; p++ {
			first, err := j.First(ctx, p)
			if err != nil {
				return err
			}
			for more := true; more; {
				if more, err = j.foldSome(ctx, consumer, p, first); err != nil {
					return fmt.Errorf("fold gaps of %s: %w", consumer, err)
				}
			}
		}
	}
	return nil
}

// foldSome folds up to foldStep gaps of a partition below the sequence before.
// more says that there may be others.
func (j *Journal) foldSome(ctx context.Context, consumer string, p uint16, before uint64) (more bool, err error) {
	var b kv.Batch
	var into Gap
	var stored kv.Entry
	rows := 0
	write := func() {
		if rows > 1 {
			b.Set(stored.Key, encodeGap(uint64(into.First.UnixNano()), into.Last, //nolint:gosec // after 1970
				uint64(into.Until.UnixNano()), into.Count, into.Reason)) //nolint:gosec // after 1970
		}
	}
	total := 0
	for e, err := range j.store.Scan(ctx, kv.Range{
		Start: entryKey(prefixGap, consumer, At{p, 0}), End: entryKey(prefixGap, consumer, At{p, before}),
	}) {
		if err != nil {
			return false, err
		}
		gap, err := decodeGap(e)
		if err != nil {
			return false, err
		}
		b.Require(e.Key, e.Item)
		if rows > 0 && gap.Reason == into.Reason {
			into.Last, into.Until, into.Count = gap.Last, gap.Until, into.Count+gap.Count
			b.Delete(e.Key)
			rows++
		} else {
			write()
			into, stored, rows = gap, e, 1
		}
		if total++; total == foldStep {
			more = true
			break
		}
	}
	write()
	if b.Empty() {
		return false, nil
	}
	_, err = j.store.Commit(ctx, &b)
	return more, err
}
