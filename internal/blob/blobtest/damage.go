package blobtest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/carillon-s3/carillon/internal/blob"
)

// Medium is where an engine's bytes lie, open to damage. It deals in what the
// engine has stored for a reference, checksums and all.
type Medium interface {
	Load(ref blob.Ref) ([]byte, error)
	Store(ref blob.Ref, raw []byte) error
}

// RunDamage checks that damaged contents are never returned as good ones. open
// returns an empty store and the medium it keeps its bytes on.
func RunDamage(t *testing.T, open func(t *testing.T) (blob.Store, Medium)) {
	tests := []struct {
		name string
		run  func(*testing.T, *damaged)
	}{
		{"any byte flipped", testFlip},
		{"truncated anywhere", testTruncate},
		{"bytes appended", testAppend},
		{"a page of zeros", testZeroPage},
		{"blocks in each other's place", testSwap},
		{"another reference's bytes", testMisplaced},
	}
	for _, size := range []int{0, 1, 500, unit, 5*unit + 500} {
		t.Run(fmt.Sprintf("%d bytes", size), func(t *testing.T) {
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					s, m := open(t)
					tt.run(t, newDamaged(t, s, m, size))
				})
			}
		})
	}
}

// damaged is one reference under trial.
type damaged struct {
	store  blob.Store
	medium Medium
	ref    blob.Ref
	want   []byte
	raw    []byte
}

func newDamaged(t *testing.T, s blob.Store, m Medium, size int) *damaged {
	t.Helper()
	d := &damaged{store: s, medium: m, want: contents(1, size)}
	d.ref = put(t, s, d.want, unit)
	raw, err := m.Load(d.ref)
	if err != nil {
		t.Fatal(err)
	}
	d.raw = raw
	return d
}

// try stores raw and reads the whole and ranges: the whole must give ErrCorrupt,
// a range may be right where it does not touch the damage, and nothing may give
// a wrong byte.
func (d *damaged) try(t *testing.T, raw []byte, what string, args ...any) {
	t.Helper()
	if err := d.medium.Store(d.ref, raw); err != nil {
		t.Fatal(err)
	}
	what = fmt.Sprintf(what, args...)
	size := int64(len(d.want))
	got, err := get(t, d.store, d.ref, 0, size)
	if !errors.Is(err, blob.ErrCorrupt) || !bytes.HasPrefix(d.want, got) {
		t.Fatalf("%s: got %d bytes (right: %t), %v; want ErrCorrupt and no wrong byte",
			what, len(got), bytes.HasPrefix(d.want, got), err)
	}
	for _, from := range []int64{0, size / 3, 2 * size / 3} {
		want := d.want[from : from+size/3]
		got, err := get(t, d.store, d.ref, from, size/3)
		if err == nil && bytes.Equal(got, want) {
			continue
		}
		if !errors.Is(err, blob.ErrCorrupt) || !bytes.HasPrefix(want, got) {
			t.Fatalf("%s: range at %d: got %d bytes (right: %t), %v; want ErrCorrupt and no wrong byte",
				what, from, len(got), bytes.HasPrefix(want, got), err)
		}
	}
}

// positions are all offsets of something small, and of something large those at
// its ends with a sample of what is near multiples of unit and of the rest.
func positions(n int) []int {
	var list []int
	for i := range n {
		near := i%unit < 100 || i%unit > unit-100
		if n < 1000 || i < 80 || i > n-80 || i%20_011 == 0 || near && i%19 == 0 {
			list = append(list, i)
		}
	}
	return list
}

func testFlip(t *testing.T, d *damaged) {
	masks := []byte{0x01, 0x80, 0xff, 0x10}
	for n, i := range positions(len(d.raw)) {
		raw := slices.Clone(d.raw)
		mask := masks[n%len(masks)]
		raw[i] ^= mask
		d.try(t, raw, "byte %d of %d flipped by %#x", i, len(raw), mask)
	}
}

func testTruncate(t *testing.T, d *damaged) {
	for _, n := range positions(len(d.raw)) {
		d.try(t, d.raw[:n], "cut to %d of %d", n, len(d.raw))
	}
}

func testAppend(t *testing.T, d *damaged) {
	for _, n := range []int{1, 4, 36, 4096, unit} {
		d.try(t, append(slices.Clone(d.raw), make([]byte, n)...), "%d zeros appended", n)
		d.try(t, append(slices.Clone(d.raw), d.raw[len(d.raw)-min(n, len(d.raw)):]...), "its last %d bytes again", n)
	}
}

func testZeroPage(t *testing.T, d *damaged) {
	const page = 4096
	for at := 0; at < len(d.raw); at += page * max(1, len(d.raw)/page/20) {
		raw := slices.Clone(d.raw)
		clear(raw[at:min(at+page, len(raw))])
		d.try(t, raw, "page at %d zeroed", at)
	}
}

func testSwap(t *testing.T, d *damaged) {
	// The distance of two whole blocks in what is stored, found by looking for
	// them, so that the suite knows nothing of the engine's format.
	var at []int
	for n := 0; n+unit <= len(d.want); n += unit {
		i := bytes.Index(d.raw, d.want[n:n+unit])
		if i < 0 {
			t.Log("contents are not stored as they are: nothing to swap")
			return
		}
		at = append(at, i)
	}
	for k := 1; k < len(at); k++ {
		raw := slices.Clone(d.raw)
		distance := at[k] - at[k-1]
		first, second := raw[at[k-1]:at[k]], raw[at[k]:min(at[k]+distance, len(raw))]
		if len(first) != len(second) {
			continue
		}
		saved := slices.Clone(first)
		copy(first, second)
		copy(second, saved)
		d.try(t, raw, "blocks %d and %d swapped", k-1, k)
	}
}

func testMisplaced(t *testing.T, d *damaged) {
	other := put(t, d.store, contents(2, len(d.want)), unit)
	raw, err := d.medium.Load(other)
	if err != nil {
		t.Fatal(err)
	}
	d.try(t, raw, "the bytes of %s", other)
	// One whole block of another reference, with its own good checksum.
	if len(d.want) >= unit {
		mixed := slices.Clone(d.raw)
		copy(mixed[:len(mixed)/2], raw)
		d.try(t, mixed, "half of %s", other)
	}
}
