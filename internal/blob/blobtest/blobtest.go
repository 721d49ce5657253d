// Package blobtest is the suite that every engine of package blob passes. The
// suite is the contract: Run holds what all engines promise, RunDamage what
// those promise that keep bytes on a medium which can fail, RunCrash what those
// promise that write to a file system of their own. Only tests import it.
package blobtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/carillon-s3/carillon/internal/blob"
)

// Run checks an engine against the contract. open returns an empty store; the
// suite closes it.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, blob.Store)
	}{
		{"what was written is read", testRoundTrip},
		{"ranges", testRanges},
		{"ranges beyond the end", testBeyondEnd},
		{"buffers belong to the caller", testBuffers},
		{"readers", testReaders},
		{"unknown references", testUnknown},
		{"references are opaque, short and never used twice", testReferences},
		{"commit and abort", testCommitAbort},
		{"delete", testDelete},
		{"delete while reading", testDeleteWhileReading},
		{"contexts", testContexts},
		{"walk", testWalk},
		{"references and what they take", testRefs},
		{"concurrent use", testConcurrent},
		{"closed", testClosed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			tt.run(t, s)
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// interesting sizes lie around multiples of this: the file engine's block.
// Other engines pass with them as with any.
const unit = 64 << 10

// contents returns n bytes that differ from those of other seeds everywhere.
func contents(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)})
	_, _ = r.Read(b) // documented never to fail
	return b
}

// write commits data, written in pieces of at most piece bytes.
func write(ctx context.Context, s blob.Store, data []byte, piece int) (blob.Ref, error) {
	w, err := s.Create(ctx)
	if err != nil {
		return "", fmt.Errorf("create: %w", err)
	}
	defer w.Abort() //nolint:errcheck // does nothing after Commit
	for p := data; len(p) > 0; {
		k := min(piece, len(p))
		if n, err := w.Write(p[:k]); n != k || err != nil {
			return "", fmt.Errorf("write of %d bytes: got %d, %w", k, n, err)
		}
		p = p[k:]
	}
	ref, err := w.Commit()
	if err != nil {
		return "", fmt.Errorf("commit: %w", err)
	}
	return ref, nil
}

func put(t testing.TB, s blob.Store, data []byte, piece int) blob.Ref {
	t.Helper()
	ref, err := write(t.Context(), s, data, piece)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// get reads a range whole.
func get(t testing.TB, s blob.Store, ref blob.Ref, offset, length int64) ([]byte, error) {
	t.Helper()
	r, err := s.Open(t.Context(), ref, offset, length)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if closed := r.Close(); closed != nil {
		t.Errorf("Close of a reader of %s: %v", ref, closed)
	}
	return data, err
}

// wantContents fails unless ref holds want.
func wantContents(t testing.TB, s blob.Store, ref blob.Ref, want []byte) {
	t.Helper()
	got, err := get(t, s, ref, 0, int64(len(want)))
	if err != nil {
		t.Fatalf("reading %s: %v", ref, err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("reading %s: got %d bytes that differ from the %d written", ref, len(got), len(want))
	}
}
