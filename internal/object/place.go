package object

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/carillon-s3/carillon/internal/kv"
)

// How a mutation moves the versions of its key. What it reads, it requires to
// stand. Writers in one process queue for the key; between processes these
// requirements keep row c the latest version:
//
//   - Every new version and marker requires row c as it was read. One that finds
//     a row there changes it.
//   - Where there is none, because a marker is the latest, a further marker
//     writes the one below it again, and a version makes a row c. Who removes a
//     marker, and brings an older version to light, requires both.
//   - Who brings a version to light requires its row v, and whoever removes a
//     version deletes it.

// place makes v the key's latest version. Where versioning is enabled it gets an
// id of its own and the latest so far becomes an older one; elsewhere it takes
// the place of the null version.
func (t *tx) place(ctx context.Context, v *versionRecord) error {
	v.VersionID = t.newID()
	t.grown += v.Size
	if err := t.makeRoom(ctx, v.VersionID); err != nil {
		return err
	}
	return t.setCurrent(v)
}

// mark makes a delete marker the key's latest version.
func (t *tx) mark(ctx context.Context) (*versionRecord, error) {
	m := &versionRecord{VersionID: t.newID(), Marker: true}
	stored, err := m.encode()
	if err != nil {
		return nil, err
	}
	if t.current == nil {
		top, err := t.newestOlder(ctx, nil)
		if err != nil {
			return nil, err
		}
		if top.versionRecord != nil {
			t.batch.Set(top.row, top.item.Value) // the same; see above
		}
	}
	if err := t.makeRoom(ctx, m.VersionID); err != nil {
		return nil, err
	}
	if t.current != nil {
		t.batch.Delete(currentKey(t.bucket.ID, t.key))
	}
	row := versionKey(t.bucket.ID, t.key, 0)
	t.batch.Set(row, stored, fillStamp(ownAppend),
		kv.Fill{Append: ownAppend, Field: kv.InvertedStamp, InKey: true, Offset: stampOffset(row)})
	t.batch.Set(idKey(t.bucket.ID, t.key, m.VersionID), make([]byte, 8), kv.Fill{Append: ownAppend, Field: kv.Stamp})
	return m, nil
}

// newID is the id of a version that is made now.
func (t *tx) newID() string {
	if t.bucket.Versioning == VersioningEnabled {
		return newVersionID()
	}
	return nullID
}

// makeRoom prepares for a new latest version. If that is the null version, it
// removes the one there is; what else was the latest becomes an older version.
func (t *tx) makeRoom(ctx context.Context, id string) error {
	if t.current != nil {
		if t.current.VersionID == id {
			return t.dropContent(t.current)
		}
		t.keep()
	}
	if id != nullID || t.bucket.Versioning == NeverVersioned {
		return nil
	}
	null, err := t.findOlder(ctx, nullID)
	if err == nil && null.versionRecord != nil {
		err = t.removeOlder(null)
	}
	return err
}

// keep makes the latest version an older one. Its row c is left to be written
// over or deleted.
func (t *tx) keep() {
	v := t.current
	t.batch.Set(versionKey(t.bucket.ID, t.key, v.stamp), t.item.Value)
	t.batch.Set(idKey(t.bucket.ID, t.key, v.VersionID), binary.BigEndian.AppendUint64(nil, v.stamp))
}

// remove removes a version or marker for good. If it was the latest, the next
// older one is from then on. It returns what was removed, nil if there is no such
// version, and what GET shows then, nil for nothing. ErrLocked.
func (t *tx) remove(ctx context.Context, id string) (removed, shown *versionRecord, err error) {
	if t.current != nil && t.current.VersionID == id {
		if err := t.dropContent(t.current); err != nil {
			return nil, nil, err
		}
		shown, err = t.promote(ctx, nil)
		if shown == nil {
			t.batch.Delete(currentKey(t.bucket.ID, t.key))
		}
		return t.current, shown, err
	}
	if t.bucket.Versioning == NeverVersioned {
		return nil, nil, nil
	}
	old, err := t.findOlder(ctx, id)
	if err != nil || old.versionRecord == nil {
		return nil, nil, err
	}
	if err := t.removeOlder(old); err != nil {
		return nil, nil, err
	}
	if t.current != nil {
		return old.versionRecord, t.current, nil
	}
	top, err := t.newestOlder(ctx, nil)
	if err == nil && bytes.Equal(top.row, old.row) {
		shown, err = t.promote(ctx, old.row)
	}
	return old.versionRecord, shown, err
}

// promote makes the newest older version behind the row after the latest. It
// returns nil if there is none, or it is a marker, which stays where it is.
func (t *tx) promote(ctx context.Context, after []byte) (*versionRecord, error) {
	if t.bucket.Versioning == NeverVersioned {
		return nil, nil
	}
	next, err := t.newestOlder(ctx, after)
	if err != nil || next.versionRecord == nil || next.Marker {
		return nil, err
	}
	t.batch.Set(currentKey(t.bucket.ID, t.key), next.item.Value)
	t.forget(next)
	return next.versionRecord, nil
}

func (t *tx) removeOlder(v storedVersion) error {
	t.forget(v)
	if v.Marker {
		return nil
	}
	return t.dropContent(v.versionRecord)
}

// forget removes the rows v and i of a version.
func (t *tx) forget(v storedVersion) {
	t.batch.Delete(v.row)
	t.batch.Delete(idKey(t.bucket.ID, t.key, v.VersionID))
}

// findOlder is bucket.findOlder, and requires that what it finds, or not, stands.
func (t *tx) findOlder(ctx context.Context, id string) (storedVersion, error) {
	pointer, v, err := t.bucket.findOlder(ctx, t.reader, t.key, id)
	t.batch.Require(idKey(t.bucket.ID, t.key, id), pointer)
	if v.versionRecord != nil {
		t.batch.Require(v.row, v.item)
	}
	return v, err
}

// newestOlder is bucket.newestOlder, and requires that what it finds stands.
func (t *tx) newestOlder(ctx context.Context, after []byte) (storedVersion, error) {
	v, err := t.bucket.newestOlder(ctx, t.reader, t.key, after)
	if v.versionRecord != nil {
		t.batch.Require(v.row, v.item)
	}
	return v, err
}
