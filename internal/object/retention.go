package object

import (
	"context"
	"fmt"

	"github.com/carillon-s3/carillon/internal/event"
)

// RetentionInput names a version and its new retention.
type RetentionInput struct {
	Bucket, Key string
	// VersionID is which version; empty for the latest.
	VersionID string
	// Retention takes the place of the version's; its zero value ends that.
	Retention Retention
	// Bypass says that a governance retention may be shortened, as who asks may.
	Bypass  bool
	Request event.Request
}

// LegalHoldInput puts a version's legal hold on or off.
type LegalHoldInput struct {
	Bucket, Key string
	// VersionID is which version; empty for the latest.
	VersionID string
	LegalHold LegalHold
	Request   event.Request
}

// Lock describes a version of a bucket with object lock; Info.Lock is what it is
// asked for. No access is recorded: see Accessed. ErrNoLock, and the errors of
// Head.
func (s *Service) Lock(ctx context.Context, bucketName, key, version string) (Info, error) {
	b, info, err := s.inspect(ctx, bucketName, key, version)
	if b != nil && b.Lock == nil {
		return Info{}, fmt.Errorf("%w: %s", ErrNoLock, bucketName)
	}
	return info, err
}

// SetRetention replaces the retention of a version, and records
// s3:ObjectCreated:PutRetention in the same commit (S3, PutObjectRetention). A
// compliance retention that lasts can be lengthened only, a governance one
// shortened, ended or made another with Bypass only: else ErrLocked. It returns
// the version's id as clients know it, once all of that is durable.
// ErrRetentionPassed, ErrNoLock, ErrNoSpace, ErrUnsure, and the errors of Head.
func (s *Service) SetRetention(ctx context.Context, in RetentionInput) (versionID string, err error) {
	of := relocking{in.Bucket, in.Key, in.VersionID, event.ObjectCreatedPutRetention, in.Request}
	return s.relock(ctx, of, func(t *tx, l *Lock) error {
		if err := t.bucket.checkLock(Lock{Retention: in.Retention}, t.now); err != nil {
			return err
		}
		if !l.Retention.mayBecome(in.Retention, t.now, in.Bypass) {
			return fmt.Errorf("%w: %s until %s", ErrLocked, l.Retention.Mode, l.Retention.UntilText())
		}
		l.Retention = in.Retention
		return nil
	})
}

// SetLegalHold puts the legal hold of a version on or off, and records
// s3:ObjectCreated:PutLegalHold in the same commit (S3, PutObjectLegalHold).
// Whatever its retention is stays. It is otherwise as SetRetention.
func (s *Service) SetLegalHold(ctx context.Context, in LegalHoldInput) (versionID string, err error) {
	of := relocking{in.Bucket, in.Key, in.VersionID, event.ObjectCreatedPutLegalHold, in.Request}
	return s.relock(ctx, of, func(_ *tx, l *Lock) error {
		l.LegalHold = in.LegalHold
		return nil
	})
}

// relocking is a version whose lock changes, and the event that tells of it.
type relocking struct {
	bucket, key, version string
	event                event.Name
	request              event.Request
}

// relock writes a version's row again with another lock. The row is required as
// it was read, here and where versions are removed: a removal that was decided
// by the former lock does not commit after this one, nor this one after it.
func (s *Service) relock(ctx context.Context, of relocking, change func(*tx, *Lock) error) (versionID string, err error) {
	if err := s.Admit(); err != nil {
		return "", err
	}
	_, err = s.apply(ctx, of.bucket, of.key, func(t *tx) (*event.Record, error) {
		if t.bucket.Lock == nil {
			return nil, fmt.Errorf("%w: %s", ErrNoLock, of.bucket)
		}
		found, err := t.find(ctx, of.version)
		if err != nil {
			return nil, err
		}
		v, lock := *found.versionRecord, found.lock()
		if err := change(t, &lock); err != nil {
			return nil, err
		}
		v.setLock(lock)
		if err := t.rewrite(found.row, &v); err != nil {
			return nil, err
		}
		rec := t.created(of.event, &v, of.request)
		if found.versionRecord != t.current {
			rec.Post = t.bucket.state(t.current)
		}
		versionID = rec.VersionID
		return rec, nil
	})
	return versionID, err
}
