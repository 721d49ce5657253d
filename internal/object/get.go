package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/sse"
)

// GetInput names an object to read.
type GetInput struct {
	Bucket, Key string
	// VersionID is which version; empty for the latest.
	VersionID string
	// Part asks where that part lies, counted from 1; 0 does not.
	Part int
	// CustomerKey is that of an object that is encrypted with one; nil for others.
	CustomerKey *CustomerKey
	Request     event.Request
}

// Head describes a version. The errors are those of Get.
func (s *Service) Head(ctx context.Context, in GetInput) (Info, error) {
	b, _, err := s.readBucket(ctx, s.store, in.Bucket)
	if err != nil {
		return Info{}, err
	}
	if in.VersionID == "" || b.Versioning == NeverVersioned {
		v, err := b.find(ctx, s.store, in.Key, in.VersionID)
		if err == nil {
			info, _, err := s.describe(ctx, s.store, b, v.versionRecord, in)
			return info, err
		}
		if b.Versioning == NeverVersioned || !errors.Is(err, ErrNoSuchKey) {
			return Info{}, err
		}
	}
	view, err := s.store.View(ctx)
	if err != nil {
		return Info{}, storeError(err)
	}
	defer view.Close()
	v, err := b.find(ctx, view, in.Key, in.VersionID)
	if err != nil {
		return Info{}, err
	}
	info, _, err := s.describe(ctx, view, b, v.versionRecord, in)
	return info, err
}

// describe is the answer to in, with the part that it asks for, and the key of an
// encrypted object. Rows of parts outlive their object by an hour, so that they
// need not be of its snapshot.
func (s *Service) describe(ctx context.Context, r kv.Reader, b *bucket, v *versionRecord, in GetInput) (Info, *sse.ObjectKey, error) {
	key, err := s.unseal(b, in.Key, v.Encryption, in.CustomerKey)
	if err != nil {
		return Info{}, nil, err
	}
	if err := v.reveal(key); err != nil {
		return Info{}, nil, fmt.Errorf("%s/%s: %w", in.Bucket, in.Key, err)
	}
	info := b.info(in.Key, v)
	if v.Parts == nil || in.Part < 1 || in.Part > v.Parts.Count {
		return info, key, nil
	}
	part, err := partAt(ctx, r, v, key, in.Part)
	if err != nil {
		return Info{}, nil, fmt.Errorf("%s/%s: %w", in.Bucket, in.Key, err)
	}
	info.Part = &part
	return info, key, nil
}

// Get opens a version: description and bytes belong together, also while the key
// is overwritten or the version deleted. ErrNoSuchBucket, ErrNoSuchKey,
// ErrNoSuchVersion, ErrInvalidVersionID, *MarkerError.
func (s *Service) Get(ctx context.Context, in GetInput) (*Object, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	defer view.Close()
	b, _, err := s.readBucket(ctx, view, in.Bucket)
	if err != nil {
		return nil, err
	}
	found, err := b.find(ctx, view, in.Key, in.VersionID)
	if err != nil {
		return nil, err
	}
	v := found.versionRecord
	info, key, err := s.describe(ctx, view, b, v, in)
	if err != nil {
		return nil, err
	}
	o := &Object{Info: info}
	o.Open, err = s.opener(ctx, view, v, key)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", in.Bucket, in.Key, err)
	}
	return o, nil
}

type openFunc = func(ctx context.Context, offset, length int64) (io.ReadCloser, error)

// opener reads inlined bytes at once, from the same view as their record: an
// overwrite removes them. Stored bytes outlive their record by an hour (see
// Collect), and an open reader finishes whatever happens.
//
// key is that of an encrypted object, nil of others.
func (s *Service) opener(ctx context.Context, view kv.Reader, v *versionRecord, key *sse.ObjectKey) (openFunc, error) {
	if v.Parts != nil {
		return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
			return s.openParts(ctx, v, key, offset, length)
		}, nil
	}
	open, err := s.storedOpener(ctx, view, v)
	if err != nil || key == nil {
		return open, err
	}
	return decrypted(open, key.Stream(), v.Size), nil
}

// storedOpener reads the bytes of v, which has no parts, as they are stored.
func (s *Service) storedOpener(ctx context.Context, view kv.Reader, v *versionRecord) (openFunc, error) {
	if v.Blob != "" {
		return func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
			return s.blobs.Open(ctx, v.Blob, offset, length)
		}, nil
	}
	var data []byte
	if id, ok := v.content(); ok {
		item, err := view.Get(ctx, id.key())
		if err != nil {
			return nil, storeError(err)
		}
		data = item.Value
	}
	size := v.storedSize()
	if int64(len(data)) != size {
		return nil, fmt.Errorf("%w: %d of %d bytes are there", errStored, len(data), size)
	}
	return func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
		if offset < 0 || length < 0 || offset+length > size {
			return nil, fmt.Errorf("read %d bytes at %d of %d: %w", length, offset, size, io.ErrUnexpectedEOF)
		}
		return io.NopCloser(bytes.NewReader(data[offset : offset+length])), nil
	}, nil
}
