package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Pending returns up to max outbox entries of a consumer in a partition, in
// order, with sequences above after. Acknowledged entries may still be among
// them for some milliseconds: callers keep their own position.
func (j *Journal) Pending(ctx context.Context, consumer string, partition uint16, after uint64, max int) ([]Entry, error) {
	entries, err := j.scanOutbox(ctx, consumer, partition, after, max)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(entries))
	for len(entries) > 0 {
		run := contiguous(entries)
		got, err := j.readRun(ctx, consumer, entries[:run])
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
		entries = entries[run:]
	}
	return out, nil
}

func (j *Journal) scanOutbox(ctx context.Context, consumer string, partition uint16, after uint64, max int) ([]outboxEntry, error) {
	var entries []outboxEntry
	for e, err := range j.store.Scan(ctx, kv.Range{
		Start: entryKey(prefixOutbox, consumer, At{partition, after + 1}),
		End:   entryKey(prefixOutbox, consumer, At{partition + 1, 0}),
	}) {
		if err != nil {
			return nil, fmt.Errorf("read the outbox of %s: %w", consumer, err)
		}
		entry, err := decodeOutboxEntry(e)
		if err != nil {
			return nil, err
		}
		if entries = append(entries, entry); len(entries) >= max {
			break
		}
	}
	return entries, nil
}

// contiguous is the length of the leading run of entries that one read of the
// log serves: neighbours in sequence, not copied into their entry.
func contiguous(entries []outboxEntry) int {
	n := 1
	for n < len(entries) && entries[0].record == nil && entries[n].record == nil &&
		entries[n].at.Sequence == entries[n-1].at.Sequence+1 {
		n++
	}
	return n
}

// readRun reads the records of a contiguous run.
func (j *Journal) readRun(ctx context.Context, consumer string, run []outboxEntry) ([]Entry, error) {
	first := run[0]
	if first.record != nil {
		e, err := j.entry(first.at, first.stamp, first.record)
		return []Entry{e}, err
	}
	records, err := j.store.ReadLog(ctx, kv.LogID(first.at.Partition), first.at.Sequence, len(run))
	if errors.Is(err, kv.ErrTrimmed) {
		return j.readMoved(ctx, consumer, run)
	}
	if err != nil {
		return nil, fmt.Errorf("read partition %d: %w", first.at.Partition, err)
	}
	if len(records) != len(run) {
		return nil, fmt.Errorf("%w: partition %d holds %d of %d records from %d on",
			errStored, first.at.Partition, len(records), len(run), first.at.Sequence)
	}
	out := make([]Entry, len(run))
	for i, r := range records {
		if out[i], err = j.entry(run[i].at, r.Stamp, r.Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readMoved reads a run of which the log was trimmed after its outbox entries
// were scanned: the trim copied each record into its entry first, and what has
// no entry any more was acknowledged.
func (j *Journal) readMoved(ctx context.Context, consumer string, run []outboxEntry) ([]Entry, error) {
	var out []Entry
	for _, e := range run {
		key := entryKey(prefixOutbox, consumer, e.at)
		item, err := j.store.Get(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("read the outbox of %s: %w", consumer, err)
		}
		if !item.Exists() {
			continue
		}
		moved, err := decodeOutboxEntry(kv.Entry{Key: key, Item: item})
		if err != nil {
			return nil, err
		}
		if moved.record == nil {
			got, err := j.store.ReadLog(ctx, kv.LogID(e.at.Partition), e.at.Sequence, 1)
			if err != nil || len(got) != 1 {
				return nil, fmt.Errorf("%w: partition %d, sequence %d is in the outbox of %s but not in the log: %w",
					errStored, e.at.Partition, e.at.Sequence, consumer, err)
			}
			moved.record = got[0].Value
		}
		entry, err := j.entry(moved.at, moved.stamp, moved.record)
		if err != nil {
			return nil, err
		}
		out = append(out, entry)
	}
	return out, nil
}

// Ack removes entries from a consumer's outbox; bytes is the stored size of
// their records. It does not wait for the disk: a crash can bring them back, and
// they are delivered again with the same id. It blocks while too many
// acknowledgements wait.
func (j *Journal) Ack(ctx context.Context, consumer string, at []At, bytes int64) error {
	var b kv.Batch
	for _, a := range at {
		b.Delete(entryKey(prefixOutbox, consumer, a))
	}
	if b.Empty() {
		return nil
	}
	if err := j.store.CommitRelaxed(ctx, &b, nil); err != nil {
		return fmt.Errorf("acknowledge %d events of %s: %w", len(at), consumer, err)
	}
	j.counters.of(consumer).went(int64(len(at)), bytes)
	return nil
}

// Backlog is the size of a consumer's outbox. It reads no more than the first
// entry of each partition.
func (j *Journal) Backlog(ctx context.Context, consumer string) (Backlog, error) {
	out := j.counters.of(consumer).backlog()
	if out.Entries == 0 {
		return out, nil
	}
	var oldest uint64
	for p := uint16(0); p < Partitions; p++ {
		entries, err := j.scanOutbox(ctx, consumer, p, 0, 1)
		if err != nil {
			return Backlog{}, err
		}
		if len(entries) > 0 && (oldest == 0 || entries[0].stamp < oldest) {
			oldest = entries[0].stamp
		}
	}
	if oldest != 0 {
		out.Oldest = stampTime(oldest)
	}
	return out, nil
}

// Consumers lists the consumers that have an outbox entry, whether or not a
// target of that name is configured.
func (j *Journal) Consumers(ctx context.Context) ([]string, error) {
	return j.consumersUnder(ctx, prefixOutbox)
}

// consumersUnder lists the consumers that have a row under prefix.
func (j *Journal) consumersUnder(ctx context.Context, prefix byte) ([]string, error) {
	var out []string
	for e, err := range j.store.Scan(ctx, kv.Range{
		Start:         []byte{prefix},
		End:           []byte{prefix + 1},
		Delimiter:     []byte{0},
		DelimiterFrom: 1,
		KeysOnly:      true,
	}) {
		if err != nil {
			return nil, fmt.Errorf("list consumers: %w", err)
		}
		out = append(out, string(e.Key[1:len(e.Key)-1]))
	}
	return out, nil
}

func stampTime(stamp uint64) time.Time {
	return time.Unix(0, int64(stamp)).UTC() //nolint:gosec // nanoseconds since 1970 fit until 2262
}
