package object

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// stalePage is how many uploads under way one scan reads.
const stalePage = 256

// AbortStaleUploads gives up the uploads for which nothing has come for age,
// neither a part nor their beginning, each as AbortUpload does, and returns how
// many. An upload that is slow goes on for as long as its parts come.
func (s *Service) AbortStaleUploads(ctx context.Context, age time.Duration) (int, error) {
	before := s.now().Add(-age).UnixMilli()
	buckets, err := s.Buckets(ctx)
	if err != nil {
		return 0, err
	}
	aborted := 0
	for _, b := range buckets {
		n, err := s.abortStale(ctx, b, before)
		if aborted += n; err != nil {
			return aborted, err
		}
	}
	return aborted, nil
}

func (s *Service) abortStale(ctx context.Context, b Bucket, before int64) (aborted int, err error) {
	prefix := inBucket(prefixOpen, b.ID)
	r := kv.Range{Start: prefix, End: kv.PrefixEnd(prefix)}
	for {
		old, n, err := s.uploadsBefore(ctx, &r, before)
		if err != nil {
			return aborted, err
		}
		for _, u := range old {
			fresh, err := s.partSince(ctx, b.ID, u.id, before)
			if err != nil {
				return aborted, err
			}
			if fresh {
				continue
			}
			err = s.AbortUpload(ctx, UploadInput{Bucket: b.Name, Key: u.key, UploadID: u.id.String()})
			switch {
			case err == nil:
				aborted++
			case errors.Is(err, ErrNoSuchUpload), errors.Is(err, ErrNoSuchBucket): // somebody was faster
			default:
				return aborted, err
			}
		}
		if n < stalePage {
			return aborted, nil
		}
	}
}

type listedKey struct {
	key string
	id  uploadID
}

// uploadsBefore reads a page of uploads under way, moves r beyond it, and returns
// those that began before a time, in milliseconds since 1970, and the size of the
// page.
func (s *Service) uploadsBefore(ctx context.Context, r *kv.Range, before int64) (old []listedKey, n int, err error) {
	for e, err := range s.store.Scan(ctx, *r) {
		if err != nil {
			return nil, 0, storeError(err)
		}
		r.Start = append(e.Key, 0)
		key, id, ok := parseOpenKey(e.Key)
		if !ok {
			return nil, 0, fmt.Errorf("%w: row of an upload", errStored)
		}
		listed, err := decodeListed(e.Item.Value)
		if err != nil {
			return nil, 0, err
		}
		if listed.created < before {
			old = append(old, listedKey{key, id})
		}
		if n++; n == stalePage {
			break
		}
	}
	return old, n, nil
}

// partSince reports whether a part of an upload has come at or after a time, in
// milliseconds since 1970.
func (s *Service) partSince(ctx context.Context, bucketID uint64, id uploadID, since int64) (bool, error) {
	for e, err := range s.store.Scan(ctx, kv.Range{Start: partKey(bucketID, id, 1), End: partsEnd(bucketID, id)}) {
		if err != nil {
			return false, storeError(err)
		}
		part, err := decodePart(e.Item.Value)
		if err != nil || part.Modified >= since {
			return err == nil, err
		}
	}
	return false, nil
}
