package object

import (
	"context"
	"strings"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/s3"
)

// Version is a version in a listing.
type Version struct {
	Info
	// Latest says that it is the key's latest version; Marker, that it is a
	// delete marker: of Info that has key, time and id.
	Latest, Marker bool
}

// ListVersionsInput asks for one page of a listing of versions: in bytewise order
// of keys, those of a key newest first.
type ListVersionsInput struct {
	Bucket    string
	Prefix    string
	Delimiter string
	// KeyMarker excludes all keys before it. If VersionMarker is empty it
	// excludes itself too or, if it is a common prefix, its whole group; otherwise
	// it excludes its versions down to that one. If that is not there any more,
	// its versions are listed from the newest on.
	KeyMarker, VersionMarker string
	// MaxKeys bounds versions, markers and common prefixes together.
	MaxKeys int
}

// VersionPage is one page of a listing of versions.
type VersionPage struct {
	Versions []Version
	Prefixes []string
	// NextKey and NextVersion are the markers of the following page, set only
	// when Truncated.
	NextKey, NextVersion string
	Truncated            bool
}

// ListVersions returns one page of a bucket's versions and delete markers,
// grouped at the delimiter (S3, ListObjectVersions). It is a consistent snapshot.
// ErrNoSuchBucket, ErrInvalidVersionID.
func (s *Service) ListVersions(ctx context.Context, in ListVersionsInput) (VersionPage, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return VersionPage{}, storeError(err)
	}
	defer view.Close()
	b, _, err := s.readBucket(ctx, view, in.Bucket)
	if err != nil {
		return VersionPage{}, err
	}
	l := &versionLister{bucket: b, view: view, in: in, limit: min(max(in.MaxKeys, 0), s3.MaxListKeys)}
	if err := l.start(ctx); err != nil || l.limit == 0 {
		return VersionPage{}, err
	}
	latest, err := l.latest(ctx)
	if err != nil {
		return VersionPage{}, err
	}
	older, err := l.older(ctx)
	if err != nil {
		return VersionPage{}, err
	}
	return l.page(latest, older), nil
}

// versionLister makes one page. Rows c and v are each in the order of the
// listing: one more than fit in the page are read of both, and merged.
type versionLister struct {
	bucket *bucket
	view   kv.View
	in     ListVersionsInput
	limit  int
	// begun is the key some of whose versions are on an earlier page.
	begun string
	// rangeC and rangeV are the rows that are left to list.
	rangeC, rangeV kv.Range
}

// listedVersion is a version, or a group of keys that share name as prefix.
type listedVersion struct {
	name  string
	group bool
	*versionRecord
}

// start finds where the page begins.
func (l *versionLister) start(ctx context.Context) error {
	in, id := l.in, l.bucket.ID
	after := ListInput{Prefix: in.Prefix, Delimiter: in.Delimiter, After: in.KeyMarker}
	prefix := escapedKey(prefixVersion, id, in.Prefix, false)
	l.rangeV = kv.Range{Start: prefix, End: kv.PrefixEnd(prefix)}
	l.rangeC = listRange(id, after)
	if in.KeyMarker == "" {
		return nil
	}
	from := kv.PrefixEnd(escapedKey(prefixVersion, id, in.KeyMarker, true))
	if group, ok := groupOf(in.KeyMarker, in.Prefix, in.Delimiter); ok && group == in.KeyMarker {
		from = kv.PrefixEnd(escapedKey(prefixVersion, id, group, false))
	}
	if in.VersionMarker != "" {
		marker, err := l.findMarker(ctx)
		if err != nil {
			return err
		}
		from = marker
	}
	if string(from) > string(l.rangeV.Start) {
		l.rangeV.Start = from
	}
	return nil
}

// findMarker returns the row v behind the version at which the page before ended.
// A client that deletes what it lists may have deleted that too: then the key
// begins anew.
func (l *versionLister) findMarker(ctx context.Context) ([]byte, error) {
	key := l.in.KeyMarker
	id, err := parseVersionID(l.in.VersionMarker)
	if err != nil {
		return nil, err
	}
	l.begun = key
	first := escapedKey(prefixVersion, l.bucket.ID, key, true)
	current, _, err := readCurrent(ctx, l.view, l.bucket, key)
	if err != nil || current != nil && current.VersionID == id {
		return first, err
	}
	_, v, err := l.bucket.findOlder(ctx, l.view, key, id)
	if err != nil {
		return nil, err
	}
	if v.versionRecord != nil {
		return append(v.row, 0), nil
	}
	l.begun = ""
	if at := currentKey(l.bucket.ID, key); string(at) < string(l.rangeC.Start) && strings.HasPrefix(key, l.in.Prefix) {
		l.rangeC.Start = at
	}
	return first, nil
}

// latest reads rows c.
func (l *versionLister) latest(ctx context.Context) ([]listedVersion, error) {
	var out []listedVersion
	base := len(inBucket(prefixCurrent, 0))
	for e, err := range l.view.Scan(ctx, l.rangeC) {
		if err != nil {
			return nil, storeError(err)
		}
		listed := listedVersion{name: string(e.Key[base:]), group: e.Group}
		if !e.Group {
			if listed.versionRecord, err = decodeVersion(e.Item.Value); err != nil {
				return nil, err
			}
		}
		if out = append(out, listed); len(out) > l.limit {
			break
		}
	}
	return out, nil
}

// older reads rows v. They are grouped here and not by the store, since a
// delimiter could be found in the stamp behind a key.
func (l *versionLister) older(ctx context.Context) ([]listedVersion, error) {
	var out []listedVersion
	for r := l.rangeV; r.Start != nil; {
		next, err := l.olderRun(ctx, r, &out)
		if err != nil {
			return nil, err
		}
		r.Start = next
	}
	return out, nil
}

// olderRun reads rows v up to the first that falls into a group, and returns what
// comes after that group; nil at the end.
func (l *versionLister) olderRun(ctx context.Context, r kv.Range, out *[]listedVersion) (next []byte, err error) {
	for e, err := range l.view.Scan(ctx, r) {
		if err != nil {
			return nil, storeError(err)
		}
		key, _, ok := parseVersionKey(e.Key)
		if !ok {
			return nil, errStored
		}
		if group, ok := groupOf(key, l.in.Prefix, l.in.Delimiter); ok {
			*out = append(*out, listedVersion{name: group, group: true})
			next = kv.PrefixEnd(escapedKey(prefixVersion, l.bucket.ID, group, false))
		} else {
			v, err := decodeVersion(e.Item.Value)
			if err != nil {
				return nil, err
			}
			*out = append(*out, listedVersion{key, false, v})
		}
		if len(*out) > l.limit {
			return nil, nil
		}
		if next != nil {
			return next, nil
		}
	}
	return nil, nil
}

// page merges the two.
func (l *versionLister) page(latest, older []listedVersion) (page VersionPage) {
	for n := 0; len(latest)+len(older) > 0; n++ {
		if n == l.limit {
			page.Truncated = true
			return page
		}
		fromC := len(older) == 0 || len(latest) > 0 && latest[0].name <= older[0].name
		var next listedVersion
		if fromC {
			next, latest = latest[0], latest[1:]
		}
		if !fromC || next.group && len(older) > 0 && older[0].name == next.name {
			next, older = older[0], older[1:]
		}
		page.NextKey, page.NextVersion = next.name, ""
		if next.group {
			page.Prefixes = append(page.Prefixes, next.name)
			continue
		}
		v := Version{Info: l.bucket.info(next.name, next.versionRecord), Marker: next.Marker}
		if v.VersionID == "" {
			v.VersionID = NullVersion
		}
		v.Latest = next.name != l.begun
		l.begun = next.name
		page.Versions, page.NextVersion = append(page.Versions, v), v.VersionID
	}
	page.NextKey, page.NextVersion = "", ""
	return page
}
