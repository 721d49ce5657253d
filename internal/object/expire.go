package object

import (
	"context"
	"errors"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
)

// Expiry is what a lifecycle configuration does to a version. Of two, the greater
// one is done: what removes for good goes before a delete marker (S3, "Conflicts
// in lifecycle configurations").
type Expiry uint8

// Expiries.
const (
	// Keep does nothing.
	Keep Expiry = iota
	// ExpireLatest is a delete that names no version: where the bucket is
	// versioned it makes a delete marker.
	ExpireLatest
	// ExpireVersion removes the version, or the delete marker, for good.
	ExpireVersion
	// ExpireMarked removes all versions of a key whose latest is a delete marker.
	ExpireMarked
	// ExpireAll removes all versions of a key.
	ExpireAll
)

// maxExpireAll is how many versions one commit removes: at kv.MaxKeyBytes for each
// of their three rows they stay below kv.MaxBatchBytes. Of a key that has more, the
// oldest go one by one before.
const maxExpireAll = 1000

// Aged is a version with what decides when it expires.
type Aged struct {
	Version
	// Superseded is when the next newer version was made, which is when this one
	// became noncurrent; zero of the latest.
	Superseded time.Time
	// Newer is how many noncurrent versions of the key are newer; of more than
	// were asked for, those.
	Newer int
	// Alone says that the key has no other version.
	Alone bool
}

// ExpireInput asks to expire a version as a listing showed it.
type ExpireInput struct {
	Bucket, Key string
	// VersionID and Stamp are those of the version.
	VersionID string
	Stamp     uint64
	// Successor is the stamp of the next newer version of the listing; 0 for none.
	Successor uint64
	// Newer is how many newer noncurrent versions are counted at most.
	Newer int
	// Decide says what to do, by the bucket's lifecycle document. It may be called
	// several times, and must not call the Service.
	Decide func(*Document, *Aged) Expiry
	// Request is that of the event.
	Request event.Request
}

// Expire does to a version what in.Decide says of it as it is now, and records the
// event in the same commit: as Delete does, or s3:ObjectRemoved:DeleteAllVersions
// or s3:LifecycleDelMarkerExpiration:Delete, each with an alias (event.Record). It
// returns what was done, durably: Keep if that was nothing, also where a version
// that would go is locked, or where the version, its successor or the document is
// not there any more. Whatever in.Decide
// looks at is required to stand until the commit. ErrNoSuchBucket, ErrBacklogFull,
// ErrUnsure.
func (s *Service) Expire(ctx context.Context, in ExpireInput) (Expiry, error) {
	id, err := parseVersionID(in.VersionID)
	if err != nil {
		return Keep, err
	}
	var done Expiry
	_, err = s.apply(ctx, in.Bucket, in.Key, func(t *tx) (*event.Record, error) {
		done = Keep
		doc, err := s.lifecycle(ctx, t.bucket)
		if err != nil || doc == nil {
			return nil, err
		}
		v, err := t.aged(ctx, id, &in)
		if err != nil || v == nil {
			return nil, err
		}
		what := in.Decide(doc, v)
		if what == Keep {
			return nil, nil
		}
		rec, err := t.expire(ctx, id, what, in.Request)
		if err != nil || rec == nil {
			return nil, err
		}
		done, rec.Expired = what, true
		return rec, nil
	})
	if errors.Is(err, ErrLocked) {
		return Keep, nil
	}
	if err != nil {
		return Keep, err
	}
	return done, nil
}

// aged reads a version with what surrounds it, and requires that to stand; nil if
// it is not there as it was listed.
func (t *tx) aged(ctx context.Context, id string, in *ExpireInput) (*Aged, error) {
	if t.current != nil && t.current.VersionID == id {
		if t.current.stamp != in.Stamp {
			return nil, nil
		}
		older, err := t.newestOlder(ctx, nil)
		return t.describeAged(t.current, true, older.versionRecord == nil), err
	}
	if t.bucket.Versioning == NeverVersioned {
		return nil, nil
	}
	found, err := t.findOlder(ctx, id)
	if err != nil || found.versionRecord == nil || found.stamp != in.Stamp {
		return nil, err
	}
	newer, err := t.newerThan(ctx, found, in.Newer+1)
	if err != nil {
		return nil, err
	}
	if t.current == nil {
		if newer == 0 { // the marker that hides the key
			older, err := t.newestOlder(ctx, found.row)
			return t.describeAged(found.versionRecord, true, older.versionRecord == nil), err
		}
		newer-- // that marker
	}
	there, err := t.succeeds(ctx, in.Successor)
	if err != nil || !there {
		return nil, err
	}
	v := t.describeAged(found.versionRecord, false, false)
	v.Superseded, v.Newer = stampTime(in.Successor), min(newer, in.Newer)
	return v, nil
}

func (t *tx) describeAged(v *versionRecord, latest, alone bool) *Aged {
	return &Aged{Version: Version{Info: t.bucket.info(t.key, v), Latest: latest, Marker: v.Marker}, Alone: alone}
}

// newerThan counts the rows v above v, most at most, and requires them to stand.
func (t *tx) newerThan(ctx context.Context, v storedVersion, most int) (n int, err error) {
	rows := kv.Range{Start: escapedKey(prefixVersion, t.bucket.ID, t.key, true), End: v.row}
	for e, err := range t.reader.Scan(ctx, rows) {
		if err != nil {
			return 0, storeError(err)
		}
		t.batch.Require(e.Key, e.Item)
		if n++; n == most {
			break
		}
	}
	return n, nil
}

// succeeds reports whether the key has a version of that stamp, and requires it to
// stand. No version comes between two others, so that one which was the next newer
// of another is that for as long as it is there.
func (t *tx) succeeds(ctx context.Context, stamp uint64) (bool, error) {
	if t.current != nil && t.current.stamp == stamp {
		return true, nil
	}
	row := versionKey(t.bucket.ID, t.key, stamp)
	item, err := t.reader.Get(ctx, row)
	if err != nil || !item.Exists() {
		return false, storeError(err)
	}
	t.batch.Require(row, item)
	return true, nil
}

// expire writes the change, and returns its event.
func (t *tx) expire(ctx context.Context, id string, what Expiry, req event.Request) (*event.Record, error) {
	switch {
	case what == ExpireLatest && t.bucket.Versioning != NeverVersioned:
		m, err := t.mark(ctx)
		if err != nil {
			return nil, err
		}
		return t.removed(event.ObjectRemovedDeleteMarkerCreated, Deleted{t.bucket.versionID(m), true}, nil, req), nil
	case what == ExpireAll, what == ExpireMarked:
		return t.expireAll(ctx, what, req)
	}
	return t.expireVersion(ctx, id, req)
}

func (t *tx) expireVersion(ctx context.Context, id string, req event.Request) (*event.Record, error) {
	v, shown, err := t.remove(ctx, id)
	if err != nil || v == nil {
		return nil, err
	}
	return t.removed(event.ObjectRemovedDelete, Deleted{t.bucket.versionID(v), v.Marker}, shown, req), nil
}

// expireAll removes all versions of the key or, if there are too many for one
// commit, the oldest. ErrLocked if one of them, as far as it looks, is locked.
func (t *tx) expireAll(ctx context.Context, what Expiry, req event.Request) (*event.Record, error) {
	var older []storedVersion
	prefix := escapedKey(prefixVersion, t.bucket.ID, t.key, true)
	for e, err := range t.reader.Scan(ctx, kv.Range{Start: prefix, End: kv.PrefixEnd(prefix), Reverse: true}) {
		if err != nil {
			return nil, storeError(err)
		}
		v, err := decodeVersion(e.Item.Value)
		if err != nil {
			return nil, err
		}
		if len(older) == maxExpireAll {
			if t.current != nil && t.current.lock().protects(t.now, false) {
				return nil, ErrLocked
			}
			return t.expireVersion(ctx, older[0].VersionID, req)
		}
		older = append(older, storedVersion{v, e.Key, e.Item})
	}
	latest := t.current
	if latest == nil {
		latest = older[len(older)-1].versionRecord
	} else {
		if err := t.dropContent(t.current); err != nil {
			return nil, err
		}
		t.batch.Delete(currentKey(t.bucket.ID, t.key))
	}
	for _, v := range older {
		t.batch.Require(v.row, v.item)
		if err := t.removeOlder(v); err != nil {
			return nil, err
		}
	}
	name := event.ObjectRemovedDeleteAllVersions
	if what == ExpireMarked {
		name = event.LifecycleDelMarkerExpirationDelete
	}
	rec := t.created(name, latest, req)
	rec.Post = nil
	return rec, nil
}

// ExpireUpload aborts an upload if decide says so, by the bucket's lifecycle
// document as it stands in the commit; nothing is recorded. It says whether it
// did. ErrNoSuchUpload, ErrNoSuchBucket, ErrUnsure.
func (s *Service) ExpireUpload(ctx context.Context, in UploadInput, decide func(*Document, *Upload) bool) (bool, error) {
	errKept := errors.New("kept")
	err := s.abortUpload(ctx, in, func(b *bucket, rec *uploadRecord) error {
		doc, err := s.lifecycle(ctx, b)
		if err != nil {
			return err
		}
		if doc == nil || !decide(doc, &Upload{Key: in.Key, UploadID: in.UploadID, Created: time.UnixMilli(rec.Created).UTC()}) {
			return errKept
		}
		return nil
	})
	if errors.Is(err, errKept) {
		return false, nil
	}
	return err == nil, err
}
