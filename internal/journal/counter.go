package journal

import (
	"context"
	"fmt"
	"sync"

	"github.com/carillon-s3/carillon/internal/kv"
)

// counters follow every consumer's outbox in memory, so that its size is known
// at each commit without reading it.
type counters struct {
	mu sync.RWMutex
	m  map[string]*counter
}

// counter is the size of one consumer's outbox: what was counted once, and what
// came and went since. It is exact but for entries whose acknowledgement is
// under way while they are counted.
type counter struct {
	mu             sync.Mutex
	entries, bytes int64
	dropped        int64 // events of its gaps
	limit          Limit
	full           bool // the limit was reached, and the outbox is not well below it again

	// newest is the highest sequence that the last count found in each
	// partition: entries up to it are in that count.
	newest [Partitions]uint64
	// While the outbox is being counted: entries that were committed meanwhile,
	// and what went.
	counting              map[At]int
	wentEntries, wentSize int64
}

func (c *counters) of(consumer string) *counter {
	c.mu.RLock()
	got := c.m[consumer]
	c.mu.RUnlock()
	if got != nil {
		return got
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if got = c.m[consumer]; got == nil {
		got = &counter{}
		c.m[consumer] = got
	}
	return got
}

// came counts an entry that was committed.
func (c *counter) came(at At, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Sequence <= c.newest[at.Partition] {
		return // it was counted before its commit was told of
	}
	c.entries++
	c.bytes += int64(bytes)
	if c.counting != nil {
		c.counting[at] = bytes
	}
}

// went counts entries that were taken out.
func (c *counter) went(entries, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries -= entries
	c.bytes -= bytes
	if c.counting != nil {
		c.wentEntries += entries
		c.wentSize += bytes
	}
}

// drop counts an event that was dropped.
func (c *counter) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped++
}

// adjust counts what an operator did to old entries and to gaps.
func (c *counter) adjust(entries, bytes, dropped int64) {
	c.went(-entries, -bytes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped += dropped
}

func (c *counter) backlog() Backlog {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Backlog{Entries: max(c.entries, 0), Bytes: max(c.bytes, 0), Dropped: c.dropped}
}

func (c *counter) beginCount() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counting, c.wentEntries, c.wentSize = make(map[At]int), 0, 0
}

// endCount takes over what was counted in a snapshot. What was committed
// meanwhile and lies above the newest that was found was not in it.
func (c *counter) endCount(found Backlog, newest *[Partitions]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.newest = *newest
	c.entries, c.bytes, c.dropped = found.Entries-c.wentEntries, found.Bytes-c.wentSize, found.Dropped
	for at, bytes := range c.counting {
		if at.Sequence > newest[at.Partition] {
			c.entries++
			c.bytes += int64(bytes)
		}
	}
	c.counting = nil
}

// Count counts a consumer's outbox and gaps by reading them, after which Backlog
// is exact. It is for the start, and for whoever has changed an outbox other
// than by Add, Ack and Park. One at a time for a consumer.
func (j *Journal) Count(ctx context.Context, consumer string) error {
	c := j.counters.of(consumer)
	c.beginCount()
	found, newest, err := j.countRows(ctx, consumer)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.counting = nil
		return fmt.Errorf("count the outbox of %s: %w", consumer, err)
	}
	c.endCount(found, newest)
	return nil
}

func (j *Journal) countRows(ctx context.Context, consumer string) (Backlog, *[Partitions]uint64, error) {
	view, err := j.store.View(ctx)
	if err != nil {
		return Backlog{}, nil, err
	}
	defer view.Close()
	var found Backlog
	var newest [Partitions]uint64
	prefix := consumerPrefix(prefixOutbox, consumer)
	for e, err := range view.Scan(ctx, kv.Range{Start: prefix, End: kv.PrefixEnd(prefix)}) {
		if err != nil {
			return Backlog{}, nil, err
		}
		entry, err := decodeOutboxEntry(e)
		if err != nil {
			return Backlog{}, nil, err
		}
		found.Entries++
		found.Bytes += int64(entry.bytes)
		newest[entry.at.Partition] = entry.at.Sequence
	}
	prefix = consumerPrefix(prefixGap, consumer)
	for e, err := range view.Scan(ctx, kv.Range{Start: prefix, End: kv.PrefixEnd(prefix)}) {
		if err != nil {
			return Backlog{}, nil, err
		}
		gap, err := decodeGap(e)
		if err != nil {
			return Backlog{}, nil, err
		}
		found.Dropped += gap.Count
	}
	return found, &newest, nil
}

// CountAll counts the outboxes of all consumers that have something, which
// takes about a second for a million entries. Until it is done their sizes are
// too small, and their limits hold nothing back.
func (j *Journal) CountAll(ctx context.Context) error {
	for _, prefix := range []byte{prefixOutbox, prefixGap} {
		consumers, err := j.consumersUnder(ctx, prefix)
		if err != nil {
			return err
		}
		for _, consumer := range consumers {
			if err := j.Count(ctx, consumer); err != nil {
				return err
			}
		}
	}
	return nil
}
