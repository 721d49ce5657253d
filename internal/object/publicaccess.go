package object

import "context"

// PublicAccessBlock is what a bucket refuses everybody, whatever its policy grants
// ("Blocking public access to your Amazon S3 storage"). It is stored, as CBOR.
type PublicAccessBlock struct {
	// BlockACLs and IgnoreACLs change nothing: no access control list grants
	// anybody anything.
	BlockACLs  bool `cbor:"1,keyasint,omitempty"`
	IgnoreACLs bool `cbor:"2,keyasint,omitempty"`
	// BlockPolicy refuses a policy that is public; one that is there stays.
	BlockPolicy bool `cbor:"3,keyasint,omitempty"`
	// Restrict has a public policy grant nothing to callers without credentials.
	Restrict bool `cbor:"4,keyasint,omitempty"`
}

// PublicAccessBlock returns that of a bucket, nil if it has none. ErrNoSuchBucket.
func (s *Service) PublicAccessBlock(ctx context.Context, bucketName string) (*PublicAccessBlock, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return nil, err
	}
	return b.PublicAccess, nil
}

// SetPublicAccessBlock replaces that of a bucket; nil removes it. It returns once
// that is durable: requests that are authorised later meet it. ErrNoSuchBucket.
func (s *Service) SetPublicAccessBlock(ctx context.Context, bucketName string, block *PublicAccessBlock) error {
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		r.PublicAccess = block
		return nil
	})
	return err
}
