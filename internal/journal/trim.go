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
	// trimStep is how many records one commit trims, so that trimming never
	// holds up other commits for long.
	trimStep = 512
	// trimStepBytes bounds the bytes that one such commit copies into outbox
	// entries, over all consumers: half of what a batch may hold.
	trimStepBytes = kv.MaxBatchBytes / 2
	// trimSample is how many records at each end of a partition estimate the
	// size of one.
	trimSample = 32
)

// Trim removes the records outside the window. A record that is still in some
// consumer's outbox is first copied into that entry, in the same commit, so
// trimming never loses an event. It returns the number of records removed.
func (j *Journal) Trim(ctx context.Context, w Window, now time.Time) (int64, error) {
	consumers, err := j.Consumers(ctx)
	if err != nil {
		return 0, err
	}
	var total int64
	for p := uint16(0); p < Partitions; p++ {
		n, err := j.trimPartition(ctx, p, consumers, w, now)
		total += n
		if err != nil {
			return total, fmt.Errorf("trim partition %d: %w", p, err)
		}
	}
	return total, j.foldGaps(ctx)
}

func (j *Journal) trimPartition(ctx context.Context, p uint16, consumers []string, w Window, now time.Time) (int64, error) {
	var total int64
	for {
		keep, err := j.keepFrom(ctx, p, w)
		if err != nil {
			return total, err
		}
		first, err := j.First(ctx, p)
		if err != nil {
			return total, err
		}
		records, err := j.store.ReadLog(ctx, kv.LogID(p), first, trimStep)
		if err != nil {
			return total, err
		}
		before := first
		bytes := 0
		for _, r := range records {
			tooOld := now.Sub(stampTime(r.Stamp)) > w.Age
			bytes += len(r.Value) * len(consumers)
			if (!tooOld && r.Sequence >= keep) || (bytes > trimStepBytes && before > first) {
				break
			}
			before = r.Sequence + 1
		}
		// The log's last record always stays, so a step that only names that
		// one would change nothing for ever.
		if before == first || len(records) < 2 {
			return total, nil
		}
		n, err := j.trimTo(ctx, p, consumers, records, before)
		if errors.Is(err, kv.ErrConflict) {
			continue // an entry was acknowledged meanwhile
		}
		if err != nil || n == 0 {
			return total, err
		}
		total += n
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

// trimTo removes the records of p below before, and copies those that a
// consumer still needs into its outbox. ErrConflict: try again.
func (j *Journal) trimTo(ctx context.Context, p uint16, consumers []string, records []kv.LogRecord, before uint64) (int64, error) {
	var b kv.Batch
	for _, consumer := range consumers {
		for e, err := range j.store.Scan(ctx, kv.Range{
			Start: entryKey(prefixOutbox, consumer, At{p, records[0].Sequence}),
			End:   entryKey(prefixOutbox, consumer, At{p, before}),
		}) {
			if err != nil {
				return 0, err
			}
			entry, err := decodeOutboxEntry(e)
			if err != nil {
				return 0, err
			}
			if entry.record != nil {
				continue
			}
			record := records[entry.at.Sequence-records[0].Sequence].Value
			b.Require(e.Key, e.Item)
			b.Set(e.Key, append(append(make([]byte, 0, len(e.Item.Value)+len(record)), e.Item.Value...), record...))
		}
	}
	b.Trim(kv.LogID(p), before)
	if _, err := j.store.Commit(ctx, &b); err != nil {
		return 0, err
	}
	first, err := j.First(ctx, p)
	if err != nil {
		return 0, err
	}
	return int64(first - records[0].Sequence), nil //nolint:gosec // first only grows, by trimStep at most
}
