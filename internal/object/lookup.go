package object

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// MarkerError says that what was asked for is a delete marker. It wraps
// ErrNoSuchKey if the marker is the key's latest version and no version was
// asked for, otherwise ErrDeleteMarker.
type MarkerError struct {
	VersionID string
	Modified  time.Time
	err       error
}

// Error implements error.
func (e *MarkerError) Error() string { return e.err.Error() }

// Unwrap gives what the error is.
func (e *MarkerError) Unwrap() error { return e.err }

func (b *bucket) markerError(key string, m *versionRecord, is error) error {
	id := b.versionID(m)
	return &MarkerError{VersionID: id, Modified: stampTime(m.stamp), err: fmt.Errorf("%w: %s/%s, version %s", is, b.name, key, id)}
}

// storedVersion is a version with the row that it was read from.
type storedVersion struct {
	*versionRecord
	row  []byte
	item kv.Item
}

// find reads the version of key that clients call version, the latest if that is
// empty. Unless the bucket was never versioned, r must be a snapshot: a version
// moves between rows. ErrNoSuchKey, ErrNoSuchVersion, ErrInvalidVersionID,
// *MarkerError.
func (b *bucket) find(ctx context.Context, r kv.Reader, key, version string) (storedVersion, error) {
	current, item, err := readCurrent(ctx, r, b, key)
	if err != nil {
		return storedVersion{}, err
	}
	return b.findFrom(ctx, r, storedVersion{current, currentKey(b.ID, key), item}, key, version)
}

// findFrom is find with the row c of the key read already.
func (b *bucket) findFrom(ctx context.Context, r kv.Reader, found storedVersion, key, version string) (storedVersion, error) {
	current := found.versionRecord
	if version == "" {
		if current == nil {
			return found, b.missing(ctx, r, key)
		}
		return found, nil
	}
	id, err := parseVersionID(version)
	if err != nil {
		return found, err
	}
	if current != nil && current.VersionID == id {
		return found, nil
	}
	if b.Versioning != NeverVersioned {
		_, found, err = b.findOlder(ctx, r, key, id)
		switch {
		case err != nil:
			return found, err
		case found.versionRecord != nil && found.Marker:
			return found, b.markerError(key, found.versionRecord, ErrDeleteMarker)
		case found.versionRecord != nil:
			return found, nil
		}
	}
	return found, fmt.Errorf("%w: %s/%s, version %s", ErrNoSuchVersion, b.name, key, version)
}

// missing says why a key has no current version: there is nothing, or a marker.
func (b *bucket) missing(ctx context.Context, r kv.Reader, key string) error {
	if b.Versioning != NeverVersioned {
		top, err := b.newestOlder(ctx, r, key, nil)
		if err != nil {
			return err
		}
		if top.versionRecord != nil {
			return b.markerError(key, top.versionRecord, ErrNoSuchKey)
		}
	}
	return fmt.Errorf("%w: %s/%s", ErrNoSuchKey, b.name, key)
}

// findOlder reads a version from its row v; the record is nil if there is none.
// It also returns the item of its row i.
func (b *bucket) findOlder(ctx context.Context, r kv.Reader, key, id string) (pointer kv.Item, v storedVersion, err error) {
	pointer, err = r.Get(ctx, idKey(b.ID, key, id))
	if err != nil || !pointer.Exists() {
		return pointer, v, storeError(err)
	}
	if len(pointer.Value) != 8 {
		return pointer, v, fmt.Errorf("%w: place of a version", errStored)
	}
	v.row = versionKey(b.ID, key, binary.BigEndian.Uint64(pointer.Value))
	if v.item, err = r.Get(ctx, v.row); err != nil {
		return pointer, v, storeError(err)
	}
	if !v.item.Exists() {
		return pointer, v, fmt.Errorf("%w: version %q of %s/%s is not in its place", errStored, id, b.name, key)
	}
	v.versionRecord, err = decodeVersion(v.item.Value)
	return pointer, v, err
}

// newestOlder reads the newest row v of a key, of those behind the row after if
// that is not nil. The record is nil if there is none.
func (b *bucket) newestOlder(ctx context.Context, r kv.Reader, key string, after []byte) (storedVersion, error) {
	prefix := escapedKey(prefixVersion, b.ID, key, true)
	rows := kv.Range{Start: prefix, End: kv.PrefixEnd(prefix)}
	if after != nil {
		rows.Start = append(bytes.Clone(after), 0)
	}
	for e, err := range r.Scan(ctx, rows) {
		if err != nil {
			return storedVersion{}, storeError(err)
		}
		v, err := decodeVersion(e.Item.Value)
		return storedVersion{v, e.Key, e.Item}, err
	}
	return storedVersion{}, nil
}
