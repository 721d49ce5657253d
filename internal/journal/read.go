package journal

import (
	"context"
	"fmt"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Read returns up to max records of a partition with sequences from and above.
// kv.ErrTrimmed says that from lies before the kept window.
func (j *Journal) Read(ctx context.Context, partition uint16, from uint64, max int) ([]Entry, error) {
	records, err := j.store.ReadLog(ctx, kv.LogID(partition), from, max)
	if err != nil {
		return nil, fmt.Errorf("read partition %d: %w", partition, err)
	}
	out := make([]Entry, len(records))
	for i, r := range records {
		if out[i], err = j.entry(At{partition, r.Sequence}, r.Stamp, r.Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Epoch is that of all ids of this journal.
func (j *Journal) Epoch() uint64 { return j.store.Epoch() }

// First is the lowest sequence that a partition still keeps.
func (j *Journal) First(ctx context.Context, partition uint16) (uint64, error) {
	first, _, err := j.store.Bounds(ctx, kv.LogID(partition))
	if err != nil {
		return 0, fmt.Errorf("bounds of partition %d: %w", partition, err)
	}
	return first, nil
}

// Heads returns the position behind the last durable record of every partition.
func (j *Journal) Heads(ctx context.Context) (Cursor, error) {
	c := Cursor{Epoch: j.store.Epoch()}
	for p := range c.Next {
		_, head, err := j.store.Bounds(ctx, kv.LogID(p)) //nolint:gosec // p < Partitions
		if err != nil {
			return Cursor{}, fmt.Errorf("bounds of partition %d: %w", p, err)
		}
		c.Next[p] = head.Sequence + 1
	}
	return c, nil
}

// Watch calls fn with the partitions that have new durable records. fn must not
// block. stop ends it and waits for a running call.
func (j *Journal) Watch(fn func(partitions []uint16)) (stop func()) {
	return j.store.Watch(func(heads []kv.Head) {
		grown := make([]uint16, 0, len(heads))
		for _, h := range heads {
			if h.Log < Partitions {
				grown = append(grown, uint16(h.Log))
			}
		}
		if len(grown) > 0 {
			fn(grown)
		}
	})
}
