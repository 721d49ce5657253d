package file_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/blob/blobtest"
	"github.com/carillon-s3/carillon/internal/blob/file"
)

func open(t testing.TB, o file.Options) *file.Store {
	t.Helper()
	s, err := file.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	t.Run("disk", func(t *testing.T) {
		t.Parallel()
		blobtest.Run(t, func(t *testing.T) blob.Store {
			return open(t, file.Options{Dir: t.TempDir(), Incarnation: 7})
		})
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		blobtest.Run(t, func(t *testing.T) blob.Store {
			return open(t, file.Options{Dir: "/var/lib/blobs", FS: vfs.NewMem(), Incarnation: 7})
		})
	})
}
