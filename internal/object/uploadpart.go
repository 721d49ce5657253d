package object

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/s3"
	"github.com/carillon-s3/carillon/internal/sse"
)

// PartInput is a part of an upload.
type PartInput struct {
	UploadInput
	// Number is from 1 to s3.MaxParts.
	Number int
	Body   io.Reader
	// Size is the number of bytes that Body must give, -1 if unknown.
	Size int64
	// ContentMD5 is the digest that the client announced; nil if it did not.
	ContentMD5 []byte
	// Checksum is the one that the client sent.
	Checksum BodyChecksum
	// CustomerKey is that of an upload that was created with one; nil of others.
	CustomerKey *CustomerKey
}

// UploadPart stores a part, in place of an earlier one of that number, and
// returns once it is durable (S3, UploadPart).
//
// Errors: ErrNoSuchUpload, ErrInvalidPartNumber, ErrNoSuchBucket, ErrBadDigest,
// ErrIncompleteBody, ErrEntityTooLarge, ErrNoSpace, ErrUnsure, *ChecksumError,
// and those of Body.
func (s *Service) UploadPart(ctx context.Context, in PartInput) (Part, error) {
	return s.uploadPart(ctx, in, (*uploadRecord).partChecksum)
}

// uploadPart stores a part with the checksum that choose makes of the one that
// was sent.
func (s *Service) uploadPart(ctx context.Context, in PartInput, choose func(*uploadRecord, BodyChecksum) (BodyChecksum, error)) (Part, error) {
	switch {
	case in.Number < 1 || in.Number > s3.MaxParts:
		return Part{}, fmt.Errorf("%w: %d", ErrInvalidPartNumber, in.Number)
	case in.Size > s3.MaxPartBytes:
		return Part{}, fmt.Errorf("%w: part of %d bytes", ErrEntityTooLarge, in.Size)
	}
	if err := s.Admit(); err != nil {
		return Part{}, err
	}
	up, err := s.openUpload(ctx, s.store, in.UploadInput) // before the body is read
	if err != nil {
		return Part{}, err
	}
	if err := s.admitPart(ctx, in); err != nil {
		return Part{}, err
	}
	key, err := s.unseal(up.bucket, in.Key, up.Encryption, in.CustomerKey)
	if err != nil {
		return Part{}, err
	}
	rec := &partRecord{}
	var encrypt *sse.StreamKey
	if key != nil {
		rec.Salt = sse.NewSalt()
		k := key.Part(in.Number, rec.Salt)
		encrypt = &k
	}
	kept, err := choose(up.uploadRecord, in.Checksum)
	if err != nil {
		return Part{}, err
	}
	// The receiver's own limit, s3.MaxPutBytes, is that of parts too.
	content, err := s.receive(ctx, incoming{body: in.Body, size: in.Size, md5: in.ContentMD5, checksum: kept, stored: true, encrypt: encrypt})
	if err != nil {
		return Part{}, fmt.Errorf("part %d of %s/%s: %w", in.Number, in.Bucket, in.Key, err)
	}
	rec.Size, rec.MD5, rec.Blob, rec.Checksum = content.size, up.Encryption.public().Method.etagDigest(content.md5), content.blob, content.checksum
	rec.Modified = s.now().UnixMilli()
	part, err := rec.public(in.Number, nil)
	if err == nil {
		err = rec.seal(key, in.Number)
	}
	if err != nil {
		s.discard(ctx, content, err)
		return Part{}, err
	}
	part.Encryption = up.Encryption.public()
	if err := s.keepPart(ctx, in, up.id, rec); err != nil {
		s.discard(ctx, content, err)
		return Part{}, err
	}
	return part, nil
}

// keepPart commits a part. That the upload must be under way until then is what
// keeps a completed object, and the collector's view of an aborted upload, from
// changing; that the part it takes the place of must stand is what frees each
// part's bytes once.
func (s *Service) keepPart(ctx context.Context, in PartInput, id uploadID, rec *partRecord) error {
	stored, err := rec.encode()
	if err != nil {
		return err
	}
	// Clients that upload one part many times at once queue here.
	defer s.locks.lock(in.UploadID, strconv.Itoa(in.Number))()
	return s.applyQuiet(ctx, in.Bucket, func(b *bucket, batch *kv.Batch) error {
		if _, err := s.requireOpen(ctx, b, batch, id, in.Key); err != nil {
			return err
		}
		key := partKey(b.ID, id, in.Number)
		earlier, err := s.store.Get(ctx, key)
		if err != nil {
			return storeError(err)
		}
		batch.Require(key, earlier)
		if earlier.Exists() {
			old, err := decodePart(earlier.Value)
			if err != nil {
				return err
			}
			if old.Blob != "" {
				batch.Set(garbageKey(s.stampNow(), string(old.Blob)), nil)
			}
		}
		batch.Set(key, stored)
		return nil
	})
}

// CopyPartInput is a part whose bytes are those of an object.
type CopyPartInput struct {
	UploadInput
	Number                  int
	SourceBucket, SourceKey string
	// SourceVersion is which version of the source; empty for its latest.
	SourceVersion string
	// CustomerKey is that of the upload, SourceCustomerKey that of the source.
	CustomerKey, SourceCustomerKey *CustomerKey
	// Select is shown the source, and says which of its bytes to copy; its error
	// ends the copy.
	Select  func(source Info) (offset, length int64, err error)
	Request event.Request
}

// CopyPart stores bytes of an object as a part (S3, UploadPartCopy). They are
// read and written anew, since the part's ETag is their MD5. The errors are those
// of UploadPart, Get and Select, and ErrCopyTooLarge.
func (s *Service) CopyPart(ctx context.Context, in CopyPartInput) (Part, error) {
	source, err := s.Get(ctx, GetInput{
		Bucket: in.SourceBucket, Key: in.SourceKey, VersionID: in.SourceVersion, CustomerKey: in.SourceCustomerKey, Request: in.Request,
	})
	if err != nil {
		return Part{}, err
	}
	offset, length, err := in.Select(source.Info)
	if err != nil {
		return Part{}, err
	}
	if length > s3.MaxCopyBytes {
		return Part{}, fmt.Errorf("%w: %d bytes", ErrCopyTooLarge, length)
	}
	body, err := source.Open(ctx, offset, length)
	if err != nil {
		return Part{}, err
	}
	defer body.Close()
	return s.uploadPart(ctx, PartInput{UploadInput: in.UploadInput, Number: in.Number, Body: body, Size: length, CustomerKey: in.CustomerKey},
		func(up *uploadRecord, _ BodyChecksum) (BodyChecksum, error) {
			return BodyChecksum{Algorithm: up.Checksum}, nil
		})
}
