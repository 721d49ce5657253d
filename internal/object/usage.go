package object

import (
	"context"

	"github.com/carillon-s3/carillon/internal/kv"
)

// usagePage is how many rows one scan of the count reads, so that no snapshot is
// held for long.
const usagePage = 10_000

// BucketUsage counts what is in a bucket.
type BucketUsage struct {
	Name    string
	Objects int64
	Bytes   int64
}

// Usage counts the objects of all buckets by reading every one of their records,
// in pages: call it rarely. What changes meanwhile may be counted or not.
func (s *Service) Usage(ctx context.Context) ([]BucketUsage, error) {
	buckets, err := s.Buckets(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]BucketUsage, len(buckets))
	for i, b := range buckets {
		out[i].Name = b.Name
		if err := s.countBucket(ctx, b.ID, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) countBucket(ctx context.Context, id uint64, u *BucketUsage) error {
	prefix := inBucket(prefixCurrent, id)
	start, end := prefix, kv.PrefixEnd(prefix)
	for {
		n := 0
		for e, err := range s.store.Scan(ctx, kv.Range{Start: start, End: end}) {
			if err != nil {
				return storeError(err)
			}
			v, err := decodeVersion(e.Item.Value)
			if err != nil {
				return err
			}
			u.Objects++
			u.Bytes += v.Size
			start = append(e.Key, 0)
			if n++; n == usagePage {
				break
			}
		}
		if n < usagePage {
			return nil
		}
	}
}
