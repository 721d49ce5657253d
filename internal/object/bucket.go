package object

import (
	"context"
	"errors"
	"fmt"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/s3"
)

// CreateBucket makes an empty bucket. ErrBucketExists if there is one of that
// name, ErrInvalidBucketName.
func (s *Service) CreateBucket(ctx context.Context, req event.Request, name, region string) error {
	return s.createBucket(ctx, req, name, bucketRecord{Region: region})
}

// createBucket makes an empty bucket with that configuration.
func (s *Service) createBucket(ctx context.Context, req event.Request, name string, rec bucketRecord) error {
	if !s3.ValidBucketName(name) {
		return fmt.Errorf("%w: %q", ErrInvalidBucketName, name)
	}
	if err := s.Admit(); err != nil {
		return err
	}
	item, err := s.store.Get(ctx, bucketKey(name))
	if err != nil {
		return storeError(err)
	}
	if item.Exists() {
		return fmt.Errorf("%w: %s", ErrBucketExists, name)
	}
	rec.ID, rec.Created = s.newBucketID(), s.now().UnixMilli()
	err = s.commitBucket(ctx, &bucket{bucketRecord: rec, name: name}, item, event.BucketCreated, req)
	if errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("%w: %s", ErrBucketExists, name)
	}
	return err
}

// newBucketID is unique for ever: the store's incarnation and a counter. One
// incarnation cannot make 2^24 buckets.
func (s *Service) newBucketID() uint64 { return s.store.Incarnation()<<24 | s.ids.Add(1) }

// commitBucket writes a bucket whose record was read as item, with an event if
// name is not zero; BucketRemoved removes it. kv.ErrConflict if it has changed.
func (s *Service) commitBucket(ctx context.Context, b *bucket, item kv.Item, name event.Name, req event.Request) error {
	stored, err := b.encode()
	if err != nil {
		return err
	}
	var batch kv.Batch
	batch.Require(bucketKey(b.name), item)
	if name == event.BucketRemoved {
		batch.Delete(bucketKey(b.name))
		dropDocuments(&batch, b.ID)
		// Whatever uploads are under way lost their bucket; see collectBucket.
		batch.Set(garbageKey(s.stampNow(), bucketRef(b.ID)), nil)
	} else {
		batch.Set(bucketKey(b.name), stored)
	}
	if name != 0 {
		rec := &event.Record{Name: name, Bucket: b.name, BucketID: b.ID, Request: req}
		if _, err := s.journal.Add(&batch, rec, nil); err != nil {
			return err
		}
	}
	if _, err := s.store.Commit(ctx, &batch); err != nil {
		return fmt.Errorf("commit bucket %s: %w", b.name, storeError(err))
	}
	return nil
}

// Bucket describes a bucket. ErrNoSuchBucket.
func (s *Service) Bucket(ctx context.Context, name string) (Bucket, error) {
	b, _, err := s.readBucket(ctx, s.store, name)
	if err != nil {
		return Bucket{}, err
	}
	return b.public(), nil
}

// Buckets lists all buckets by name.
func (s *Service) Buckets(ctx context.Context) ([]Bucket, error) {
	var out []Bucket
	for e, err := range s.store.Scan(ctx, kv.Range{Start: []byte{prefixBucket}, End: []byte{prefixBucket + 1}}) {
		if err != nil {
			return nil, storeError(err)
		}
		rec, err := decodeBucket(e.Item.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, (&bucket{bucketRecord: rec, name: string(e.Key[1:])}).public())
	}
	return out, nil
}

// DeleteBucket removes an empty bucket: it is marked, so that later mutations
// in it cannot commit; then looked through; then removed, or unmarked if
// something is in it. ErrBucketNotEmpty, ErrNoSuchBucket.
func (s *Service) DeleteBucket(ctx context.Context, req event.Request, name string) error {
	b, err := s.markDeleting(ctx, name, true)
	if err != nil {
		return err
	}
	empty, err := s.bucketEmpty(ctx, b.ID)
	if err != nil || !empty {
		// Whatever became of the request, the bucket must be usable again.
		if _, undo := s.markDeleting(context.WithoutCancel(ctx), name, false); undo != nil {
			return fmt.Errorf("bucket %s stays locked until the next start: %w", name, undo)
		}
		if err != nil {
			return err
		}
		return fmt.Errorf("%w: %s", ErrBucketNotEmpty, name)
	}
	marked, item, err := s.readBucket(ctx, s.store, name)
	if err != nil {
		return err
	}
	if marked.ID != b.ID || !marked.Deleting {
		return fmt.Errorf("%w: bucket %s", ErrContended, name)
	}
	err = s.commitBucket(ctx, marked, item, event.BucketRemoved, req)
	if errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("%w: bucket %s", ErrContended, name)
	}
	if err == nil {
		s.quotas.forget(b.ID)
	}
	return err
}

// markDeleting sets or clears a bucket's mark, durably. A bucket that is being
// deleted by somebody else is contended.
func (s *Service) markDeleting(ctx context.Context, name string, deleting bool) (*bucket, error) {
	return s.updateBucket(ctx, name, func(r *bucketRecord) error {
		if deleting && r.Deleting {
			return fmt.Errorf("%w: bucket %s is being deleted", ErrContended, name)
		}
		r.Deleting = deleting
		return nil
	})
}

// updateBucket changes a bucket's record, deciding again when it changed.
func (s *Service) updateBucket(ctx context.Context, name string, change func(*bucketRecord) error) (*bucket, error) {
	for range maxDecisions {
		b, item, err := s.readBucket(ctx, s.store, name)
		if err != nil {
			return nil, err
		}
		next := &bucket{bucketRecord: b.bucketRecord, name: name, rules: b.rules}
		if err := change(&next.bucketRecord); err != nil {
			return nil, err
		}
		err = s.commitBucket(ctx, next, item, 0, event.Request{})
		if errors.Is(err, kv.ErrConflict) {
			continue
		}
		return next, err
	}
	return nil, fmt.Errorf("%w: bucket %s", ErrContended, name)
}

// bucketEmpty looks for any object, version or marker of a bucket. Uploads under
// way do not count, as in S3: they go with the bucket.
func (s *Service) bucketEmpty(ctx context.Context, id uint64) (bool, error) {
	for _, prefix := range []byte{prefixCurrent, prefixVersion} {
		start := inBucket(prefix, id)
		for _, err := range s.store.Scan(ctx, kv.Range{Start: start, End: kv.PrefixEnd(start), KeysOnly: true}) {
			return false, storeError(err)
		}
	}
	return true, nil
}

// revertDeletions clears the marks that a crash left behind.
func (s *Service) revertDeletions(ctx context.Context) error {
	for e, err := range s.store.Scan(ctx, kv.Range{Start: []byte{prefixBucket}, End: []byte{prefixBucket + 1}}) {
		if err != nil {
			return storeError(err)
		}
		rec, err := decodeBucket(e.Item.Value)
		if err != nil {
			return err
		}
		if !rec.Deleting {
			continue
		}
		name := string(e.Key[1:])
		if _, err := s.markDeleting(ctx, name, false); err != nil {
			return fmt.Errorf("revert the deletion of bucket %s: %w", name, err)
		}
		s.log.Info("the deletion of a bucket did not finish before the last stop; it was undone", "bucket", name)
	}
	return nil
}
