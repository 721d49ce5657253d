package pebble_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
)

// formatted returns a file system with a store that was used and closed.
func formatted(t *testing.T) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	s, err := pebble.Open(small(fs, "store"))
	if err != nil {
		t.Fatal(err)
	}
	var b kv.Batch
	b.Set([]byte("k"), []byte("v"))
	if _, err := s.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return fs
}

func overwrite(t *testing.T, fs vfs.FS, name, text string) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, fs vfs.FS, name string) string {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		harm func(t *testing.T, fs *vfs.MemFS)
		want error
		text string // what the user is told
	}{
		{"a damaged format record", func(t *testing.T, fs *vfs.MemFS) {
			text := readAll(t, fs, "store/FORMAT")
			overwrite(t, fs, "store/FORMAT", strings.Replace(text, `"ready":true`, `"ready":fals`, 1))
		}, pebble.ErrDamaged, "restore the file FORMAT"},
		{"an empty format record", func(t *testing.T, fs *vfs.MemFS) {
			overwrite(t, fs, "store/FORMAT", "")
		}, pebble.ErrDamaged, "restore the file FORMAT"},
		{"a newer format", func(t *testing.T, fs *vfs.MemFS) {
			overwrite(t, fs, "store/FORMAT", pebble.NewerFormatRecord())
		}, pebble.ErrNewerFormat, "start a newer Carillon"},
		{"a lost format record", func(t *testing.T, fs *vfs.MemFS) {
			if err := fs.Remove("store/FORMAT"); err != nil {
				t.Fatal(err)
			}
		}, pebble.ErrNotAStore, "choose an empty folder"},
		{"lost files", func(t *testing.T, fs *vfs.MemFS) {
			if err := fs.RemoveAll("store/db"); err != nil {
				t.Fatal(err)
			}
		}, pebble.ErrNotAStore, "restore it from a backup"},
		{"something else", func(t *testing.T, fs *vfs.MemFS) {
			if err := errors.Join(fs.RemoveAll("store"), fs.MkdirAll("store/photos", 0o700)); err != nil {
				t.Fatal(err)
			}
		}, pebble.ErrNotAStore, `it holds "photos"`},
		{"a folder in use", func(t *testing.T, fs *vfs.MemFS) {
			s, err := pebble.Open(small(fs, "store"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}, pebble.ErrInUse, "stop the process"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fs := formatted(t)
			c.harm(t, fs)
			before := fs.String()
			s, err := pebble.Open(small(fs, "store"))
			if err == nil {
				t.Fatal(errors.Join(errors.New("it was opened"), s.Close()))
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "store") {
				t.Errorf("got %v", err)
			}
			if c.name != "a folder in use" && strings.Contains(c.name, "format") && fs.String() != before {
				t.Errorf("the folder was changed:\n%s\nwas\n%s", fs, before)
			}
		})
	}
}

func TestOpenInTheSameProcess(t *testing.T) {
	t.Parallel()
	o := small(nil, t.TempDir())
	s, err := pebble.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pebble.Open(o); !errors.Is(err, pebble.ErrInUse) {
		t.Errorf("a second opening: %v; want ErrInUse", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = pebble.Open(o); err != nil {
		t.Fatalf("after the closing: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDefaultReserve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ total, want uint64 }{
		{1 << 30, 256 << 20}, {20 << 30, 1 << 30}, {1 << 40, 10 << 30},
	} {
		if got := pebble.DefaultReserve(c.total); got != c.want {
			t.Errorf("of %d: %d, want %d", c.total, got, c.want)
		}
	}
}
