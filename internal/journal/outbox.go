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
// them for some milliseconds: callers keep their own position. Entries whose
// record is lost with a spool are left out, and are gaps from then on. No
// entries means that there are none; more, that there may be others behind
// these.
func (j *Journal) Pending(
	ctx context.Context, consumer string, partition uint16, after uint64, max int,
) (page []Entry, more bool, err error) {
	for {
		entries, err := j.scanOutbox(ctx, consumer, partition, after, max)
		if err != nil || len(entries) == 0 {
			return nil, false, err
		}
		out, err := j.readEntries(ctx, consumer, entries)
		if len(out) > 0 {
			return out, err != nil || len(entries) == max, nil // an error comes again with the next call
		}
		if err != nil {
			return nil, false, err
		}
		after = entries[len(entries)-1].at.Sequence
	}
}

// readEntries reads the records of entries, in order. With an error come those
// before it.
func (j *Journal) readEntries(ctx context.Context, consumer string, entries []outboxEntry) ([]Entry, error) {
	out := make([]Entry, 0, len(entries))
	for len(entries) > 0 {
		run := contiguous(entries)
		got, err := j.readRun(ctx, consumer, entries[:run])
		out = append(out, got...)
		if err != nil {
			return out, err
		}
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

// contiguous is the length of the leading run of entries that are read
// together: neighbours in sequence that the log holds, or any in spools.
func contiguous(entries []outboxEntry) int {
	n := 1
	switch {
	case entries[0].inLog():
		for n < len(entries) && entries[n].inLog() && entries[n].at.Sequence == entries[n-1].at.Sequence+1 {
			n++
		}
	case entries[0].spooled != nil:
		for n < len(entries) && entries[n].spooled != nil {
			n++
		}
	}
	return n
}

// readRun reads the records of a contiguous run.
func (j *Journal) readRun(ctx context.Context, consumer string, run []outboxEntry) ([]Entry, error) {
	first := run[0]
	if first.spooled != nil {
		return j.readSpooled(ctx, consumer, run)
	}
	if first.record != nil {
		e, err := j.entry(first.at, first.stamp, first.record)
		if err != nil {
			return nil, err
		}
		return []Entry{e}, nil
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
// were scanned: the trim moved each record into its entry or a spool, and what
// has no entry any more was acknowledged.
func (j *Journal) readMoved(ctx context.Context, consumer string, run []outboxEntry) ([]Entry, error) {
	moved := make([]outboxEntry, 0, len(run))
	for _, e := range run {
		item, err := j.store.Get(ctx, entryKey(prefixOutbox, consumer, e.at))
		if err != nil {
			return nil, fmt.Errorf("read the outbox of %s: %w", consumer, err)
		}
		if !item.Exists() {
			continue
		}
		now, err := parseOutboxEntry(e.at, item.Value)
		if err != nil {
			return nil, err
		}
		if now.inLog() {
			got, err := j.store.ReadLog(ctx, kv.LogID(e.at.Partition), e.at.Sequence, 1)
			if err != nil || len(got) != 1 {
				return nil, fmt.Errorf("%w: partition %d, sequence %d is in the outbox of %s but not in the log: %w",
					errStored, e.at.Partition, e.at.Sequence, consumer, err)
			}
			now.record = got[0].Value
		}
		moved = append(moved, now)
	}
	return j.readEntries(ctx, consumer, moved)
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
// entry of each partition. With an error all is right but Oldest, which is zero.
func (j *Journal) Backlog(ctx context.Context, consumer string) (Backlog, error) {
	out := j.counters.of(consumer).backlog()
	if out.Entries == 0 {
		return out, nil
	}
	var oldest uint64
	for p := uint16(0); p < Partitions; p++ {
		entries, err := j.scanOutbox(ctx, consumer, p, 0, 1)
		if err != nil {
			return out, err
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
