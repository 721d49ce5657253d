package pebble_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/kvtest"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
)

// small keeps a store's caches small: tests open many.
func small(fs vfs.FS, dir string) pebble.Options {
	return pebble.Options{FS: fs, Dir: dir, CacheBytes: 1 << 20, BallastBytes: -1}
}

func TestContract(t *testing.T) {
	t.Parallel()
	kvtest.Run(t, func(t *testing.T) kv.Store {
		s, err := pebble.Open(small(vfs.NewMem(), "store"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}

func TestPersistence(t *testing.T) {
	t.Parallel()
	kvtest.RunPersistent(t, func(t *testing.T) kvtest.Reopen {
		o := small(nil, t.TempDir())
		return func() (kv.Store, error) { return pebble.Open(o) }
	})
}
