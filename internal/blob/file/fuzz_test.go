package file_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/blob/file"
)

// FuzzRead gives the reader files that nobody wrote. There is one file for each
// contents, so whatever reads without error must be, byte for byte, the file
// that a writer makes of it.
func FuzzRead(f *testing.F) {
	for _, data := range [][]byte{nil, []byte("a"), bytes.Repeat([]byte("abc"), 50), make([]byte, 70_000)} {
		raw, _ := encode(f, data)
		f.Add(raw)
	}
	f.Add([]byte("CRLNBLOB"))
	f.Add(make([]byte, 72))
	f.Fuzz(func(t *testing.T, raw []byte) {
		mem := vfs.NewMem()
		s := open(t, file.Options{Dir: damageDir, FS: mem, Incarnation: 1})
		if err := (medium{mem}).Store("1-1", raw); err != nil {
			t.Fatal(err)
		}
		var size int64
		for info, err := range s.Walk(t.Context()) {
			if size = info.Size; err != nil && !errors.Is(err, blob.ErrCorrupt) {
				t.Fatalf("Walk: got %v, want ErrCorrupt", err)
			}
		}
		got, err := read(t, s, size)
		if err != nil {
			if !errors.Is(err, blob.ErrCorrupt) {
				t.Fatalf("reading: got %v, want ErrCorrupt", err)
			}
			return
		}
		if want, _ := encode(t, got); !bytes.Equal(raw, want) {
			t.Fatalf("%d bytes read without error from a file that no writer makes", len(got))
		}
	})
}

// FuzzDamage changes a good file and wants damage noticed wherever it is read.
func FuzzDamage(f *testing.F) {
	f.Add([]byte("contents"), uint32(0), byte(1), uint32(0))
	f.Add([]byte("contents"), uint32(40), byte(0x80), uint32(0))
	f.Add([]byte{}, uint32(70), byte(0xff), uint32(3))
	f.Add(make([]byte, 140_000), uint32(65_571), byte(1), uint32(0))
	f.Add(make([]byte, 140_000), uint32(0), byte(0), uint32(65_540))
	f.Fuzz(func(t *testing.T, data []byte, at uint32, mask byte, cut uint32) {
		raw, s := encode(t, data)
		damaged := bytes.Clone(raw)
		damaged[int(at)%len(damaged)] ^= mask
		damaged = damaged[:len(damaged)-int(cut)%(len(damaged)+1)]
		if err := s.Store("1-1", damaged); err != nil {
			t.Fatal(err)
		}
		got, err := read(t, s.store, int64(len(data)))
		switch {
		case bytes.Equal(raw, damaged):
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("undamaged: got %d bytes, %v", len(got), err)
			}
		case !errors.Is(err, blob.ErrCorrupt) || !bytes.HasPrefix(data, got):
			t.Fatalf("got %d bytes (right: %t), %v; want ErrCorrupt and no wrong byte",
				len(got), bytes.HasPrefix(data, got), err)
		}
	})
}

type encoded struct {
	medium
	store *file.Store
}

// encode returns the file of reference 1-1 with data.
func encode(t testing.TB, data []byte) ([]byte, encoded) {
	t.Helper()
	mem := vfs.NewMem()
	e := encoded{medium{mem}, open(t, file.Options{Dir: damageDir, FS: mem, Incarnation: 1})}
	raw, err := e.Load(commit(t, e.store, data))
	if err != nil {
		t.Fatal(err)
	}
	return raw, e
}

func read(t testing.TB, s *file.Store, size int64) ([]byte, error) {
	t.Helper()
	r, err := s.Open(t.Context(), "1-1", 0, size)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}
