package journal

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// blockedValue is the stored form of a blocked key.
type blockedValue struct {
	Since    int64  `cbor:"1,keyasint"` // milliseconds since 1970
	Attempts int    `cbor:"2,keyasint"`
	Reason   string `cbor:"3,keyasint"`
}

const blockedVersion = 1

// Block adds a key to a consumer's durable set of blocked keys, or renews it.
func (j *Journal) Block(ctx context.Context, consumer string, k Blocked) error {
	value, err := encode(blockedVersion, blockedValue{k.Since.UnixMilli(), k.Attempts, k.Reason})
	if err != nil {
		return err
	}
	var b kv.Batch
	b.Set(blockedKey(consumer, k.BucketID, k.Key), value)
	if _, err := j.store.Commit(ctx, &b); err != nil {
		return fmt.Errorf("block a key of %s: %w", consumer, err)
	}
	return nil
}

// Unblock takes a key out of the set.
func (j *Journal) Unblock(ctx context.Context, consumer string, bucketID uint64, key string) error {
	var b kv.Batch
	b.Delete(blockedKey(consumer, bucketID, key))
	if _, err := j.store.Commit(ctx, &b); err != nil {
		return fmt.Errorf("unblock a key of %s: %w", consumer, err)
	}
	return nil
}

// BlockedKeys lists a consumer's blocked keys.
func (j *Journal) BlockedKeys(ctx context.Context, consumer string) ([]Blocked, error) {
	var out []Blocked
	prefix := consumerPrefix(prefixBlocked, consumer)
	for e, err := range j.store.Scan(ctx, kv.Range{Start: prefix, End: kv.PrefixEnd(prefix)}) {
		if err != nil {
			return nil, fmt.Errorf("list blocked keys of %s: %w", consumer, err)
		}
		var v blockedValue
		if err := decode(blockedVersion, e.Item.Value, &v); err != nil {
			return nil, err
		}
		if len(e.Key) < len(prefix)+8 {
			return nil, fmt.Errorf("%w: blocked key %q", errStored, e.Key)
		}
		out = append(out, Blocked{
			BucketID: binary.BigEndian.Uint64(e.Key[len(prefix):]),
			Key:      string(e.Key[len(prefix)+8:]),
			Since:    time.UnixMilli(v.Since).UTC(),
			Attempts: v.Attempts,
			Reason:   v.Reason,
		})
	}
	return out, nil
}
