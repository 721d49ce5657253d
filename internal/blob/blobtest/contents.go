package blobtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"github.com/carillon-s3/carillon/internal/blob"
)

func testRoundTrip(t *testing.T, s blob.Store) {
	sizes := []int{
		0, 1, 1000, unit - 1, unit, unit + 1, 2*unit - 1, 2 * unit, 3*unit + 5,
		4*unit - 1, 4 * unit, 4*unit + 1, 5 * unit, 8 * unit, 9*unit + 7, 1 << 20,
	}
	for i, size := range sizes {
		for _, piece := range []int{unit, 7919, 1 << 30} {
			want := contents(uint64(i), size)
			wantContents(t, s, put(t, s, want, piece), want)
		}
	}
}

// boundaries are the offsets around which an engine may go wrong.
func boundaries(size int64) []int64 {
	list := []int64{0, 1, size / 2, size - 1, size}
	for n := int64(unit); n < size; n += unit {
		list = append(list, n-1, n, n+1)
	}
	return list
}

func testRanges(t *testing.T, s blob.Store) {
	const size = 5*unit + 100 // more than one of the file engine's reads
	want := contents(1, size)
	ref := put(t, s, want, size)
	for _, from := range boundaries(size) {
		for _, to := range boundaries(size) {
			if to < from {
				continue
			}
			got, err := get(t, s, ref, from, to-from)
			if err != nil || !bytes.Equal(got, want[from:to]) {
				t.Fatalf("bytes %d to %d: got %d bytes, %v; want those written", from, to, len(got), err)
			}
		}
	}
	empty := put(t, s, nil, 1)
	if got, err := get(t, s, empty, 0, 0); len(got) != 0 || err != nil {
		t.Errorf("empty contents: got %d bytes, %v", len(got), err)
	}
}

func testBeyondEnd(t *testing.T, s blob.Store) {
	tests := []struct{ size, offset, length int64 }{
		{0, 0, 1},
		{0, 1, 0},
		{10, 0, 11},
		{10, 10, 1},
		{10, 11, 0},
		{unit, unit - 1, 2},
		{unit, 0, unit + 1},
		{10, -1, 5},
		{10, 0, -1},
		{10, 5, math.MaxInt64},
		{10, math.MaxInt64, 5},
		{10, math.MinInt64, math.MinInt64},
	}
	for _, tt := range tests {
		ref := put(t, s, contents(2, int(tt.size)), unit)
		r, err := s.Open(t.Context(), ref, tt.offset, tt.length)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Open(%d, %d) of %d bytes: got %v, want ErrUnexpectedEOF", tt.offset, tt.length, tt.size, err)
		}
		if r != nil {
			t.Errorf("Open(%d, %d) of %d bytes: got a reader with the error", tt.offset, tt.length, tt.size)
		}
	}
}

func testBuffers(t *testing.T, s blob.Store) {
	want := contents(3, 3*unit)
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1000)
	for p := want; len(p) > 0; {
		n := copy(buffer, p)
		if _, err := w.Write(buffer[:n]); err != nil {
			t.Fatal(err)
		}
		clear(buffer) // a store that kept it would now hold zeros
		p = p[n:]
	}
	ref, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	// What a reader put into the caller's buffer must not be the store's own.
	first, err := get(t, s, ref, 0, 3*unit)
	if err != nil {
		t.Fatal(err)
	}
	clear(first)
	wantContents(t, s, ref, want)
}

func testReaders(t *testing.T, s blob.Store) {
	want := contents(4, 2*unit+9)
	ref := put(t, s, want, unit)
	ways := map[string]func(io.Reader) ([]byte, error){
		"a byte at a time": func(r io.Reader) ([]byte, error) {
			return io.ReadAll(iotest.OneByteReader(r))
		},
		"io.Copy": func(r io.Reader) ([]byte, error) {
			var b bytes.Buffer
			_, err := io.Copy(&b, r)
			return b.Bytes(), err
		},
		"some bytes, then io.Copy": func(r io.Reader) ([]byte, error) {
			head := make([]byte, unit+3)
			if _, err := io.ReadFull(r, head); err != nil {
				return nil, err
			}
			b := bytes.NewBuffer(head)
			n, err := io.Copy(b, r)
			if int(n) != len(want)-len(head) {
				err = errors.Join(err, fmt.Errorf("io.Copy says %d bytes", n))
			}
			return b.Bytes(), err
		},
		"a buffer larger than all": func(r io.Reader) ([]byte, error) {
			b := make([]byte, 2*len(want))
			n, err := io.ReadFull(r, b)
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = nil
			}
			return b[:n], err
		},
	}
	for name, read := range ways {
		r, err := s.Open(t.Context(), ref, 0, int64(len(want)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := read(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes, %v; want those written", name, len(got), err)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%s: reading on at the end: got %d, %v; want EOF", name, n, err)
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Errorf("%s: Close: %v", name, err)
			}
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
			t.Errorf("%s: reading after Close: got %d, %v; want an error", name, n, err)
		}
	}
}
