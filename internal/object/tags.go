package object

import (
	"context"
	"encoding/binary"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/s3"
)

// TagsInput names a version and its tags.
type TagsInput struct {
	Bucket, Key string
	// VersionID is which version; empty for the latest.
	VersionID string
	// Tags are valid by s3.CheckTags.
	Tags    []s3.Tag
	Request event.Request
}

// Tags describes a version; Info.Tags are what it is asked for. No access is
// recorded: no event tells of reading tags. The errors are those of Head.
func (s *Service) Tags(ctx context.Context, bucketName, key, version string) (Info, error) {
	_, info, err := s.inspect(ctx, bucketName, key, version)
	return info, err
}

// inspect describes a version and its bucket, which is nil only if it is not
// there or cannot be read.
func (s *Service) inspect(ctx context.Context, bucketName, key, version string) (*bucket, Info, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, Info{}, storeError(err)
	}
	defer view.Close()
	b, _, err := s.readBucket(ctx, view, bucketName)
	if err != nil {
		return nil, Info{}, err
	}
	v, err := b.find(ctx, view, key, version)
	if err != nil {
		return b, Info{}, err
	}
	return b, b.info(key, v.versionRecord), nil
}

// SetTags replaces the tags of a version, and records
// s3:ObjectCreated:PutTagging in the same commit (S3, PutObjectTagging). It
// returns the version's id as clients know it, once all of that is durable.
// Nothing else of the version changes, neither its content nor when it was
// modified. The errors are those of Head, ErrNoSpace and ErrUnsure.
func (s *Service) SetTags(ctx context.Context, in TagsInput) (versionID string, err error) {
	if err := s.Admit(); err != nil {
		return "", err
	}
	return s.retag(ctx, event.ObjectCreatedPutTagging, in)
}

// DeleteTags removes all tags of a version, if there are any, and records
// s3:ObjectCreated:DeleteTagging in the same commit (S3, DeleteObjectTagging).
// It is otherwise as SetTags.
func (s *Service) DeleteTags(ctx context.Context, in TagsInput) (versionID string, err error) {
	in.Tags = nil
	return s.retag(ctx, event.ObjectCreatedDeleteTagging, in)
}

func (s *Service) retag(ctx context.Context, name event.Name, in TagsInput) (versionID string, err error) {
	_, err = s.apply(ctx, in.Bucket, in.Key, func(t *tx) (*event.Record, error) {
		found, err := t.find(ctx, in.VersionID)
		if err != nil {
			return nil, err
		}
		v := *found.versionRecord
		v.Tags = in.Tags
		if err := t.rewrite(found.row, &v); err != nil {
			return nil, err
		}
		rec := t.created(name, &v, in.Request)
		rec.Post = t.bucket.state(t.current)
		versionID = rec.VersionID
		return rec, nil
	})
	return versionID, err
}

// find is bucket.find of the mutation's key, and requires that what it finds
// stands.
func (t *tx) find(ctx context.Context, version string) (storedVersion, error) {
	latest := storedVersion{t.current, currentKey(t.bucket.ID, t.key), t.item}
	v, err := t.bucket.findFrom(ctx, t.reader, latest, t.key, version)
	if err == nil && v.versionRecord != t.current { // the latest is required already
		t.batch.Require(v.row, v.item)
	}
	return v, err
}

// rewrite writes the row of a version whose place, stamp and content stay.
func (t *tx) rewrite(row []byte, v *versionRecord) error {
	stored, err := v.encode()
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint64(stored[recordStampOffset:], v.stamp)
	t.batch.Set(row, stored)
	return nil
}

// BucketTags returns a bucket's tags; none if it has no set of them.
// ErrNoSuchBucket.
func (s *Service) BucketTags(ctx context.Context, bucketName string) ([]s3.Tag, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return nil, err
	}
	return b.Tags, nil
}

// SetBucketTags replaces a bucket's tags, which are valid by s3.CheckTags;
// without any it removes them. It returns once that is durable. ErrNoSuchBucket.
func (s *Service) SetBucketTags(ctx context.Context, bucketName string, tags []s3.Tag) error {
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		r.Tags = tags
		return nil
	})
	return err
}
