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
	Name string
	// Objects are the keys that listings show.
	Objects int64
	// Versions are all versions of all keys, the latest included, and Bytes are
	// theirs; Markers are the delete markers.
	Versions, Markers, Bytes int64
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
		end := s.quotas.there(b.ID).count()
		err := s.countBucket(ctx, b.ID, &out[i])
		end(out[i].Bytes, err)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) countBucket(ctx context.Context, id uint64, u *BucketUsage) error {
	for _, prefix := range []byte{prefixCurrent, prefixVersion} {
		if err := s.countRows(ctx, inBucket(prefix, id), u); err != nil {
			return err
		}
	}
	return nil
}

// countRows counts the versions in the rows that begin with prefix.
func (s *Service) countRows(ctx context.Context, prefix []byte, u *BucketUsage) error {
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
			u.add(prefix[0], v)
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

func (u *BucketUsage) add(prefix byte, v *versionRecord) {
	if v.Marker {
		u.Markers++
		return
	}
	if prefix == prefixCurrent {
		u.Objects++
	}
	u.Versions++
	u.Bytes += v.Size
}
