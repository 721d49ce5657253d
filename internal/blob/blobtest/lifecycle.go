package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/blob"
)

func testUnknown(t *testing.T, s blob.Store) {
	known := put(t, s, contents(1, 10), 10)
	refs := []blob.Ref{
		"", "-", "0-0", "1-2-3", ".", "..", "../format", "/etc/passwd", "a/b", "a\x00b",
		blob.Ref(strings.Repeat("f", 16) + "-" + strings.Repeat("f", 16)),
		blob.Ref(strings.Repeat("9", 64)), known + "0", "0" + known, " " + known, "+" + known,
		blob.Ref(strings.ToUpper(string("abc" + known))),
	}
	for _, ref := range refs {
		if _, err := s.Open(t.Context(), ref, 0, 0); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open(%q): got %v, want ErrNotFound", ref, err)
		}
		if err := s.Delete(t.Context(), ref); err != nil {
			t.Errorf("Delete(%q): got %v, want nil", ref, err)
		}
	}
	wantContents(t, s, known, contents(1, 10))
}

func testReferences(t *testing.T, s blob.Store) {
	seen := map[blob.Ref]bool{}
	for i := range 300 { // more than the file engine has folders
		w, err := s.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 { // an aborted writer's reference is not given out again
			if err := w.Abort(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		ref, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		if seen[ref] {
			t.Fatalf("reference %s given twice", ref)
		}
		seen[ref] = true
		if len(ref) == 0 || len(ref) > 64 || strings.ContainsFunc(string(ref), func(r rune) bool { return r < '!' || r > '~' }) {
			t.Errorf("reference %q: want 1 to 64 printable ASCII characters", ref)
		}
		if err := s.Delete(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
}

func testCommitAbort(t *testing.T, s blob.Store) {
	create := func() blob.Writer {
		w, err := s.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(contents(1, 5*unit)); err != nil {
			t.Fatal(err)
		}
		return w
	}
	committed := create()
	ref, err := committed.Commit()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := committed.Abort(); err != nil {
			t.Errorf("Abort after Commit: %v", err)
		}
	}
	if _, err := committed.Commit(); err == nil {
		t.Error("second Commit: want an error")
	}
	if _, err := committed.Write([]byte("more")); err == nil {
		t.Error("Write after Commit: want an error")
	}
	wantContents(t, s, ref, contents(1, 5*unit))

	aborted := create()
	for range 2 {
		if err := aborted.Abort(); err != nil {
			t.Errorf("Abort: %v", err)
		}
	}
	if _, err := aborted.Write([]byte("more")); err == nil {
		t.Error("Write after Abort: want an error")
	}
	if _, err := aborted.Commit(); err == nil {
		t.Error("Commit after Abort: want an error")
	}
	wantWalk(t, s, map[blob.Ref]int64{ref: 5 * unit})
}

func testDelete(t *testing.T, s blob.Store) {
	gone := put(t, s, contents(1, 100), 100)
	kept := put(t, s, contents(2, 100), 100)
	for range 2 { // the second finds nothing, which is no error
		if err := s.Delete(t.Context(), gone); err != nil {
			t.Fatalf("Delete: %v", err)
		}
	}
	if _, err := s.Open(t.Context(), gone, 0, 100); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open after Delete: got %v, want ErrNotFound", err)
	}
	wantContents(t, s, kept, contents(2, 100))
}

func testDeleteWhileReading(t *testing.T, s blob.Store) {
	want := contents(1, 1<<20)
	ref := put(t, s, want, unit)
	r, err := s.Open(t.Context(), ref, 0, int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	head := make([]byte, 10)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	put(t, s, contents(2, 1<<20), unit) // may take the space that was freed
	tail, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(append(head, tail...), want) {
		t.Errorf("the open reader: got %d bytes, %v; want those written", len(head)+len(tail), err)
	}
}

func testContexts(t *testing.T, s blob.Store) {
	want := contents(1, 1<<20)
	ref := put(t, s, want, unit)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Open(ctx, ref, 0, int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) || n == int64(len(want)) {
		t.Errorf("reading on: got all %d bytes, %v; want context.Canceled", n, err)
	}
	if _, err := s.Create(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Create: got %v, want context.Canceled", err)
	}
	if _, err := s.Open(ctx, ref, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: got %v, want context.Canceled", err)
	}
	if err := s.Delete(ctx, ref); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete: got %v, want context.Canceled", err)
	}
	walked := 0
	for _, err := range s.Walk(ctx) {
		walked++
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Walk: got %v, want context.Canceled", err)
		}
	}
	for _, err := range s.Refs(ctx) {
		walked++
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Refs: got %v, want context.Canceled", err)
		}
	}
	if walked != 2 {
		t.Errorf("Walk and Refs: got %d steps, want the errors alone", walked)
	}
	wantContents(t, s, ref, want)
}

// wantWalk fails unless Walk yields exactly these references and sizes.
func wantWalk(t *testing.T, s blob.Store, want map[blob.Ref]int64) {
	t.Helper()
	left := map[blob.Ref]int64{}
	for ref, size := range want {
		left[ref] = size
	}
	for info, err := range s.Walk(t.Context()) {
		size, ok := left[info.Ref]
		if err != nil || !ok || info.Size != size {
			t.Errorf("Walk: got %+v, %v; want size %d, expected %t", info, err, size, ok)
		}
		delete(left, info.Ref)
	}
	for ref := range left {
		t.Errorf("Walk: %s was not yielded", ref)
	}
}

func testWalk(t *testing.T, s blob.Store) {
	wantWalk(t, s, nil)
	want := map[blob.Ref]int64{}
	for i := range 40 {
		size := i * 5000
		want[put(t, s, contents(uint64(i), size), unit)] = int64(size)
	}
	wantWalk(t, s, want)
	steps := 0
	var incarnation uint64
	for info, err := range s.Walk(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if steps++; steps == 3 {
			incarnation = info.Incarnation
			break
		}
	}
	for info, err := range s.Walk(t.Context()) {
		if err != nil || info.Incarnation != incarnation {
			t.Errorf("Walk: got %+v, %v; want incarnation %d as in others", info, err, incarnation)
		}
	}
}

func testRefs(t *testing.T, s blob.Store) {
	want := map[blob.Ref]int64{}
	for i := range 300 {
		want[put(t, s, contents(uint64(i), 100*i), unit)] = int64(100 * i)
	}
	gone := put(t, s, contents(1, 100), 100)
	if err := s.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	for info, err := range s.Refs(t.Context()) {
		size, ok := want[info.Ref]
		if err != nil || !ok || info.Size != 0 || info.Incarnation == 0 {
			t.Fatalf("Refs: got %+v, %v; expected %t", info, err, ok)
		}
		delete(want, info.Ref)
		if stored, err := s.Stored(t.Context(), info.Ref); err != nil || stored < size {
			t.Errorf("Stored(%s): got %d, %v; want at least the %d written", info.Ref, stored, err, size)
		}
		if err := s.Delete(t.Context(), info.Ref); err != nil { // as whoever looks for leftovers does
			t.Fatal(err)
		}
	}
	if len(want) > 0 {
		t.Errorf("Refs: %d references were not yielded", len(want))
	}
	for _, ref := range []blob.Ref{gone, "../format", ""} {
		if stored, err := s.Stored(t.Context(), ref); err != nil || stored != 0 {
			t.Errorf("Stored(%q) of nothing: got %d, %v", ref, stored, err)
		}
	}
}

func testClosed(t *testing.T, s blob.Store) {
	ref := put(t, s, contents(1, 10), 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context()); !errors.Is(err, blob.ErrClosed) {
		t.Errorf("Create: got %v, want ErrClosed", err)
	}
	if _, err := s.Open(t.Context(), ref, 0, 10); !errors.Is(err, blob.ErrClosed) {
		t.Errorf("Open: got %v, want ErrClosed", err)
	}
	if err := s.Delete(t.Context(), ref); !errors.Is(err, blob.ErrClosed) {
		t.Errorf("Delete: got %v, want ErrClosed", err)
	}
	for _, err := range s.Refs(t.Context()) {
		if !errors.Is(err, blob.ErrClosed) {
			t.Errorf("Refs: got %v, want ErrClosed", err)
		}
	}
	if _, err := s.Stored(t.Context(), ref); !errors.Is(err, blob.ErrClosed) {
		t.Errorf("Stored: got %v, want ErrClosed", err)
	}
}
