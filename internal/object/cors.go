package object

import (
	"context"

	"github.com/carillon-s3/carillon/internal/cors"
)

// CORS returns a bucket's CORS configuration, nil if it has none. ErrNoSuchBucket.
func (s *Service) CORS(ctx context.Context, bucketName string) (*cors.Config, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return nil, err
	}
	return b.CORS, nil
}

// SetCORS replaces a bucket's CORS configuration; nil removes it. It returns once
// that is durable: later requests are answered by the new rules. A configuration
// that S3 would refuse gives a *cors.Error and changes nothing. ErrNoSuchBucket.
func (s *Service) SetCORS(ctx context.Context, bucketName string, config *cors.Config) error {
	if config != nil {
		if err := config.Validate(); err != nil {
			return err
		}
	}
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		r.CORS = config
		return nil
	})
	return err
}
