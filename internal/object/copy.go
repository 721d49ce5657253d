package object

import (
	"context"
	"errors"
	"fmt"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/s3"
)

// CopyInput names an object and the key that becomes a copy of it.
type CopyInput struct {
	SourceBucket, SourceKey string
	// SourceVersion is which version of the source; empty for its latest.
	SourceVersion string
	Bucket, Key   string
	// Replace gives the copy Metadata; otherwise it has its source's.
	Replace  bool
	Metadata map[string]string
	// ReplaceTags gives the copy Tags, valid by s3.CheckTags; otherwise it has its
	// source's.
	ReplaceTags bool
	Tags        []s3.Tag
	// StorageClass is the copy's, as in Info, whatever its source's.
	StorageClass string
	// Lock is the copy's, as in PutInput, whatever its source's.
	Lock Lock
	// CheckSource, if not nil, is shown the version that would be copied; its
	// error ends the copy. It may be called several times.
	CheckSource func(source Info) error
	// Checksum is the algorithm of the copy's checksum; 0 is the source's. Unlike
	// the source's, the copy's checksum is always that of all the bytes.
	Checksum checksum.Algorithm
	// Encryption is what the client asks for the copy, SourceCustomerKey that of a
	// source that is encrypted with one.
	Encryption        Encryption
	SourceCustomerKey *CustomerKey
	// IfMatch and IfNoneMatch are conditions on the destination, as in PutInput.
	IfMatch, IfNoneMatch string
	Request              event.Request
}

// sameObject reports whether source and destination are one key.
func (in *CopyInput) sameObject() bool {
	return in.SourceBucket == in.Bucket && in.SourceKey == in.Key
}

// changes reports whether a copy of an object to itself has anything to do.
func (in *CopyInput) changes() bool {
	return in.Replace || in.Encryption.Method != Unencrypted || in.SourceCustomerKey != nil
}

// Copy makes a key a copy of a version of another object, or of an older one of
// its own, and records s3:ObjectCreated:Copy in the same commit (S3, CopyObject).
// It returns once all of that is durable. Stored bytes are shared and not copied;
// they are read if their checksum has to be computed, see sumSource, and written
// anew if source or copy is encrypted, unless they are one object.
//
// Errors: ErrNoSuchBucket and ErrNoSuchKey of the source or the destination,
// ErrNoSuchVersion, ErrInvalidVersionID and *MarkerError of the source,
// ErrCopyToItself if it would change nothing, ErrCopyTooLarge, ErrPreconditionFailed,
// ErrNoLock, ErrRetentionPassed, ErrNoSpace, ErrUnsure, those of CheckSource, and those of the name rules.
func (s *Service) Copy(ctx context.Context, in CopyInput) (Info, error) {
	if in.sameObject() && in.SourceVersion == "" && !in.changes() {
		return Info{}, fmt.Errorf("%w: %s/%s", ErrCopyToItself, in.Bucket, in.Key)
	}
	if err := checkKey(in.Key); err != nil {
		return Info{}, err
	}
	if err := s.Admit(); err != nil {
		return Info{}, err
	}
	for range maxDecisions {
		summed, err := s.sumSource(ctx, &in)
		if err != nil {
			return Info{}, err
		}
		info, err := s.copyAs(ctx, &in, summed)
		if !errors.Is(err, errSourceChanged) {
			return info, err
		}
	}
	return Info{}, fmt.Errorf("%w: %s/%s", ErrContended, in.SourceBucket, in.SourceKey)
}

// errSourceChanged says that another version took the place of the one whose
// bytes were read.
var errSourceChanged = errors.New("object: copy source changed")

// copyAs is Copy with the checksum known.
func (s *Service) copyAs(ctx context.Context, in *CopyInput, summed summedSource) (Info, error) {
	var v *versionRecord
	var b *bucket
	position, err := s.apply(ctx, in.Bucket, in.Key, func(t *tx) (*event.Record, error) {
		var err error
		if v, err = s.copySource(ctx, t, in, summed); err != nil {
			return nil, err
		}
		if err := checkConditions(t.current, in.IfMatch, in.IfNoneMatch); err != nil {
			return nil, err
		}
		b = t.bucket
		if err := b.checkLock(in.Lock, t.now); err != nil {
			return nil, err
		}
		if err := t.protect(v, in.Lock); err != nil {
			return nil, err
		}
		if err := t.place(ctx, v); err != nil {
			return nil, err
		}
		return t.created(event.ObjectCreatedCopy, v, in.Request), nil
	})
	if err != nil {
		if summed.rewritten != nil && summed.content != nil {
			s.discard(ctx, summed.content, err)
		}
		return Info{}, err
	}
	v.stamp = position.Stamp
	return b.info(in.Key, v), nil
}

// copySource reads the version to copy, requires it to stand, and returns the
// copy's record. The source is read without its lock: a writer of it that is
// faster makes the commit conflict, and the copy is decided again.
//
// The requirement is what makes sharing stored bytes safe. A version's row, c or
// v, and its user row under r/<ref> come and go in the same commits; a change of
// tags writes the row anew and is neither. Let the collector
// see, in durable state V, a row of garbage for a reference and no user of it,
// and let C be the first later commit that adds a user. C is no Put, since that
// of the reference came before its garbage. So C is a copy, whose source stood
// right before C. Either the source stood in V: then its user row did too. Or it
// was committed between V and C: then that commit added a user, and C was not the
// first. Neither can be, so a reference once at zero stays there, and what the
// collector read needs no requirement of its own.
func (s *Service) copySource(ctx context.Context, t *tx, in *CopyInput, summed summedSource) (*versionRecord, error) {
	snapshot := t.reader
	if t.bucket.Versioning == NeverVersioned {
		view, err := s.store.View(ctx)
		if err != nil {
			return nil, storeError(err)
		}
		defer view.Close()
		snapshot = view
	}
	b, bucketItem, err := s.readBucket(ctx, snapshot, in.SourceBucket)
	if err != nil {
		return nil, err
	}
	source, err := in.readSource(ctx, snapshot, b)
	if err != nil {
		return nil, err
	}
	if in.sameObject() && !in.changes() && b.Versioning != VersioningEnabled && t.current != nil && t.current.stamp == source.stamp {
		return nil, fmt.Errorf("%w: %s/%s", ErrCopyToItself, in.Bucket, in.Key)
	}
	t.batch.Require(bucketKey(in.SourceBucket), bucketItem)
	t.batch.Require(source.row, source.item)
	v := &versionRecord{
		Size: source.Size, ETag: source.ETag, Metadata: source.Metadata, Blob: source.Blob, Parts: source.Parts,
		StorageClass: in.StorageClass, Tags: source.Tags,
	}
	if summed.bucketID != b.ID || summed.stamp != source.stamp {
		return nil, errSourceChanged
	}
	v.Checksum = summed.sum
	if in.Replace {
		v.Metadata = in.Metadata
	}
	if in.ReplaceTags {
		v.Tags = in.Tags
	}
	if r := summed.rewritten; r != nil && r.content != nil {
		return v, s.keepRewritten(t, v, r)
	} else if r != nil {
		if err := s.resealed(t, v, source.versionRecord, r); err != nil {
			return nil, err
		}
	}
	if id, ok := source.content(); ok {
		// Inlined bytes go with their version, so a copy has its own.
		data, err := snapshot.Get(ctx, id.key())
		if err != nil {
			return nil, storeError(err)
		}
		if int64(len(data.Value)) != source.storedSize() {
			return nil, fmt.Errorf("%w: inlined bytes of %s/%s", errStored, in.SourceBucket, in.SourceKey)
		}
		s.keepContent(t, v, &content{inline: data.Value, id: s.newContentID()})
	}
	return v, nil
}
