package pebble_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
)

// TestCloseEndsEveryGoroutine is not parallel, so that nothing else runs.
func TestCloseEndsEveryGoroutine(t *testing.T) { //nolint:paralleltest // see above
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s, err := pebble.Open(small(vfs.NewMem(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	var b kv.Batch
	b.Set([]byte("k"), []byte("v"))
	if err := s.CommitRelaxed(t.Context(), &b, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), new(kv.Batch)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
