package object

import (
	"context"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/carillon-s3/carillon/internal/kv"
)

// WalkPosition is how far a walk through buckets has come, which goes on after a
// restart: in order of bucket names, then of prefixes, then of keys.
type WalkPosition struct {
	Bucket   string `cbor:"1,keyasint"`
	BucketID uint64 `cbor:"2,keyasint"`
	Prefix   string `cbor:"3,keyasint,omitempty"`
	// After is the last key that is done; empty for none.
	After string `cbor:"4,keyasint,omitempty"`
}

const walkRecordVersion = 1

func walkKey(name string) []byte { return append([]byte{prefixWalk}, name...) }

// WalkPosition reads the position of the walk of that name; nil if none is under
// way, or if it was written by a newer program.
func (s *Service) WalkPosition(ctx context.Context, name string) (*WalkPosition, error) {
	item, err := s.store.Get(ctx, walkKey(name))
	if err != nil || len(item.Value) == 0 || item.Value[0] != walkRecordVersion {
		return nil, storeError(err)
	}
	var at WalkPosition
	if err := cbor.Unmarshal(item.Value[1:], &at); err != nil {
		return nil, fmt.Errorf("%w: position of %s: %w", errStored, name, err)
	}
	return &at, nil
}

// SetWalkPosition keeps the position of a walk, durably; nil says that it is done.
func (s *Service) SetWalkPosition(ctx context.Context, name string, at *WalkPosition) error {
	var batch kv.Batch
	if at == nil {
		batch.Delete(walkKey(name))
	} else {
		body, err := cbor.Marshal(at)
		if err != nil {
			return fmt.Errorf("encode a position: %w", err)
		}
		batch.Set(walkKey(name), append([]byte{walkRecordVersion}, body...))
	}
	_, err := s.store.Commit(ctx, &batch)
	return storeError(err)
}
