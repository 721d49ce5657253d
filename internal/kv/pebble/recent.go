package pebble

import (
	"hash/maphash"

	"github.com/carillon-s3/carillon/internal/kv"
)

// recentKeys is the size of one generation of recent. Two of them are some 20
// MiB and hold several seconds of the highest load, which is how long a
// requirement may wait before it turns into a needless conflict.
const recentKeys = 1 << 19

// recent remembers which commit last wrote a key, for the keys of the newest
// commits, so that requirements are checked without reading. Keys are kept as
// hashes: two keys with one hash can make a needless conflict, never hide one.
type recent struct {
	seed     maphash.Seed
	limit    int
	now, old map[uint64]kv.Version
	// nowFrom and oldFrom are the versions before the first commit of each
	// generation: a key in neither has not been written since oldFrom.
	nowFrom, oldFrom kv.Version
}

func newRecent(from kv.Version, limit int) *recent {
	return &recent{
		seed:    maphash.MakeSeed(),
		limit:   limit,
		now:     map[uint64]kv.Version{},
		old:     map[uint64]kv.Version{},
		nowFrom: from,
		oldFrom: from,
	}
}

// note records that the commit with the given version wrote key.
func (r *recent) note(key []byte, version kv.Version) {
	r.now[maphash.Bytes(r.seed, key)] = version
}

// turn starts a new generation when the newest is full. version is the newest
// commit. Called between commits.
func (r *recent) turn(version kv.Version) {
	if len(r.now) < r.limit {
		return
	}
	r.old, r.oldFrom = r.now, r.nowFrom
	r.now, r.nowFrom = map[uint64]kv.Version{}, version
}

// unchanged reports whether key is known not to have been written by a commit
// later than since.
func (r *recent) unchanged(key []byte, since kv.Version) bool {
	if since < r.oldFrom {
		return false
	}
	h := maphash.Bytes(r.seed, key)
	return r.now[h] <= since && r.old[h] <= since
}
