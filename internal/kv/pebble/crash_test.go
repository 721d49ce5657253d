package pebble

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/crashfs"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/kvtest"
)

// openCrash opens a store whose memtables are small, so that flushes and
// compactions take part.
func openCrash(fs vfs.FS) (kv.Store, error) {
	return Open(Options{FS: fs, Dir: "data/kv", CacheBytes: 1 << 20, MemTableBytes: 32 << 10, BallastBytes: -1})
}

func TestCrash(t *testing.T) {
	t.Parallel()
	kvtest.RunCrash(t, openCrash)
}

// hasty reads what Pebble shows, synced or not.
type hasty struct{ *Store }

func (h hasty) Get(_ context.Context, key []byte) (kv.Item, error) {
	stored, closer, err := h.db.Get(appendMapKey(nil, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return kv.Item{ReadAt: 1}, nil
	}
	if err != nil {
		return kv.Item{}, err
	}
	defer closer.Close()
	revision, value, err := splitHeader(stored)
	return kv.Item{Value: append([]byte(nil), value...), Revision: revision, ReadAt: 1}, err
}

func (h hasty) Scan(context.Context, kv.Range) iter.Seq2[kv.Entry, error] {
	return func(func(kv.Entry, error) bool) {}
}

func readHastily(s kv.Store) kv.Reader { return hasty{s.(*Store)} }

// TestCrashControls checks that the crash suite notices engines that are wrong.
func TestCrashControls(t *testing.T) {
	t.Parallel()
	const points = 3000 // some hundreds do in every case
	for _, c := range []struct {
		name  string
		crash kvtest.Crash
		says  string
	}{
		{"commits are not synced", kvtest.Crash{Disk: func(f *crashfs.FS) {
			f.DropSyncs(func(path string) bool { return strings.HasSuffix(path, ".log") })
		}}, "acknowledged up to"},
		{"reads show what is not synced", kvtest.Crash{Readers: readHastily}, "seen up to"},
		{"bytes are removed before their removal is durable", kvtest.Crash{Collector: readHastily}, "are gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.crash.Open, c.crash.Points, c.crash.Seed, c.crash.Enough = openCrash, points, 1, 1
			r := c.crash.Run(t)
			t.Log(r)
			n := 0
			for _, v := range r.Violations {
				if strings.Contains(v, c.says) {
					n++
				}
			}
			if n == 0 {
				t.Errorf("%d cuts, and none found that something %q: %q", r.Points, c.says, r.Violations)
			}
		})
	}
}
