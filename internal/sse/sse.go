// Package sse is the cryptography of server-side encryption: master keys, the
// sealing of objects' keys, and streams in the DARE format with ranges of them.
// It is pure: it knows neither requests nor records.
//
// Every object has a random key. That key is kept sealed, by a master key or by
// the customer's, and bound to where the object is: sealed keys that were moved
// to another object do not open. The object's bytes, and each of its parts, are
// encrypted under keys derived from it.
package sse

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Errors. They arrive wrapped; use errors.Is.
var (
	// ErrUnseal says that something sealed was changed, is another object's, or
	// was sealed with another key.
	ErrUnseal = errors.New("sse: sealed value cannot be opened with this key")
	// ErrCorrupt says that an encrypted stream was changed, cut off, or belongs
	// to something else. No byte of the damaged package is ever returned.
	ErrCorrupt = errors.New("sse: encrypted bytes are damaged")
)

// KeyBytes is the length of every key.
const KeyBytes = 32

// SaltBytes is the length of the salt of a part's key.
const SaltBytes = 32

// Labels of what keys are derived for, and of what is sealed. They are part of
// the stored format.
const (
	labelSealing = "carillon sse 1: sealing"
	labelObject  = "carillon sse 1: object"
	labelPart    = "carillon sse 1: part"
)

// SealingKey seals the keys of objects: a master key, or a customer's.
type SealingKey struct{ secret [KeyBytes]byte }

// NewSealingKey makes a key of KeyBytes bytes.
func NewSealingKey(secret []byte) (SealingKey, error) {
	var k SealingKey
	if len(secret) != KeyBytes {
		return k, fmt.Errorf("sse: a key has %d bytes, not %d", KeyBytes, len(secret))
	}
	copy(k.secret[:], secret)
	return k, nil
}

// String hides the key, whatever is done with it.
func (SealingKey) String() string { return "(a key)" }

// GoString hides the key.
func (SealingKey) GoString() string { return "(a key)" }

// Binding is where the key of an object belongs. All of it is authenticated.
type Binding struct {
	// Kind tells keys apart that are sealed in different ways.
	Kind     byte
	BucketID uint64
	Key      string
	// Context is the encryption context that a client gave; empty if none.
	Context []byte
}

// bytes is the binding without ambiguity: fields of variable length have theirs
// before them.
func (b Binding) bytes() []byte {
	out := append([]byte{1, b.Kind}, binary.BigEndian.AppendUint64(nil, b.BucketID)...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(b.Key))) //nolint:gosec // at most s3.MaxKeyBytes
	out = append(out, b.Key...)
	return append(out, b.Context...)
}

// Seal seals the key of an object.
func (k SealingKey) Seal(key ObjectKey, to Binding) ([]byte, error) {
	return seal(derive(k.secret[:], nil, labelSealing), key.secret[:], to.bytes())
}

// Open is the inverse of Seal. ErrUnseal.
func (k SealingKey) Open(sealed []byte, of Binding) (ObjectKey, error) {
	var key ObjectKey
	secret, err := open(derive(k.secret[:], nil, labelSealing), sealed, of.bytes())
	if err == nil && len(secret) != KeyBytes {
		err = ErrUnseal
	}
	copy(key.secret[:], secret)
	return key, err
}

// ObjectKey is the key of one object, from which those of its streams come.
type ObjectKey struct{ secret [KeyBytes]byte }

// NewObjectKey makes a random key.
func NewObjectKey() ObjectKey {
	var k ObjectKey
	_, _ = rand.Read(k.secret[:]) // never fails, says crypto/rand
	return k
}

// NewSalt makes the salt of a part's key.
func NewSalt() []byte {
	salt := make([]byte, SaltBytes)
	_, _ = rand.Read(salt) // see above
	return salt
}

// String hides the key, whatever is done with it.
func (ObjectKey) String() string { return "(a key)" }

// GoString hides the key.
func (ObjectKey) GoString() string { return "(a key)" }

// Stream is the key of an object that was stored whole. It is used once.
func (k ObjectKey) Stream() StreamKey {
	return StreamKey{derive(k.secret[:], nil, labelObject)}
}

// Part is the key of a part. Its salt is one that no other part has, also none
// that was uploaded under the same number before.
func (k ObjectKey) Part(number int, salt []byte) StreamKey {
	return StreamKey{derive(k.secret[:], salt, fmt.Sprintf("%s %d", labelPart, number))}
}

// Seal seals something small that belongs to the object. The label tells what it
// is: what was sealed under another one does not open.
func (k ObjectKey) Seal(label string, plain []byte) ([]byte, error) {
	return seal(derive(k.secret[:], nil, labelSealing), plain, []byte(label))
}

// Open is the inverse of Seal. ErrUnseal.
func (k ObjectKey) Open(label string, sealed []byte) ([]byte, error) {
	return open(derive(k.secret[:], nil, labelSealing), sealed, []byte(label))
}

// derive makes a key for one purpose out of another (RFC 5869).
func derive(secret, salt []byte, label string) []byte {
	key, err := hkdf.Key(sha256.New, secret, salt, label, KeyBytes)
	if err != nil {
		panic(err) // only for lengths that no key has
	}
	return key
}

// seal is XChaCha20-Poly1305 with a random nonce before it, whose length makes a
// repetition impossible in practice.
func seal(key, plain, about []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails, says crypto/rand
	return aead.Seal(nonce, nonce, plain, about), nil
}

func open(key, sealed, about []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, ErrUnseal
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], about)
	if err != nil {
		return nil, ErrUnseal
	}
	return plain, nil
}
