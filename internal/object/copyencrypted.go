package object

import (
	"context"
	"fmt"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/sse"
)

// rewritten is what a copy gets whose source or which itself is encrypted: bytes
// under a key of its own, so that no two objects share one.
type rewritten struct {
	encrypt   Encryption
	objectKey *sse.ObjectKey
	algorithm checksum.Algorithm
	// content is nil if the object is copied to itself, and only its key is sealed
	// anew.
	content *content
}

// rewriting decides whether a copy has to be written anew, and then opens its
// source. Both results are nil if neither is encrypted, and there is nothing to
// open if only a key has to be sealed. The errors are those of Get and Put.
func (s *Service) rewriting(ctx context.Context, view kv.Reader, in *CopyInput, b *bucket, source *versionRecord, sum checksum.Algorithm) (*rewritten, openFunc, error) {
	sourceKey, err := s.unseal(b, in.SourceKey, source.Encryption, in.SourceCustomerKey)
	if err != nil {
		return nil, nil, err
	}
	destination, _, err := s.readBucket(ctx, view, in.Bucket)
	if err != nil {
		return nil, nil, err
	}
	encrypt, err := s.encryptionFor(destination, in.Encryption)
	if err != nil {
		return nil, nil, fmt.Errorf("copy to %s/%s: %w", in.Bucket, in.Key, err)
	}
	if sourceKey == nil && encrypt.Method == Unencrypted {
		return nil, nil, nil
	}
	if in.sameObject() && source.reseals(encrypt, sum) {
		return &rewritten{encrypt: encrypt, objectKey: sourceKey}, nil, nil
	}
	open, err := s.opener(ctx, view, source, sourceKey)
	return &rewritten{encrypt: encrypt, objectKey: encrypt.newObjectKey(), algorithm: sum}, open, err
}

// reseals reports whether the bytes of r can stay as they are while its key is
// sealed as e says: then a new master key, or another key of the customer's, costs
// no more than a commit, however large the object is.
func (r *versionRecord) reseals(e Encryption, sum checksum.Algorithm) bool {
	has := r.Checksum
	same := has == nil && sum == 0 || has != nil && has.Algorithm == sum && has.Type() == checksum.FullObject
	return same && r.Encryption != nil && r.Encryption.Method == e.Method
}

// rewrite reads the source and stores it anew.
func (s *Service) rewrite(ctx context.Context, r *rewritten, source *versionRecord, open openFunc) error {
	body, err := open(ctx, 0, source.Size)
	if err != nil {
		return err
	}
	defer body.Close()
	r.content, err = s.receive(ctx, incoming{
		body: body, size: source.Size, checksum: BodyChecksum{Algorithm: r.algorithm}, encrypt: wholeKey(r.objectKey),
	})
	return err
}

// resealed makes v, which has the bytes of its source, open with the key that its
// encryption asks for.
func (s *Service) resealed(t *tx, v, source *versionRecord, r *rewritten) (err error) {
	v.Sealed = source.Sealed
	if v.Encryption, err = s.seal(t.bucket, t.key, r.encrypt, r.objectKey); err != nil {
		return err
	}
	return v.reveal(r.objectKey)
}

// keepRewritten gives a copy the content that was stored for it.
func (s *Service) keepRewritten(t *tx, v *versionRecord, r *rewritten) error {
	v.Parts = nil
	v.ETag, v.Checksum = etagOf(r.encrypt.Method.etagDigest(r.content.md5)), r.content.checksum
	s.keepContent(t, v, r.content)
	return s.sealRecord(t.bucket, t.key, v, r.encrypt, r.objectKey)
}
