package object

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/s3"
)

// CreateUploadInput begins an upload in parts.
type CreateUploadInput struct {
	Bucket, Key string
	Metadata    map[string]string
	Checksum    UploadChecksum
	// StorageClass is as in Info.
	StorageClass string
	// Tags are the object's, valid by s3.CheckTags.
	Tags []s3.Tag
	// Lock is the object's, as in PutInput; a default is that of the completion.
	Lock Lock
	// Encryption is what the client asks for. Encrypted, if not nil, is told how the
	// object is going to be.
	Encryption Encryption
	Encrypted  func(Encryption)
}

// UploadChecksum is the additional checksum that the parts of an upload and its
// object have; its zero value is none.
type UploadChecksum struct {
	Algorithm checksum.Algorithm
	// Type is one that Algorithm allows.
	Type checksum.Type
	// Implied says that the client did not ask for it: parts may come with
	// checksums of other algorithms, which are verified and not kept.
	Implied bool
}

// UploadInput names an upload.
type UploadInput struct {
	Bucket, Key string
	UploadID    string
}

// CreateUpload begins an upload in parts, durably, and returns its id (S3,
// CreateMultipartUpload). Nothing of it shows under the key before it is
// completed, and nothing is recorded. ErrNoSuchBucket, ErrNoLock, ErrRetentionPassed,
// ErrNoSpace, ErrUnsure, and those of the name rules.
func (s *Service) CreateUpload(ctx context.Context, in CreateUploadInput) (string, error) {
	if err := checkKey(in.Key); err != nil {
		return "", err
	}
	if err := s.Admit(); err != nil {
		return "", err
	}
	id := newUploadID(s.store.Incarnation(), s.uploads.Add(1))
	rec := &uploadRecord{
		Key: in.Key, Metadata: in.Metadata, Created: s.now().UnixMilli(),
		Checksum: in.Checksum.Algorithm, Type: in.Checksum.Type, Implied: in.Checksum.Implied,
		StorageClass: in.StorageClass, Tags: in.Tags, Lock: in.Lock.record(),
	}
	err := s.applyQuiet(ctx, in.Bucket, func(b *bucket, batch *kv.Batch) error {
		if err := b.checkLock(in.Lock, s.now()); err != nil {
			return err
		}
		encrypt, err := s.encryptionFor(b, in.Encryption)
		if err != nil {
			return err
		}
		if rec.Encryption, err = s.seal(b, in.Key, encrypt, encrypt.newObjectKey()); err != nil {
			return err
		}
		stored, err := rec.encode()
		if err != nil {
			return err
		}
		batch.Set(uploadKey(b.ID, id), stored)
		batch.Set(openKey(b.ID, in.Key, id), rec.listed().encode())
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("create an upload of %s/%s: %w", in.Bucket, in.Key, err)
	}
	if in.Encrypted != nil {
		in.Encrypted(rec.Encryption.public())
	}
	return id.String(), nil
}

// AbortUpload gives up an upload and its parts, durably; their bytes go within
// hours. A part that is being uploaded meanwhile fails. ErrNoSuchUpload, also if
// it was completed; ErrNoSuchBucket, ErrUnsure.
func (s *Service) AbortUpload(ctx context.Context, in UploadInput) error {
	return s.abortUpload(ctx, in, func(*bucket, *uploadRecord) error { return nil })
}

// abortUpload is AbortUpload unless check, which is asked each time it is decided,
// gives an error.
func (s *Service) abortUpload(ctx context.Context, in UploadInput, check func(*bucket, *uploadRecord) error) error {
	id, err := parseUploadID(in.UploadID)
	if err != nil {
		return err
	}
	return s.applyQuiet(ctx, in.Bucket, func(b *bucket, batch *kv.Batch) error {
		rec, err := s.requireOpen(ctx, b, batch, id, in.Key)
		if err != nil {
			return err
		}
		if err := check(b, rec); err != nil {
			return err
		}
		batch.Delete(uploadKey(b.ID, id))
		batch.Delete(openKey(b.ID, in.Key, id))
		batch.Set(garbageKey(s.stampNow(), uploadRef(b.ID, id)), nil)
		return nil
	})
}

// stampNow is a stamp for a row of garbage that is written without an event.
// Nobody reads such bytes, so that the clock cannot harm them.
func (s *Service) stampNow() uint64 { return uint64(s.now().UnixNano()) } //nolint:gosec // after 1970

// applyQuiet carries out a change that no GET shows and no event tells of: of an
// upload under way. The bucket must stand until the commit; decide writes into
// the batch and adds what else it had read. It is durable once nil is returned.
func (s *Service) applyQuiet(ctx context.Context, bucketName string, decide func(*bucket, *kv.Batch) error) error {
	for range maxDecisions {
		b, item, err := s.readBucket(ctx, s.store, bucketName)
		if err != nil {
			return err
		}
		if b.Deleting {
			if err := sleep(ctx, deletingWait); err != nil {
				return err
			}
			continue
		}
		var batch kv.Batch
		batch.Require(bucketKey(bucketName), item)
		if err := decide(b, &batch); err != nil {
			return err
		}
		_, err = s.store.Commit(ctx, &batch)
		if !errors.Is(err, kv.ErrConflict) {
			return storeError(err)
		}
	}
	return fmt.Errorf("%w: uploads in %s", ErrContended, bucketName)
}

// requireOpen makes sure that an upload of key is under way, and requires it to
// be until the commit.
func (s *Service) requireOpen(ctx context.Context, b *bucket, batch *kv.Batch, id uploadID, key string) (*uploadRecord, error) {
	rec, item, err := readUpload(ctx, s.store, b, id)
	if err != nil {
		return nil, err
	}
	if rec == nil || rec.Key != key || rec.Done != nil {
		return nil, fmt.Errorf("%w: %v of %s/%s", ErrNoSuchUpload, id, b.name, key)
	}
	batch.Require(uploadKey(b.ID, id), item)
	return rec, nil
}

// readUpload reads an upload's record; nil if there is none.
func readUpload(ctx context.Context, r kv.Reader, b *bucket, id uploadID) (*uploadRecord, kv.Item, error) {
	item, err := r.Get(ctx, uploadKey(b.ID, id))
	if err != nil || !item.Exists() {
		return nil, item, storeError(err)
	}
	rec, err := decodeUpload(item.Value)
	if err != nil {
		return nil, item, fmt.Errorf("upload %v: %w", id, err)
	}
	return rec, item, nil
}

// openUpload is an upload that is under way.
type openUpload struct {
	*uploadRecord
	bucket *bucket
	id     uploadID
}

// openUpload reads an upload that is under way.
func (s *Service) openUpload(ctx context.Context, r kv.Reader, in UploadInput) (*openUpload, error) {
	b, _, err := s.readBucket(ctx, r, in.Bucket)
	if err != nil {
		return nil, err
	}
	id, err := parseUploadID(in.UploadID)
	if err != nil {
		return nil, err
	}
	rec, _, err := readUpload(ctx, r, b, id)
	if err == nil && (rec == nil || rec.Key != in.Key || rec.Done != nil) {
		err = fmt.Errorf("%w: %v of %s/%s", ErrNoSuchUpload, id, in.Bucket, in.Key)
	}
	return &openUpload{rec, b, id}, err
}

// Part describes an uploaded part.
type Part struct {
	Number int
	Size   int64
	// ETag is without quotes.
	ETag     string
	Modified time.Time
	// Checksum is nil of parts without.
	Checksum *checksum.Sum
	// Encryption is how the part's upload is encrypted; from UploadPart and
	// CopyPart only.
	Encryption Encryption
}
