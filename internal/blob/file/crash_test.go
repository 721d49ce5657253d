package file_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/blob/blobtest"
	"github.com/carillon-s3/carillon/internal/blob/file"
)

// defaultCrashPoints keeps a plain `go test` quick; CARILLON_CRASH_POINTS and
// CARILLON_CRASH_SEED change points and seed.
const defaultCrashPoints = 3000

func TestCrash(t *testing.T) {
	t.Parallel()
	blobtest.RunCrash(t, blobtest.Crash{
		Open: func(fs vfs.FS, incarnation uint64) (blob.Store, error) {
			return file.Open(file.Options{Dir: "/var/lib/blobs", FS: fs, Incarnation: incarnation})
		},
		Points: int(setting(t, "CARILLON_CRASH_POINTS", defaultCrashPoints)),
		Seed:   setting(t, "CARILLON_CRASH_SEED", 1),
	})
}

func setting(t *testing.T, name string, byDefault uint64) uint64 {
	t.Helper()
	text, ok := os.LookupEnv(name)
	if !ok {
		return byDefault
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
