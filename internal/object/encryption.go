package object

import (
	"crypto/md5" //nolint:gosec // S3 names customers' keys by their MD5
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/carillon-s3/carillon/internal/sse"
)

// Errors of server-side encryption. They arrive wrapped; use errors.Is.
var (
	ErrNoKMS               = errors.New("object: encryption needs a master key, and none is configured")
	ErrUnknownKey          = errors.New("object: master key is not configured")
	ErrCustomerKeyMissing  = errors.New("object: object is encrypted with a customer's key, which is not given")
	ErrCustomerKeyWrong    = errors.New("object: customer's key is not the object's")
	ErrCustomerKeyNeedless = errors.New("object: object is not encrypted with a customer's key, and one is given")
	ErrDamagedEncryption   = errors.New("object: object's key cannot be opened")
)

// EncryptionMethod is how an object is encrypted. The numbers are stored.
type EncryptionMethod uint8

// Methods of encryption, by the names that S3 has for them.
const (
	// Unencrypted, where a client asks, leaves it to the bucket.
	Unencrypted EncryptionMethod = 0
	// EncryptedS3 is SSE-S3: by the first master key.
	EncryptedS3 EncryptionMethod = 1
	// EncryptedKMS is SSE-KMS: by a master key that the client may choose.
	EncryptedKMS EncryptionMethod = 2
	// EncryptedC is SSE-C: by a key that the client gives with each request.
	EncryptedC EncryptionMethod = 3
)

// Encryption is how an object is to be encrypted, or is.
type Encryption struct {
	Method EncryptionMethod
	// KeyID names the master key of EncryptedKMS; empty asks for the first.
	KeyID string
	// Context is a client's encryption context, a JSON object; empty if none.
	Context string
	// BucketKey is kept and returned, and means nothing here.
	BucketKey bool
	// CustomerKey is that of EncryptedC. It is never stored, and nil in answers.
	CustomerKey *CustomerKey
}

// CustomerKey is a client's key for one request.
type CustomerKey struct {
	key sse.SealingKey
	md5 [md5.Size]byte
}

// NewCustomerKey makes a key of sse.KeyBytes bytes.
func NewCustomerKey(secret []byte) (*CustomerKey, error) {
	key, err := sse.NewSealingKey(secret)
	return &CustomerKey{key, md5.Sum(secret)}, err //nolint:gosec // see the import
}

// MD5 is what S3 names the key by.
func (k *CustomerKey) MD5() []byte { return k.md5[:] }

// String hides the key, whatever is done with it.
func (*CustomerKey) String() string { return "(a customer's key)" }

// GoString hides the key.
func (*CustomerKey) GoString() string { return "(a customer's key)" }

// encryption is the stored form of how an object is encrypted.
type encryption struct {
	Method EncryptionMethod `cbor:"1,keyasint"`
	// KeyID names the master key; empty of EncryptedC.
	KeyID string `cbor:"2,keyasint,omitempty"`
	// Sealed is the object's key, sealed and bound to bucket and key.
	Sealed    []byte `cbor:"3,keyasint"`
	Context   string `cbor:"4,keyasint,omitempty"`
	BucketKey bool   `cbor:"5,keyasint,omitempty"`
}

func (e *encryption) public() Encryption {
	if e == nil {
		return Encryption{}
	}
	out := Encryption{Method: e.Method, Context: e.Context, BucketKey: e.BucketKey}
	if e.Method == EncryptedKMS {
		out.KeyID = e.KeyID
	}
	return out
}

// opaqueETag reports whether ETags are none of the content's MD5, which the key's
// owner alone may know (S3, "Object", ETag).
func (m EncryptionMethod) opaqueETag() bool { return m == EncryptedKMS || m == EncryptedC }

// etagDigest is what the ETag of bytes with that MD5 is made of.
func (m EncryptionMethod) etagDigest(sum []byte) []byte {
	if !m.opaqueETag() {
		return sum
	}
	opaque := make([]byte, md5.Size)
	_, _ = rand.Read(opaque) // never fails, says crypto/rand
	return opaque
}

// encryptionFor decides how an object that is written to b is encrypted: as the
// client asks or, if it does not, as the bucket says, or the server's settings.
// ErrNoKMS, ErrUnknownKey.
func (s *Service) encryptionFor(b *bucket, asked Encryption) (Encryption, error) {
	e := asked
	if e.Method == Unencrypted {
		switch {
		case b.Encryption != nil:
			e = Encryption{Method: b.Encryption.Method, KeyID: b.Encryption.KeyID, BucketKey: b.Encryption.BucketKey}
		case s.autoEncrypt:
			e = Encryption{Method: EncryptedS3}
		}
	}
	switch e.Method {
	case Unencrypted:
		return e, nil
	case EncryptedC:
		if e.CustomerKey == nil {
			return e, ErrCustomerKeyMissing
		}
		return e, nil
	}
	if !s.keys.Configured() {
		return e, ErrNoKMS
	}
	if e.Method == EncryptedS3 || e.KeyID == "" {
		e.KeyID = s.keys.Default()
	}
	if _, ok := s.keys.Get(e.KeyID); !ok {
		return e, fmt.Errorf("%w: %s", ErrUnknownKey, e.KeyID)
	}
	return e, nil
}

// newObjectKey is the key of an object that is going to be encrypted as e says;
// nil if it is not.
func (e *Encryption) newObjectKey() *sse.ObjectKey {
	if e.Method == Unencrypted {
		return nil
	}
	key := sse.NewObjectKey()
	return &key
}

// seal makes the stored form of e for an object of b, with the object's key in
// it; nil if that is nil.
func (s *Service) seal(b *bucket, key string, e Encryption, of *sse.ObjectKey) (*encryption, error) {
	if of == nil {
		return nil, nil
	}
	stored := &encryption{Method: e.Method, KeyID: e.KeyID, Context: e.Context, BucketKey: e.BucketKey}
	with, err := s.sealingKey(stored, e.CustomerKey)
	if err != nil {
		return nil, err
	}
	stored.Sealed, err = with.Seal(*of, stored.binding(b, key))
	return stored, err
}

// unseal opens the key of an object of b; nil if the object is not encrypted.
// Errors tell what customer is wrong, or wrongly given or not.
func (s *Service) unseal(b *bucket, key string, e *encryption, customer *CustomerKey) (*sse.ObjectKey, error) {
	if customer != nil && (e == nil || e.Method != EncryptedC) {
		return nil, fmt.Errorf("%w: %s/%s", ErrCustomerKeyNeedless, b.name, key)
	}
	if e == nil {
		return nil, nil
	}
	with, err := s.sealingKey(e, customer)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", b.name, key, err)
	}
	objectKey, err := with.Open(e.Sealed, e.binding(b, key))
	switch {
	case err != nil && e.Method == EncryptedC:
		return nil, fmt.Errorf("%s/%s: %w", b.name, key, ErrCustomerKeyWrong)
	case err != nil:
		return nil, fmt.Errorf("%s/%s: %w: master key %s: %w", b.name, key, ErrDamagedEncryption, e.KeyID, err)
	}
	return &objectKey, nil
}

func (s *Service) sealingKey(e *encryption, customer *CustomerKey) (sse.SealingKey, error) {
	if e.Method == EncryptedC {
		if customer == nil {
			return sse.SealingKey{}, ErrCustomerKeyMissing
		}
		return customer.key, nil
	}
	key, ok := s.keys.Get(e.KeyID)
	if !ok {
		return key, fmt.Errorf("%w: %s", ErrUnknownKey, e.KeyID)
	}
	return key, nil
}

// binding ties a key to its object. The bucket's id stands for one bucket for
// ever, its name does not.
func (e *encryption) binding(b *bucket, key string) sse.Binding {
	return sse.Binding{Kind: byte(e.Method), BucketID: b.ID, Key: key, Context: []byte(e.Context)}
}
