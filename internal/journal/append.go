package journal

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
)

// Journal is the open journal. It is safe for concurrent use.
type Journal struct {
	store    kv.Store
	counters counters
	watchers watchers
	spools   *spools
}

// format is the stored layout of the journal.
type format struct {
	Mutations int `cbor:"1,keyasint"`
	Accesses  int `cbor:"2,keyasint"`
}

const formatVersion = 1

// Open opens the journal of store and, in a new store, writes its format
// durably. It fails if the store was laid out with other numbers.
func Open(ctx context.Context, store kv.Store) (*Journal, error) {
	want := format{MutationPartitions, AccessPartitions}
	item, err := store.Get(ctx, formatKey())
	if err != nil {
		return nil, fmt.Errorf("read the journal's format: %w", err)
	}
	if !item.Exists() {
		value, err := encode(formatVersion, want)
		if err != nil {
			return nil, err
		}
		var b kv.Batch
		b.Require(formatKey(), item)
		b.Set(formatKey(), value)
		if _, err := store.Commit(ctx, &b); err != nil {
			return nil, fmt.Errorf("write the journal's format: %w", err)
		}
		return newJournal(store), nil
	}
	var got format
	if err := decode(formatVersion, item.Value, &got); err != nil {
		return nil, fmt.Errorf("the journal's format: %w", err)
	}
	if got != want {
		return nil, fmt.Errorf("the journal has %d+%d partitions, this program needs %d+%d",
			got.Mutations, got.Accesses, want.Mutations, want.Accesses)
	}
	return newJournal(store), nil
}

func newJournal(store kv.Store) *Journal {
	return &Journal{store: store, counters: counters{m: make(map[string]*counter)}, spools: newSpools(store)}
}

// PartitionOf is the partition of a key's mutations: a FNV-1a hash of bucket id
// and key, so that all of a key's events share one ordered log.
func PartitionOf(bucketID uint64, key string) uint16 {
	return uint16(hash(bucketID, key) % MutationPartitions)
}

// accessPartitionOf is the partition of a key's accesses.
func accessPartitionOf(bucketID uint64, key string) uint16 {
	return MutationPartitions + uint16(hash(bucketID, key)%AccessPartitions)
}

func hash(bucketID uint64, key string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	var id [8]byte
	binary.BigEndian.PutUint64(id[:], bucketID)
	h := uint64(offset)
	for _, c := range id {
		h = (h ^ uint64(c)) * prime
	}
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * prime
	}
	// The low bits of FNV-1a alone are weak for short, similar keys.
	return h ^ h>>32
}

// Added is what Add put into a batch: hand it to Committed once the batch is
// committed, and forget it if the batch is not.
type Added struct {
	// Append is the index of the append, for fills that carry its stamp or
	// sequence elsewhere in the batch.
	Append    int
	partition uint16
	bytes     int
	consumers []string // those that got an outbox entry
	dropped   []string // those that got a gap
}

// Add appends rec to b, and an outbox entry for each consumer; where a
// consumer's outbox is at its limit, a gap instead. Nothing has happened until b
// is committed; then all of it has. ErrBacklogFull: the mutation is refused.
//
// This is the only way an event comes into being.
func (j *Journal) Add(b *kv.Batch, rec *event.Record, consumers []string) (Added, error) {
	partition := PartitionOf(rec.BucketID, rec.Key)
	if rec.NoPost {
		partition = accessPartitionOf(rec.BucketID, rec.Key)
	}
	value, err := encode(recordVersion, rec)
	if err != nil {
		return Added{}, err
	}
	a := Added{Append: b.Append(kv.LogID(partition), value), partition: partition, bytes: len(value)}
	for _, consumer := range consumers {
		reason, refuse := j.counters.of(consumer).admit()
		switch {
		case reason == "":
			addEntry(b, consumer, a)
			a.consumers = append(a.consumers, consumer)
		case refuse && !rec.NoPost:
			return Added{}, j.refuse(consumer, reason)
		default:
			addGap(b, consumer, partition, a.Append, reason)
			a.dropped = append(a.dropped, consumer)
		}
	}
	return a, nil
}

func addEntry(b *kv.Batch, consumer string, a Added) {
	key := entryKey(prefixOutbox, consumer, At{Partition: a.partition})
	b.Set(key, newOutboxEntry(a.bytes),
		kv.Fill{Append: a.Append, Field: kv.Sequence, InKey: true, Offset: len(key) - 8},
		kv.Fill{Append: a.Append, Field: kv.Stamp, Offset: entryStampOffset})
}

// Committed counts what was added and wakes those who wait for it. positions are
// what the commit returned. It does not block.
func (j *Journal) Committed(a Added, positions []kv.Position) {
	at := At{a.partition, positions[a.Append].Sequence}
	for _, consumer := range a.consumers {
		j.counters.of(consumer).came(at, a.bytes)
		j.changed(consumer, a.partition, Grew)
	}
	for _, consumer := range a.dropped {
		j.counters.of(consumer).drop()
		j.changed(consumer, a.partition, Dropped)
	}
}
