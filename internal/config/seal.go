package config

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/carillon-s3/carillon/internal/kv"
)

// keyRecordKey holds the data key, wrapped.
const keyRecordKey = "s/datakey"

const (
	formatKey = 1
	saltBytes = 16
	keyBytes  = chacha20poly1305.KeySize
	// Argon2id as RFC 9106 recommends it where memory is scarce. It runs once
	// in the life of a process.
	wrapTime    = 3
	wrapMemory  = 64 << 10 // KiB
	wrapThreads = 4
)

// keyRecord is the data key under a key that comes from the root secret.
type keyRecord struct {
	Salt    []byte `cbor:"1,keyasint"`
	Wrapped []byte `cbor:"2,keyasint"`
	// Check is sealed with the data key itself, to tell it from another.
	Check []byte `cbor:"3,keyasint"`
}

// ErrDataKey says that neither the root secret nor the key file opens the data
// key. The server can run without: instances with secrets are misconfigured.
var ErrDataKey = errors.New("config: neither the root secret nor the key file opens the stored secrets")

// KeySource says where the data key is kept.
type KeySource struct {
	KV KV
	// RootSecret wraps the key that is stored.
	RootSecret string
	// File holds the key itself, for the owner alone. It opens what is stored
	// after the root secret has changed.
	File string
}

// OpenSealer returns a Sealer with the site's random data key, made at the
// first call. If the root secret has changed the key is wrapped anew, so that
// nothing is lost; if the file is gone it is written again. ErrDataKey if
// neither opens it.
func OpenSealer(ctx context.Context, src KeySource) (Sealer, error) {
	item, err := src.KV.Get(ctx, []byte(keyRecordKey))
	if err != nil {
		return nil, fmt.Errorf("read the data key: %w", err)
	}
	if !item.Exists() {
		key := make([]byte, keyBytes)
		_, _ = rand.Read(key) // never fails, says crypto/rand
		if err := src.wrap(ctx, item, key); err != nil {
			return nil, err
		}
		return newSealer(key, src.writeFile(key))
	}
	var record keyRecord
	if err := decodeRecord(formatKey, item.Value, &record); err != nil {
		return nil, fmt.Errorf("read the data key: %w", err)
	}
	if key, err := src.unwrap(record); err == nil {
		return newSealer(key, src.writeFile(key))
	}
	key, err := os.ReadFile(src.File)
	if err != nil || len(key) != keyBytes || !record.madeWith(key) {
		return nil, ErrDataKey
	}
	return newSealer(key, src.wrap(ctx, item, key))
}

func newSealer(key []byte, err error) (Sealer, error) {
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	return &sealer{aead}, nil
}

// checkContext is the seal context of keyRecord.Check.
const checkContext = "check"

func (r keyRecord) madeWith(key []byte) bool {
	s, err := newSealer(key, nil)
	if err != nil {
		return false
	}
	_, err = s.Open(checkContext, r.Check)
	return err == nil
}

// wrap stores key under the root secret, in place of what was seen, and writes
// the file.
func (src KeySource) wrap(ctx context.Context, seen kv.Item, key []byte) error {
	data, err := newSealer(key, nil)
	if err != nil {
		return err
	}
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails, says crypto/rand
	record := keyRecord{Salt: salt}
	if record.Check, err = data.Seal(checkContext, nil); err != nil {
		return err
	}
	wrapping, err := newSealer(src.wrappingKey(salt), nil)
	if err != nil {
		return err
	}
	if record.Wrapped, err = wrapping.Seal(keyRecordKey, key); err != nil {
		return err
	}
	value, err := encodeRecord(formatKey, record)
	if err != nil {
		return err
	}
	// The file first: a key that is in neither place opens nothing.
	if err := src.writeFile(key); err != nil {
		return err
	}
	var b kv.Batch
	b.Require([]byte(keyRecordKey), seen)
	b.Set([]byte(keyRecordKey), value)
	if _, err := src.KV.Commit(ctx, &b); err != nil {
		return fmt.Errorf("store the data key: %w", err)
	}
	return nil
}

func (src KeySource) unwrap(r keyRecord) ([]byte, error) {
	wrapping, err := newSealer(src.wrappingKey(r.Salt), nil)
	if err != nil {
		return nil, err
	}
	return wrapping.Open(keyRecordKey, r.Wrapped)
}

func (src KeySource) wrappingKey(salt []byte) []byte {
	return argon2.IDKey([]byte(src.RootSecret), salt, wrapTime, wrapMemory, wrapThreads, keyBytes)
}

// writeFile writes the key file, whole and durable or not at all, unless it
// holds the key already.
func (src KeySource) writeFile(key []byte) (err error) {
	if old, err := os.ReadFile(src.File); err == nil && string(old) == string(key) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the key file: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the key file: %w", err)
		}
	}()
	dir := filepath.Dir(src.File)
	temporary, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(key)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), src.File)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return syncDir(dir)
}

func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// sealer is XChaCha20-Poly1305 with random nonces, whose length makes a
// repetition impossible in practice.
type sealer struct{ aead cipher.AEAD }

// Seal implements Sealer.
func (s *sealer) Seal(context string, plain []byte) ([]byte, error) {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails, says crypto/rand
	return s.aead.Seal(nonce, nonce, plain, []byte(context)), nil
}

// errUnseal says that what was sealed was changed, or sealed with another key.
var errUnseal = errors.New("config: cannot be opened with this key")

// Open implements Sealer.
func (s *sealer) Open(context string, sealed []byte) ([]byte, error) {
	if len(sealed) < s.aead.NonceSize() {
		return nil, errUnseal
	}
	plain, err := s.aead.Open(nil, sealed[:s.aead.NonceSize()], sealed[s.aead.NonceSize():], []byte(context))
	if err != nil {
		return nil, errUnseal
	}
	return plain, nil
}
