package object

import (
	"context"

	"github.com/carillon-s3/carillon/internal/kv"
)

// AllRows are all keys and values of the store.
func (s *Service) AllRows(ctx context.Context) (all [][]byte) {
	for e, err := range s.store.Scan(ctx, kv.Range{End: []byte{0xff}}) {
		if err != nil {
			return all
		}
		all = append(all, e.Key, e.Item.Value)
	}
	return all
}

// MoveRecord copies the row of a key to another key, as somebody may who can write
// to the store.
func (s *Service) MoveRecord(ctx context.Context, bucket, from, to string) {
	b, _, err := s.readBucket(ctx, s.store, bucket)
	if err != nil {
		return
	}
	item, err := s.store.Get(ctx, currentKey(b.ID, from))
	if err != nil {
		return
	}
	var batch kv.Batch
	batch.Set(currentKey(b.ID, to), item.Value)
	_, _ = s.store.Commit(ctx, &batch)
}

// MoveBytes gives an object the blob of another.
func (s *Service) MoveBytes(ctx context.Context, bucket, from, to string) {
	b, _, err := s.readBucket(ctx, s.store, bucket)
	if err != nil {
		return
	}
	source, _, err := readCurrent(ctx, s.store, b, from)
	if err != nil {
		return
	}
	v, _, err := readCurrent(ctx, s.store, b, to)
	if err != nil {
		return
	}
	v.Blob = source.Blob
	stored, err := v.encode()
	if err != nil {
		return
	}
	var batch kv.Batch
	batch.Set(currentKey(b.ID, to), stored)
	_, _ = s.store.Commit(ctx, &batch)
}
