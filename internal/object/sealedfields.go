package object

import (
	"fmt"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/sse"
)

// sealedFields are what of a record is kept under the key of its object, since
// it tells of the content: the digests of checksums. Their algorithms stand in
// the record itself, for listings.
type sealedFields struct {
	Digest []byte `cbor:"1,keyasint,omitempty"`
}

// What is sealed under an object's key, beside its bytes.
const labelDigest = "checksum"

func labelPartDigest(number int, salt []byte) string {
	return fmt.Sprintf("checksum of part %d, %x", number, salt)
}

// sealRecord makes v the record of an encrypted object of b, whose key is objectKey.
// It does nothing if that is nil. v keeps showing what is sealed.
func (s *Service) sealRecord(b *bucket, key string, v *versionRecord, e Encryption, objectKey *sse.ObjectKey) (err error) {
	if objectKey == nil {
		return nil
	}
	if v.Encryption, err = s.seal(b, key, e, objectKey); err != nil {
		return err
	}
	return v.sealFields(objectKey)
}

// sealFields seals what must not stand in v in clear.
func (r *versionRecord) sealFields(key *sse.ObjectKey) (err error) {
	if r.Sealed != nil || r.Checksum == nil {
		return nil // decided again, with the same
	}
	r.Sealed = &sealedFields{}
	r.revealed = r.Checksum
	r.Checksum, r.Sealed.Digest, err = sealSum(key, labelDigest, r.Checksum)
	return err
}

// reveal opens the sealed fields of v, for info. The key is nil of objects that
// are not encrypted.
func (r *versionRecord) reveal(key *sse.ObjectKey) (err error) {
	if r.Sealed == nil || key == nil {
		return nil
	}
	r.revealed, err = openSum(key, labelDigest, r.Checksum, r.Sealed.Digest)
	return err
}

// shownChecksum is the checksum, without its digest as long as that is sealed.
func (r *versionRecord) shownChecksum() *checksum.Sum {
	if r.revealed != nil {
		return r.revealed
	}
	return r.Checksum
}

// sealSum takes the digest out of a checksum, and seals it.
func sealSum(key *sse.ObjectKey, label string, sum *checksum.Sum) (stripped *checksum.Sum, sealed []byte, err error) {
	sealed, err = key.Seal(label, sum.Digest)
	return &checksum.Sum{Algorithm: sum.Algorithm, Parts: sum.Parts}, sealed, err
}

// openSum is the inverse of sealSum.
func openSum(key *sse.ObjectKey, label string, stripped *checksum.Sum, sealed []byte) (*checksum.Sum, error) {
	digest, err := key.Open(label, sealed)
	if err != nil || stripped == nil {
		return nil, fmt.Errorf("%w: %s: %w", errStored, label, err)
	}
	return &checksum.Sum{Algorithm: stripped.Algorithm, Digest: digest, Parts: stripped.Parts}, nil
}

// seal seals the digest of a part's checksum.
func (r *partRecord) seal(key *sse.ObjectKey, number int) (err error) {
	if key == nil || r.Checksum == nil {
		return nil
	}
	r.Checksum, r.SealedDigest, err = sealSum(key, labelPartDigest(number, r.Salt), r.Checksum)
	return err
}

// sum is a part's checksum; nil if there is none, or it is sealed and there is no
// key.
func (r *partRecord) sum(key *sse.ObjectKey, number int) (*checksum.Sum, error) {
	switch {
	case r.SealedDigest == nil:
		return r.Checksum, nil
	case key == nil:
		return nil, nil
	}
	return openSum(key, labelPartDigest(number, r.Salt), r.Checksum, r.SealedDigest)
}
