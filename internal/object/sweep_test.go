package object_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/blob/file"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/object"
)

// incarnated is a store as a later process opens it.
type incarnated struct {
	kv.Store
	incarnation uint64
}

func (i *incarnated) Incarnation() uint64 { return i.incarnation }

// restarting is a site whose processes come and go.
type restarting struct {
	*site
	fs    vfs.FS
	store kv.Store
	n     uint64
}

func newRestarting(t *testing.T) *restarting {
	t.Helper()
	s := newSite(t)
	r := &restarting{site: s, fs: vfs.NewMem(), store: s.store, n: 10}
	r.restart(t)
	r.mustBucket(t, "bucket")
	return r
}

func (r *restarting) restart(t *testing.T) {
	t.Helper()
	r.n++
	r.site.store = &incarnated{r.store, r.n}
	var err error
	r.blobs, err = file.Open(file.Options{Dir: "/blobs", FS: r.fs, Incarnation: r.n})
	if err != nil {
		t.Fatal(err)
	}
	r.reopen(t)
	r.AllowSmallParts()
}

// strayed is a blob that nothing refers to; uncommitted, it was never finished.
func (r *restarting) strayed(t *testing.T, committed bool) {
	t.Helper()
	w, err := r.blobs.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, large('s')); err != nil {
		t.Fatal(err)
	}
	if committed {
		if _, err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *restarting) refs(t *testing.T) map[blob.Ref]bool {
	t.Helper()
	refs := map[blob.Ref]bool{}
	for info, err := range r.blobs.Refs(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		refs[info.Ref] = true
	}
	return refs
}

// fill makes bytes of every kind that something refers to, and returns the keys
// of the objects and an upload under way.
func (r *restarting) fill(t *testing.T) (objects map[string]string, upload object.UploadInput, parts []object.CompletedPart) {
	t.Helper()
	objects = map[string]string{"k": large('k'), "copy": large('k'), "parts": large('1') + large('2')}
	r.put(t, "bucket", "k", large('k'))
	if _, err := r.Copy(t.Context(), copyInput("bucket/k", "bucket/copy")); err != nil {
		t.Fatal(err)
	}
	r.put(t, "bucket", "gone", large('g'))
	if _, err := r.Delete(t.Context(), object.DeleteInput{Bucket: "bucket", Key: "gone"}); err != nil {
		t.Fatal(err)
	}
	done := r.mustCreate(t, "parts")
	one := r.mustPart(t, done, 1, large('1'))
	r.mustPart(t, done, 2, large('x')) // another takes its place
	two := r.mustPart(t, done, 2, large('2'))
	r.mustPart(t, done, 3, large('3')) // left out
	r.complete(t, done, one, two)
	upload = r.mustCreate(t, "open")
	parts = []object.CompletedPart{r.mustPart(t, upload, 1, large('o'))}
	given := r.mustCreate(t, "given up")
	r.mustPart(t, given, 1, large('u'))
	if err := r.AbortUpload(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	return objects, upload, parts
}

// TestSweep: exactly what nothing refers to goes, and each kind of reference
// counts.
func TestSweep(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault object.SweepFault
		spare bool // it must spare what it should
	}{
		"whole":                     {object.SweepWell, true},
		"without users":             {object.IgnoreUsers, false},
		"without parts":             {object.IgnoreParts, false},
		"without garbage":           {object.IgnoreGarbage, false},
		"without those now at work": {object.IgnoreLiving, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRestarting(t)
			objects, upload, parts := r.fill(t)
			wanted := r.refs(t)
			r.strayed(t, true)
			r.strayed(t, false)
			stray := len(r.refs(t)) - len(wanted)
			r.restart(t)
			r.strayed(t, true) // about to be committed by this process
			r.strayed(t, false)
			for ref := range r.refs(t) {
				if strings.HasPrefix(string(ref), "c-") { // of this incarnation, 12
					wanted[ref] = true
				}
			}
			swept, err := r.SweepBadly(t.Context(), tt.fault)
			if err != nil {
				t.Fatal(err)
			}
			diff := cmp.Diff(wanted, r.refs(t))
			if spared := diff == ""; spared != tt.spare {
				t.Fatalf("spared what it should: %v; %s", spared, diff)
			}
			if !tt.spare {
				return
			}
			if size := int64(stray * len(large('s'))); swept.Contents != stray || stray != 2 || swept.Bytes < size/2 || swept.Bytes > size+size/10 {
				t.Errorf("swept %+v, want %d of some %d bytes", swept, stray, size)
			}
			if again, err := r.Sweep(t.Context()); err != nil || again.Contents != 0 {
				t.Errorf("a second sweep removed %+v, %v", again, err)
			}
			info, err := r.CompleteUpload(t.Context(), object.CompleteInput{UploadInput: upload, Parts: parts})
			if err != nil {
				t.Errorf("the upload under way: %v", err)
			}
			objects[info.Key] = large('o')
			for key, body := range objects {
				if got, err := r.get(t.Context(), "bucket", key); err != nil || got != body {
					t.Errorf("%s holds %d bytes, %v", key, len(got), err)
				}
			}
			r.CollectAtOnce()
			r.ForgetAtOnce()
			r.collect(t)
			r.restart(t)
			if _, err := r.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			used, err := r.Referenced(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(used, r.refs(t)); diff != "" {
				t.Errorf("what is left is not what objects are made of: %s", diff)
			}
		})
	}
}

// TestSweepSparesReaders: who has found an object before it was overwritten can
// still open its bytes.
func TestSweepSparesReaders(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault object.SweepFault
		opens bool
	}{"whole": {object.SweepWell, true}, "without garbage": {object.IgnoreGarbage, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRestarting(t)
			r.put(t, "bucket", "k", large('1'))
			r.restart(t)
			found, err := r.Get(t.Context(), object.GetInput{Bucket: "bucket", Key: "k"})
			if err != nil {
				t.Fatal(err)
			}
			r.put(t, "bucket", "k", large('2'))
			if _, err := r.SweepBadly(t.Context(), tt.fault); err != nil {
				t.Fatal(err)
			}
			body, err := found.Open(t.Context(), 0, found.Size)
			if opens := err == nil; opens != tt.opens {
				t.Fatalf("the reader opened its object: %v, %v", opens, err)
			}
			if err == nil {
				defer body.Close()
				if got, err := io.ReadAll(body); err != nil || string(got) != large('1') {
					t.Errorf("the reader got %d bytes, %v", len(got), err)
				}
			}
		})
	}
}

// TestSweepRefusesOlderMetadata: metadata that was put back from a copy does not
// know what was stored since.
func TestSweepRefusesOlderMetadata(t *testing.T) {
	t.Parallel()
	r := newRestarting(t)
	r.strayed(t, true)
	r.restart(t)
	r.restart(t)
	r.strayed(t, true)
	before := r.refs(t)
	r.n -= 2
	r.restart(t)
	swept, err := r.Sweep(t.Context())
	if !errors.Is(err, object.ErrForeignBytes) || swept.Contents != 0 {
		t.Errorf("swept %+v, %v", swept, err)
	}
	if diff := cmp.Diff(before, r.refs(t)); diff != "" {
		t.Error(diff)
	}
}

// TestSweepEndsWithItsContext and says so.
func TestSweepEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newRestarting(t)
	r.strayed(t, true)
	r.restart(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if swept, err := r.Sweep(ctx); !errors.Is(err, context.Canceled) || swept.Contents != 0 {
		t.Errorf("swept %+v, %v", swept, err)
	}
}

// brokenBlobs cannot delete.
type brokenBlobs struct{ blob.Store }

var errBroken = errors.New("broken")

func (brokenBlobs) Delete(context.Context, blob.Ref) error { return errBroken }

// TestSweepTellsFailure: what could not be removed is not counted.
func TestSweepTellsFailure(t *testing.T) {
	t.Parallel()
	r := newRestarting(t)
	r.strayed(t, true)
	r.restart(t)
	r.blobs = brokenBlobs{r.blobs}
	r.reopen(t)
	if swept, err := r.Sweep(t.Context()); !errors.Is(err, errBroken) || swept != (object.Swept{}) {
		t.Errorf("swept %+v, %v", swept, err)
	}
	r.restart(t)
	if swept, err := r.Sweep(t.Context()); err != nil || swept.Contents != 1 {
		t.Errorf("the next start swept %+v, %v", swept, err)
	}
}
