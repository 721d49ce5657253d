package object

import (
	"context"
	"fmt"
)

// BucketEncryption is how objects are encrypted that are written to a bucket
// without a word of their own. Its fields are its stored form.
type BucketEncryption struct {
	// Method is EncryptedS3 or EncryptedKMS.
	Method EncryptionMethod `cbor:"1,keyasint"`
	// KeyID names the master key of EncryptedKMS; empty for the first.
	KeyID string `cbor:"2,keyasint,omitempty"`
	// BucketKey is kept and returned, and means nothing here.
	BucketKey bool `cbor:"3,keyasint,omitempty"`
	// Document is what was put.
	Document []byte `cbor:"4,keyasint"`
}

// BucketEncryption returns a bucket's default encryption, nil if it has none.
// ErrNoSuchBucket.
func (s *Service) BucketEncryption(ctx context.Context, bucketName string) (*BucketEncryption, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return nil, err
	}
	return b.Encryption, nil
}

// SetBucketEncryption sets a bucket's default encryption; nil removes it. It
// returns once that is durable: requests that come later go by it, and objects
// that are there stay as they are. ErrNoKMS, ErrUnknownKey, ErrNoSuchBucket.
func (s *Service) SetBucketEncryption(ctx context.Context, bucketName string, e *BucketEncryption) error {
	if e != nil {
		if !s.keys.Configured() {
			return ErrNoKMS
		}
		if _, ok := s.keys.Get(e.KeyID); e.KeyID != "" && !ok {
			return fmt.Errorf("%w: %s", ErrUnknownKey, e.KeyID)
		}
	}
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		r.Encryption = e
		return nil
	})
	return err
}
