package file_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/blob/blobtest"
	"github.com/carillon-s3/carillon/internal/blob/file"
)

const damageDir = "/blobs"

// medium reaches the files of a store in damageDir.
type medium struct{ fs vfs.FS }

// path finds a reference's file as the package comment says: by the low byte of
// the counter.
func (m medium) path(ref blob.Ref) string {
	_, counter, _ := bytes.Cut([]byte(ref), []byte("-"))
	counter = append([]byte("0"), counter...)
	return m.fs.PathJoin(damageDir, string(counter[len(counter)-2:]), string(ref))
}

func (m medium) Load(ref blob.Ref) ([]byte, error) {
	f, err := m.fs.Open(m.path(ref))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(f)
	return raw, errors.Join(err, f.Close())
}

func (m medium) Store(ref blob.Ref, raw []byte) error {
	f, err := m.fs.Create(m.path(ref), "test")
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Clone(raw)) // vfs may change what it is given
	return errors.Join(err, f.Close())
}

func TestDamage(t *testing.T) {
	t.Parallel()
	blobtest.RunDamage(t, func(t *testing.T) (blob.Store, blobtest.Medium) {
		mem := vfs.NewMem()
		return open(t, file.Options{Dir: damageDir, FS: mem, Incarnation: 7}), medium{mem}
	})
}

// TestWalkShowsDamage wants damaged and unfinished files named, and the walk to
// go on after them.
func TestWalkShowsDamage(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	s := open(t, file.Options{Dir: damageDir, FS: mem, Incarnation: 7})
	var refs []blob.Ref
	for range 5 {
		refs = append(refs, commit(t, s, []byte("good")))
	}
	m := medium{mem}
	if err := m.Store(refs[2], []byte("no file of ours")); err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := m.Store("not-a-reference", nil); err != nil { // into folder ce
		t.Fatal(err)
	}
	if err := mem.MkdirAll(damageDir+"/00/lost+found", 0o700); err != nil {
		t.Fatal(err)
	}
	want := map[blob.Ref]bool{refs[0]: true, refs[1]: true, refs[2]: false, refs[3]: true, refs[4]: true, "7-6": false}
	for info, err := range s.Walk(t.Context()) {
		good, ok := want[info.Ref]
		if !ok || good != (err == nil) || !good && !errors.Is(err, blob.ErrCorrupt) || info.Incarnation != 7 {
			t.Errorf("Walk: got %+v, %v; want it among %v", info, err, want)
		}
		delete(want, info.Ref)
	}
	for ref := range want {
		t.Errorf("Walk: %s was not yielded", ref)
	}
	var all []blob.Ref
	for info, err := range s.Refs(t.Context()) {
		if err != nil || info.Incarnation != 7 {
			t.Errorf("Refs: got %+v, %v", info, err)
		}
		all = append(all, info.Ref)
	}
	// By folder: the counter's low byte.
	if got := append(refs, "7-6"); !slices.Equal(all, got) {
		t.Errorf("Refs: got %v, want %v", all, got)
	}
	if n, err := s.Stored(t.Context(), refs[2]); err != nil || n != int64(len("no file of ours")) {
		t.Errorf("Stored of a damaged one: got %d, %v", n, err)
	}
}

func commit(t testing.TB, s *file.Store, data []byte) blob.Ref {
	t.Helper()
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	ref, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return ref
}
