package file_test

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/blob/file"
)

// failing makes one kind of operation on the paths that hold a string fail, and
// counts how often it was asked for.
type failing struct {
	kind  errorfs.OpKind
	path  string
	err   error
	asked int
}

func (f *failing) String() string { return "failing" }

func (f *failing) MaybeError(op errorfs.Op) error {
	if f.err == nil || op.Kind != f.kind || !strings.Contains(op.Path, f.path) {
		return nil
	}
	f.asked++
	return f.err
}

func TestFailingDisk(t *testing.T) {
	t.Parallel()
	const committed = damageDir + "/01/7-1"
	tests := []struct {
		name string
		fail failing
		size int
		// unsure: Commit says so, and the file stays. Otherwise the file is gone
		// after Abort.
		unsure bool
	}{
		{"file sync", failing{kind: errorfs.OpFileSync, path: committed, err: syscall.EIO}, 10, true},
		{"folder sync", failing{kind: errorfs.OpFileSync, path: damageDir + "/01", err: syscall.EIO}, 10, true},
		{"open of the folder", failing{kind: errorfs.OpOpenDir, path: damageDir + "/01", err: syscall.EMFILE}, 10, false},
		{"disk full at the end", failing{kind: errorfs.OpFileWrite, path: committed, err: syscall.ENOSPC}, 10, false},
		{"disk full on the way", failing{kind: errorfs.OpFileWrite, path: committed, err: syscall.ENOSPC}, 1 << 20, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mem := vfs.NewMem()
			open(t, file.Options{Dir: damageDir, FS: mem, Incarnation: 6})
			s := open(t, file.Options{Dir: damageDir, FS: errorfs.Wrap(mem, &tt.fail), Incarnation: 7})
			err := tryCommit(t, s, tt.size)
			if !errors.Is(err, tt.fail.err) || errors.Is(err, blob.ErrUnsure) != tt.unsure {
				t.Errorf("got %v, want %v, unsure: %t", err, tt.fail.err, tt.unsure)
			}
			if full := errors.Is(tt.fail.err, syscall.ENOSPC); errors.Is(err, blob.ErrNoSpace) != full {
				t.Errorf("got %v, a full disk: %t", err, full)
			}
			if tt.fail.asked != 1 {
				t.Errorf("the operation was tried %d times, want once", tt.fail.asked)
			}
			if _, err := mem.Stat(committed); (err == nil) != tt.unsure {
				t.Errorf("the file afterwards: %v; want it there: %t", err, tt.unsure)
			}
			tt.fail.err = nil
			if ref := commit(t, s, []byte("next")); ref == "7-1" {
				t.Errorf("reference %s used again", ref)
			}
		})
	}
}

// tryCommit writes size bytes, commits twice and aborts; it returns the error.
func tryCommit(t *testing.T, s *file.Store, size int) error {
	t.Helper()
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, wrote := w.Write(make([]byte, size))
	_, err = w.Commit()
	if wrote != nil && !errors.Is(err, wrote) {
		t.Errorf("Commit after a failed Write: got %v, want %v", err, wrote)
	}
	if _, again := w.Commit(); again == nil {
		t.Error("second Commit: want an error")
	}
	if aborted := w.Abort(); aborted != nil {
		t.Errorf("Abort: %v", aborted)
	}
	return err
}

func TestReadErrorIsNoDamage(t *testing.T) {
	t.Parallel()
	fail := &failing{kind: errorfs.OpFileReadAt, path: damageDir + "/01/7-1"}
	s := open(t, file.Options{Dir: damageDir, FS: errorfs.Wrap(vfs.NewMem(), fail), Incarnation: 7})
	ref := commit(t, s, make([]byte, 1<<20))
	r, err := s.Open(t.Context(), ref, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fail.err = syscall.EIO
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, syscall.EIO) || errors.Is(err, blob.ErrCorrupt) {
		t.Errorf("reading: got %v, want EIO", err)
	}
	fail.err = nil
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, syscall.EIO) {
		t.Errorf("reading on: got %v, want the first error to stay", err)
	}
	fail.err = syscall.EIO
	if _, err := s.Open(t.Context(), ref, 0, 1); !errors.Is(err, syscall.EIO) || errors.Is(err, blob.ErrCorrupt) {
		t.Errorf("Open: got %v, want EIO", err)
	}
}

// TestIncarnationUsedTwice opens a store under an incarnation that has already
// written: what it wrote must survive.
func TestIncarnationUsedTwice(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	first := open(t, file.Options{Dir: damageDir, FS: mem, Incarnation: 1})
	commit(t, first, []byte("kept"))
	second := open(t, file.Options{Dir: damageDir, FS: mem, Incarnation: 1})
	if _, err := second.Create(t.Context()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create: got %v, want ErrExist", err)
	}
	if got, err := read(t, second, 4); string(got) != "kept" || err != nil {
		t.Errorf("reading: got %q, %v; want what was kept", got, err)
	}
}

func TestOpenRefusesOtherFormats(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	open(t, file.Options{Dir: damageDir, FS: mem, Incarnation: 1})
	f, err := mem.Create(damageDir+"/format", "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("carillon blob/file 2\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Open(file.Options{Dir: damageDir, FS: mem, Incarnation: 2}); err == nil {
		t.Error("Open: want an error")
	}
}

func TestOpenReportsFailingDisk(t *testing.T) {
	t.Parallel()
	for _, kind := range []errorfs.OpKind{
		errorfs.OpMkdirAll, errorfs.OpOpenDir, errorfs.OpFileSync, errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpRename,
	} {
		fail := &failing{kind: kind, err: syscall.EIO}
		mem := vfs.NewMem()
		if _, err := file.Open(file.Options{Dir: damageDir, FS: errorfs.Wrap(mem, fail), Incarnation: 1}); !errors.Is(err, syscall.EIO) {
			t.Errorf("Open with failing operation %d: got %v, want EIO", kind, err)
		}
		// Nothing half made stands in the way of the next opening.
		commit(t, open(t, file.Options{Dir: damageDir, FS: mem, Incarnation: 2}), []byte("x"))
	}
}
