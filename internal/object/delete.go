package object

import (
	"context"
	"fmt"
	"sync"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/s3"
)

// deleteWidth is how many keys of one DeleteMany are under way at once. They
// are separate commits that share their syncs.
const deleteWidth = 32

// DeleteInput names an object to delete.
type DeleteInput struct {
	Bucket, Key string
	// VersionID is the version to remove for good; empty asks for the plain
	// delete, whose meaning is that of the bucket's Versioning.
	VersionID string
	// IfMatch is a condition on the key's latest version, as in PutInput, whatever
	// version is deleted (S3, "How to perform conditional deletes").
	IfMatch string
	// Bypass says that a version under governance may be removed, as who asks may.
	Bypass  bool
	Request event.Request
}

// Deleted is what became of a delete.
type Deleted struct {
	// VersionID is the version that was removed, or that of the marker that was
	// made; empty where the bucket was never versioned.
	VersionID string
	// Marker says that the version is a delete marker.
	Marker bool
}

// Delete removes a version for good or, if none is named and the bucket is
// versioned, makes a delete marker the key's latest version (S3, DeleteObject).
// It records s3:ObjectRemoved:Delete or s3:ObjectRemoved:DeleteMarkerCreated in
// the same commit, and returns once that is durable. If the latest version or
// marker is removed, the next older one takes its place in that commit. A
// missing key or version is no error unless in.IfMatch is set; it is recorded as
// s3:ObjectRemoved:NoOP where somebody asks for that. ErrLocked, ErrNoSuchBucket,
// ErrInvalidVersionID, ErrPreconditionFailed, ErrNoSuchKey with IfMatch,
// ErrUnsure.
func (s *Service) Delete(ctx context.Context, in DeleteInput) (Deleted, error) {
	if len(in.Key) > s3.MaxKeyBytes {
		return Deleted{}, fmt.Errorf("%w: %d bytes", ErrKeyTooLong, len(in.Key))
	}
	id, err := nullID, error(nil)
	if in.VersionID != "" {
		if id, err = parseVersionID(in.VersionID); err != nil {
			return Deleted{}, err
		}
	}
	var missing *event.Record
	var rules *bucket
	var done Deleted
	_, err = s.apply(ctx, in.Bucket, in.Key, func(t *tx) (*event.Record, error) {
		missing, rules, t.bypass = nil, t.bucket, in.Bypass
		if err := checkConditions(t.current, in.IfMatch, ""); err != nil {
			return nil, err
		}
		if in.VersionID == "" && t.bucket.Versioning != NeverVersioned {
			m, err := t.mark(ctx)
			if err != nil {
				return nil, err
			}
			done = Deleted{t.bucket.versionID(m), true}
			return t.removed(event.ObjectRemovedDeleteMarkerCreated, done, nil, in.Request), nil
		}
		v, shown, err := t.remove(ctx, id)
		if err != nil {
			return nil, err
		}
		if v == nil {
			done = Deleted{VersionID: t.bucket.versionID(&versionRecord{VersionID: id})}
			missing = t.removed(event.ObjectRemovedNoOP, done, nil, in.Request)
			return nil, nil
		}
		done = Deleted{t.bucket.versionID(v), v.Marker}
		return t.removed(event.ObjectRemovedDelete, done, shown, in.Request), nil
	})
	if err != nil {
		return Deleted{}, err
	}
	if missing != nil {
		s.recordAccess(ctx, rules, missing)
	}
	return done, nil
}

// removed is the event of a delete; shown is what GET shows after it.
func (t *tx) removed(name event.Name, d Deleted, shown *versionRecord, req event.Request) *event.Record {
	rec := t.record(name, req)
	rec.VersionID, rec.Post = d.VersionID, t.bucket.state(shown)
	return rec
}

// DeleteTarget is one of the keys or versions that DeleteMany deletes.
type DeleteTarget struct {
	// All are as in DeleteInput.
	Key, VersionID, IfMatch string
	Bypass                  bool
}

// DeleteResult is what became of a DeleteTarget.
type DeleteResult struct {
	Deleted
	Err error
}

// DeleteMany deletes up to s3.MaxDeleteKeys keys or versions, each in a commit of
// its own and in no order, and returns what became of them in the order of
// targets.
func (s *Service) DeleteMany(ctx context.Context, bucketName string, targets []DeleteTarget, req event.Request) []DeleteResult {
	results := make([]DeleteResult, len(targets))
	slots := make(chan struct{}, deleteWidth)
	var wg sync.WaitGroup
	for i, t := range targets {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			in := DeleteInput{
				Bucket: bucketName, Key: t.Key, VersionID: t.VersionID, IfMatch: t.IfMatch, Bypass: t.Bypass, Request: req,
			}
			results[i].Deleted, results[i].Err = s.Delete(ctx, in)
		})
	}
	wg.Wait()
	return results
}
