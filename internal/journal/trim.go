package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Window says how much of the journal is kept beyond what consumers need:
// for replay, backfill and listeners that resume.
type Window struct {
	// Age is how long records are kept.
	Age time.Duration
	// Bytes bounds the stored records of all partitions together, estimated
	// from a sample of each partition; the oldest go first.
	Bytes int64
}

const (
	// trimStepRecords is how many records one commit trims, so that trimming never
	// holds up other commits for long.
	trimStepRecords = 512
	// trimStepBytes bounds the bytes that one such commit copies, over all
	// consumers: half of what a batch may hold.
	trimStepBytes = kv.MaxBatchBytes / 2
	// trimSample is how many records at each end of a partition estimate the
	// size of one.
	trimSample = 32
)

// Trim removes the records outside the window. A record that is still in some
// consumer's outbox is first written to the consumer's spool or, where it has
// none or that cannot be written, copied into the entry, in the same commit, so
// trimming never loses an event. Then it frees what spools hold and nobody wants
// any more. It returns the number of records removed.
//
// While the store is below its reserve of free space, nothing is copied, also not
// to a spool, which may be on the same disk, unless at least twice as much goes:
// writes are refused then, so that what waits does not grow.
func (j *Journal) Trim(ctx context.Context, w Window, now time.Time) (int64, error) {
	j.spools.trimming.Lock()
	defer j.spools.trimming.Unlock()
	if err := j.spools.beginTrim(ctx); err != nil {
		return 0, err
	}
	total, err := j.trimAll(ctx, w, now)
	return total, errors.Join(err, j.spools.free(ctx), j.foldGaps(ctx))
}

func (j *Journal) trimAll(ctx context.Context, w Window, now time.Time) (int64, error) {
	var total int64
	for p := uint16(0); p < Partitions; p++ {
		n, err := j.trimPartition(ctx, p, w, now)
		total += n
		if err != nil {
			return total, fmt.Errorf("trim partition %d: %w", p, err)
		}
	}
	return total, nil
}

func (j *Journal) trimPartition(ctx context.Context, p uint16, w Window, now time.Time) (int64, error) {
	var total int64
	for {
		keep, err := j.keepFrom(ctx, p, w)
		if err != nil {
			return total, err
		}
		first, head, err := j.store.Bounds(ctx, kv.LogID(p))
		if err != nil {
			return total, err
		}
		records, err := j.store.ReadLog(ctx, kv.LogID(p), first, trimStepRecords)
		if err != nil {
			return total, err
		}
		n := 0
		// The log's last record always stays, so its entries need no copy.
		for n < len(records) && records[n].Sequence < head.Sequence &&
			(records[n].Sequence < keep || now.Sub(stampTime(records[n].Stamp)) > w.Age) {
			n++
		}
		if n == 0 {
			return total, nil
		}
		trimmed, err := j.trimStep(ctx, p, records[:n])
		if errors.Is(err, kv.ErrConflict) {
			continue // an entry was acknowledged meanwhile
		}
		if err != nil || trimmed == 0 {
			return total, err
		}
		total += trimmed
	}
}

// keepFrom is the first sequence that the byte bound lets a partition keep.
func (j *Journal) keepFrom(ctx context.Context, p uint16, w Window) (uint64, error) {
	first, head, err := j.store.Bounds(ctx, kv.LogID(p))
	if err != nil || head.Sequence == 0 {
		return 0, err
	}
	count := head.Sequence - first + 1
	sample, err := j.store.ReadLog(ctx, kv.LogID(p), head.Sequence-min(count, trimSample)+1, trimSample)
	if err != nil || len(sample) == 0 {
		return 0, err
	}
	bytes := 0
	for _, r := range sample {
		bytes += len(r.Value)
	}
	mean := max(uint64(bytes/len(sample)), 1)      //nolint:gosec // never negative
	allowed := uint64(w.Bytes/Partitions)/mean + 1 //nolint:gosec // a window is never negative
	return max(first, head.Sequence-min(count, allowed)+1), nil
}

// trimStep removes records, the first of p, or as many of them as one commit may
// copy, and moves those that a consumer still needs to its spool or into its
// outbox. It returns how many it removed: 0 if it cannot now. ErrConflict: try
// again.
func (j *Journal) trimStep(ctx context.Context, p uint16, records []kv.LogRecord) (int64, error) {
	// Their entries were committed with them. So the consumers are asked for
	// after the records were read, or one that is new would be missed.
	consumers, err := j.Consumers(ctx)
	if err != nil {
		return 0, err
	}
	copies := 0
	for i, r := range records {
		if copies += len(r.Value) * len(consumers); copies > trimStepBytes && i > 0 {
			records = records[:i]
			break
		}
	}
	before := records[len(records)-1].Sequence + 1
	moves := make([][]move, len(consumers))
	copied, freed := 0, 0
	for _, r := range records {
		freed += len(r.Value)
	}
	for i, consumer := range consumers {
		var err error
		if moves[i], err = j.wanted(ctx, p, consumer, records, before); err != nil {
			return 0, err
		}
		for _, m := range moves[i] {
			copied += len(m.record)
		}
	}
	if 2*copied > freed && errors.Is(j.store.Admit(), kv.ErrNoSpace) {
		return 0, nil
	}
	var b kv.Batch
	var committed []func()
	for i, consumer := range consumers {
		if len(moves[i]) == 0 {
			continue
		}
		if done := j.spools.spool(ctx, &b, consumer, moves[i]); done != nil {
			committed = append(committed, done)
			continue
		}
		for _, m := range moves[i] {
			b.Require(m.row.Key, m.row.Item)
			b.Set(m.row.Key, newCopiedEntry(m.entry, m.record))
		}
	}
	b.Trim(kv.LogID(p), before)
	if _, err := j.store.Commit(ctx, &b); err != nil {
		return 0, err
	}
	for _, done := range committed {
		done()
	}
	first, err := j.First(ctx, p)
	if err != nil {
		return 0, err
	}
	return int64(first - records[0].Sequence), nil //nolint:gosec // first only grows, by trimStepRecords at most
}

// wanted lists the outbox entries of a consumer that point to records of p below
// before.
func (j *Journal) wanted(ctx context.Context, p uint16, consumer string, records []kv.LogRecord, before uint64) ([]move, error) {
	var moves []move
	for row, err := range j.store.Scan(ctx, kv.Range{
		Start: entryKey(prefixOutbox, consumer, At{p, records[0].Sequence}),
		End:   entryKey(prefixOutbox, consumer, At{p, before}),
	}) {
		if err != nil {
			return nil, err
		}
		entry, err := decodeOutboxEntry(row)
		if err != nil {
			return nil, err
		}
		if entry.inLog() {
			moves = append(moves, move{row, entry, records[entry.at.Sequence-records[0].Sequence].Value})
		}
	}
	return moves, nil
}
