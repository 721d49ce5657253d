package object

import (
	"context"
	"fmt"
	"sync"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/s3"
)

// deleteWidth is how many keys of one DeleteMany are under way at once. They
// are separate commits that share their syncs.
const deleteWidth = 32

// DeleteInput names an object to delete.
type DeleteInput struct {
	Bucket, Key string
	Request     event.Request
}

// Delete removes a key, and records s3:ObjectRemoved:Delete in the same commit.
// It returns once that is durable. A missing key is no error; it is recorded as
// s3:ObjectRemoved:NoOP where somebody asks for that.
func (s *Service) Delete(ctx context.Context, in DeleteInput) error {
	if len(in.Key) > s3.MaxKeyBytes {
		return fmt.Errorf("%w: %d bytes", ErrKeyTooLong, len(in.Key))
	}
	var missing *event.Record
	var rules *bucket
	_, err := s.apply(ctx, in.Bucket, in.Key, func(t *tx) (*event.Record, error) {
		missing = nil
		if t.current == nil {
			missing, rules = t.record(event.ObjectRemovedNoOP, in.Request), t.bucket
			return nil, nil
		}
		t.dropContent(t.current)
		t.batch.Delete(currentKey(t.bucket.ID, t.key))
		rec := t.record(event.ObjectRemovedDelete, in.Request)
		rec.VersionID = t.current.VersionID
		return rec, nil
	})
	if err == nil && missing != nil {
		s.recordAccess(ctx, rules, missing)
	}
	return err
}

// DeleteMany deletes up to s3.MaxDeleteKeys keys, each in a commit of its own,
// and returns their errors in the order of keys.
func (s *Service) DeleteMany(ctx context.Context, bucketName string, keys []string, req event.Request) []error {
	errs := make([]error, len(keys))
	slots := make(chan struct{}, deleteWidth)
	var wg sync.WaitGroup
	for i, key := range keys {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = s.Delete(ctx, DeleteInput{Bucket: bucketName, Key: key, Request: req})
		})
	}
	wg.Wait()
	return errs
}
