package file_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/carillon-s3/carillon/internal/blob/file"
)

const benchBytes = 10 << 20

// BenchmarkPut commits 10 MiB, as package object hands them over: in pieces of
// 32 KiB.
func BenchmarkPut(b *testing.B) {
	s := open(b, file.Options{Dir: b.TempDir(), Incarnation: 1})
	piece := make([]byte, 32<<10)
	b.SetBytes(benchBytes)
	for b.Loop() {
		w, err := s.Create(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for range benchBytes / len(piece) {
			if _, err := w.Write(piece); err != nil {
				b.Fatal(err)
			}
		}
		ref, err := w.Commit()
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Delete(b.Context(), ref); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlainPut is what Put is compared with: the same bytes, file sync and
// directory sync, and nothing else.
func BenchmarkPlainPut(b *testing.B) {
	dir := b.TempDir()
	name := filepath.Join(dir, "plain")
	piece := make([]byte, 256<<10)
	b.SetBytes(benchBytes)
	for b.Loop() {
		f, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		for range benchBytes / len(piece) {
			if _, err := f.Write(piece); err != nil {
				b.Fatal(err)
			}
		}
		syncAndClose(b, f)
		d, err := os.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		syncAndClose(b, d)
		if err := os.Remove(name); err != nil {
			b.Fatal(err)
		}
	}
}

func syncAndClose(b *testing.B, f *os.File) {
	b.Helper()
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkGet reads 10 MiB that the kernel has in memory.
func BenchmarkGet(b *testing.B) {
	s := open(b, file.Options{Dir: b.TempDir(), Incarnation: 1})
	w, err := s.Create(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.Write(make([]byte, benchBytes)); err != nil {
		b.Fatal(err)
	}
	ref, err := w.Commit()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchBytes)
	for b.Loop() {
		r, err := s.Open(b.Context(), ref, 0, benchBytes)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(discard{}, r); n != benchBytes || err != nil {
			b.Fatal(n, err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlainGet is what Get is compared with.
func BenchmarkPlainGet(b *testing.B) {
	name := filepath.Join(b.TempDir(), "plain")
	if err := os.WriteFile(name, make([]byte, benchBytes), 0o600); err != nil {
		b.Fatal(err)
	}
	buffer := make([]byte, 256<<10)
	b.SetBytes(benchBytes)
	for b.Loop() {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.CopyBuffer(discard{}, struct{ io.Reader }{f}, buffer); n != benchBytes || err != nil {
			b.Fatal(n, err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// discard has no ReadFrom, so that the buffer under test is used.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
