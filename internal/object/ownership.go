package object

import "context"

// OwnerEnforced reports whether a bucket's ownership controls were put: they say
// that its owner owns all objects, which is so without them too. ErrNoSuchBucket.
func (s *Service) OwnerEnforced(ctx context.Context, bucketName string) (bool, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return false, err
	}
	return b.OwnerEnforced, nil
}

// SetOwnerEnforced puts or removes a bucket's ownership controls, durably.
// ErrNoSuchBucket.
func (s *Service) SetOwnerEnforced(ctx context.Context, bucketName string, enforced bool) error {
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		r.OwnerEnforced = enforced
		return nil
	})
	return err
}
