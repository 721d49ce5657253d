package object

import (
	"context"
	"errors"
	"fmt"
)

// Logging says where the log of the requests of a bucket goes.
type Logging struct {
	// Bucket gets the log, in objects whose names begin with Prefix.
	Bucket string `cbor:"1,keyasint"`
	Prefix string `cbor:"2,keyasint,omitempty"`
	// Format is the form of their names as it was put; empty if it was not.
	Format string `cbor:"3,keyasint,omitempty"`
}

// Logging returns where a bucket's log goes, nil if none is kept. ErrNoSuchBucket.
func (s *Service) Logging(ctx context.Context, bucketName string) (*Logging, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return nil, err
	}
	return b.Logging, nil
}

// KnownLogging is Logging as it was when the bucket was last read, at no cost: who
// asks at the end of a request of that bucket learns what held during it.
func (s *Service) KnownLogging(bucketName string) *Logging {
	if b, ok := s.buckets.lookUp(bucketName); ok {
		return b.Logging
	}
	return nil
}

// SetLogging says where a bucket's log goes, durably; nil ends it. The bucket that
// gets it must be there, ErrLogTarget; it may be the same. ErrNoSuchBucket.
func (s *Service) SetLogging(ctx context.Context, bucketName string, to *Logging) error {
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		if to != nil {
			_, _, err := s.readBucket(ctx, s.store, to.Bucket)
			if errors.Is(err, ErrNoSuchBucket) {
				return fmt.Errorf("%w: %s", ErrLogTarget, to.Bucket)
			}
			if err != nil {
				return err
			}
		}
		r.Logging = to
		return nil
	})
	return err
}
