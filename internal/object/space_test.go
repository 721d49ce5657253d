package object_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/blob"
	blobmemory "github.com/carillon-s3/carillon/internal/blob/memory"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/object"
)

// fullBlobs is a store of bytes on a disk that is full once full says so.
type fullBlobs struct {
	blob.Store
	full bool
}

func (b *fullBlobs) Create(ctx context.Context) (blob.Writer, error) {
	w, err := b.Store.Create(ctx)
	return fullWriter{w, b}, err
}

type fullWriter struct {
	blob.Writer
	of *fullBlobs
}

func (w fullWriter) Write(p []byte) (int, error) {
	if w.of.full {
		return 0, fmt.Errorf("write: %w", blob.ErrNoSpace)
	}
	return w.Writer.Write(p)
}

// TestSpaceRunsOutDuringABody: a body that is on its way when space runs out is
// refused, not taken to its end, and leaves nothing.
func TestSpaceRunsOutDuringABody(t *testing.T) {
	t.Parallel()
	for name, runOut := range map[string]func(*memory.Store, *fullBlobs){
		"below the reserve": func(s *memory.Store, _ *fullBlobs) { s.Refuse(kv.ErrNoSpace) },
		"disk full":         func(_ *memory.Store, b *fullBlobs) { b.full = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, blobs := memory.New(), &fullBlobs{Store: blobmemory.New(1)}
			s := &site{store: store, blobs: blobs}
			t.Cleanup(func() { _ = store.Close() })
			var err error
			if s.journal, err = journal.Open(t.Context(), store); err != nil {
				t.Fatal(err)
			}
			s.reopen(t)
			s.mustBucket(t, "bucket")
			in := putInput("bucket", "k", "")
			const half, rest = 1 << 20, 64 << 20
			unread := &io.LimitedReader{R: zeros{}, N: rest}
			in.Body = io.MultiReader(strings.NewReader(strings.Repeat("x", half)), after(func() { runOut(store, blobs) }), unread)
			in.Size = half + rest
			if _, err := s.Put(t.Context(), in); !errors.Is(err, object.ErrNoSpace) {
				t.Errorf("got %v, want %v", err, object.ErrNoSpace)
			}
			if read := rest - unread.N; read > rest/2 {
				t.Errorf("%d of the %d bytes that came later were read", read, rest)
			}
			if n := blobCount(t, blobs.Store); n > 0 {
				t.Errorf("%d blobs are left", n)
			}
		})
	}
}

// after is an empty reader that calls a function.
type after func()

func (f after) Read([]byte) (int, error) { f(); return 0, io.EOF }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
