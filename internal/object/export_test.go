package object

import (
	"context"
	"time"
)

// CollectAfter is shown to tests.
const CollectAfter = collectAfter

// AdvanceClock makes the Service believe that d has passed.
func (s *Service) AdvanceClock(d time.Duration) {
	now := s.now
	s.now = func() time.Time { return now().Add(d) }
}

// MarkDeleting leaves a bucket as a crash in the middle of its deletion does.
func (s *Service) MarkDeleting(ctx context.Context, bucket string) error {
	_, err := s.markDeleting(ctx, bucket, true)
	return err
}

// DropBytes removes the stored bytes of a key's latest version at once, as no
// collector may.
func (s *Service) DropBytes(ctx context.Context, bucket, key string) {
	b, _, err := s.readBucket(ctx, s.store, bucket)
	if err != nil {
		return
	}
	if v, _, err := readCurrent(ctx, s.store, b, key); err == nil && v != nil && v.Blob != "" {
		_ = s.blobs.Delete(ctx, v.Blob)
	}
}
