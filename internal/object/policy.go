package object

import (
	"context"
	"fmt"

	"github.com/carillon-s3/carillon/internal/policy"
)

// Policy returns a bucket's policy and the document that it was read from; nil
// if it has none. ErrNoSuchBucket.
func (s *Service) Policy(ctx context.Context, bucketName string) (*policy.Document, []byte, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return nil, nil, err
	}
	return b.policy, b.Policy, nil
}

// SetPolicy replaces a bucket's policy by the given document; an empty one
// removes it. It returns once that is durable: requests that are authorised later
// meet the new policy. A document that S3 would refuse gives a *policy.Error and
// changes nothing, and so does ErrPublicPolicy. ErrNoSuchBucket.
func (s *Service) SetPolicy(ctx context.Context, bucketName string, document []byte) error {
	public := false
	if len(document) > 0 {
		p, err := policy.ParseBucket(document, bucketName)
		if err != nil {
			return err
		}
		public = p.Public()
	}
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		if public && r.PublicAccess != nil && r.PublicAccess.BlockPolicy {
			return fmt.Errorf("%w: %s", ErrPublicPolicy, bucketName)
		}
		r.Policy = document
		return nil
	})
	return err
}
