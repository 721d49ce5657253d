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
	store kv.Store
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
		return &Journal{store: store}, nil
	}
	var got format
	if err := decode(formatVersion, item.Value, &got); err != nil {
		return nil, fmt.Errorf("the journal's format: %w", err)
	}
	if got != want {
		return nil, fmt.Errorf("the journal has %d+%d partitions, this program needs %d+%d",
			got.Mutations, got.Accesses, want.Mutations, want.Accesses)
	}
	return &Journal{store: store}, nil
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

// Add appends rec to b, and an outbox entry for each consumer. It returns the
// index of the append, for fills that carry its stamp or sequence elsewhere in
// the batch. Nothing has happened until b is committed; then all of it has.
//
// This is the only way an event comes into being.
func (j *Journal) Add(b *kv.Batch, rec *event.Record, consumers []string) (int, error) {
	partition := PartitionOf(rec.BucketID, rec.Key)
	if rec.NoPost {
		partition = accessPartitionOf(rec.BucketID, rec.Key)
	}
	value, err := encode(recordVersion, rec)
	if err != nil {
		return 0, err
	}
	appended := b.Append(kv.LogID(partition), value)
	for _, consumer := range consumers {
		key := entryKey(prefixOutbox, consumer, At{Partition: partition})
		b.Set(key, newOutboxEntry(len(value)),
			kv.Fill{Append: appended, Field: kv.Sequence, InKey: true, Offset: len(key) - 8},
			kv.Fill{Append: appended, Field: kv.Stamp, Offset: entryStampOffset})
	}
	return appended, nil
}
