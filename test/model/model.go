// Package model compares the server with a simple model of S3.
//
// Sixteen clients do random things to few keys, all at once, and the server is
// killed under them. In which order it did what they asked for is told by its
// events: each carries the label of its request as user agent. So the events of
// a key, by their sequencers, are replayed on the model, which says of each
// whether it could happen at that point and with that outcome. What the model
// then has must be what the server lists and returns.
package model

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// nullVersion is the id of the version that has none.
const nullVersion = "null"

// versioning is the state of a bucket, which stays as it is.
type versioning int

const (
	never versioning = iota
	enabled
	suspended
)

// content is what the model knows of bytes.
type content struct {
	etag string
	// sum is their MD5, which is not the ETag of what was uploaded in parts.
	sum  string
	size int64
}

// version is one of a key, or a delete marker.
type version struct {
	id     string
	marker bool
	content
	tags map[string]string
	retention
	hold bool
}

// retention of a version; without mode it has none.
type retention struct {
	mode  string
	until time.Time
}

// Modes of retention.
const (
	governance = "GOVERNANCE"
	compliance = "COMPLIANCE"
)

// locked reports whether a version must not be removed. The dates of the test
// are all ahead of it.
func (v *version) locked(bypass bool) bool {
	return v.hold || v.mode == compliance || v.mode == governance && !bypass
}

// mayRetain reports whether a retention may replace the one there is.
func (v *version) mayRetain(r retention, bypass bool) bool {
	switch v.mode {
	case compliance:
		return r.mode == compliance && !r.until.Before(v.until)
	case governance:
		return bypass || r.mode != "" && !r.until.Before(v.until)
	}
	return true
}

// model is S3, as far as one bucket goes: the versions of each key, newest first.
type model struct {
	state versioning
	keys  map[string][]version
}

func newModel(state versioning) *model { return &model{state: state, keys: map[string][]version{}} }

// find returns a version; the empty id is the latest.
func (m *model) find(key, id string) *version {
	versions := m.keys[key]
	i := 0
	if id != "" {
		i = slices.IndexFunc(versions, func(v version) bool { return v.id == id })
	}
	if i < 0 || i >= len(versions) {
		return nil
	}
	return &versions[i]
}

// shown is what GET shows.
func (m *model) shown(key string) *version {
	if v := m.find(key, ""); v != nil && !v.marker {
		return v
	}
	return nil
}

// add makes v the latest version of a key. A null version is there once.
func (m *model) add(key string, v version) error {
	switch {
	case (v.id == nullVersion) == (m.state == enabled):
		return fmt.Errorf("its version is %s", v.id)
	case v.id != nullVersion && m.find(key, v.id) != nil:
		return fmt.Errorf("version %s is there already", v.id)
	case v.marker && m.state == never:
		return fmt.Errorf("a delete marker in a bucket without versions")
	}
	if old := m.find(key, v.id); old != nil {
		if old.locked(false) {
			return fmt.Errorf("it replaces the locked version %s", v.id)
		}
		m.drop(key, v.id)
	}
	m.keys[key] = slices.Insert(m.keys[key], 0, v)
	return nil
}

func (m *model) drop(key, id string) {
	m.keys[key] = slices.DeleteFunc(m.keys[key], func(v version) bool { return v.id == id })
	if len(m.keys[key]) == 0 {
		delete(m.keys, key)
	}
}

// remove removes one version for good.
func (m *model) remove(key, id string, bypass bool) error {
	v := m.find(key, id)
	switch {
	case v == nil:
		return fmt.Errorf("version %s is not there", id)
	case v.locked(bypass):
		return fmt.Errorf("version %s is locked: %s until %s, hold %v, bypass %v", id, v.mode, v.until, v.hold, bypass)
	}
	m.drop(key, id)
	return nil
}

// sortedKeys are those with versions.
func (m *model) sortedKeys() []string { return slices.Sorted(maps.Keys(m.keys)) }
