package sse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// sizes are plain sizes about the borders of packages.
var sizes = []int{0, 1, 15, 16, packageBytes - 1, packageBytes, packageBytes + 1, 2*packageBytes - 1, 2 * packageBytes, 3*packageBytes + 7}

func noise(seed uint64, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	return b
}

// counted opens ranges of stored bytes and counts what is asked for.
type counted struct {
	stored []byte
	asked  int64
}

func (c *counted) open(offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < 0 || offset+length > int64(len(c.stored)) {
		return nil, fmt.Errorf("%d bytes at %d of %d: %w", length, offset, len(c.stored), io.ErrUnexpectedEOF)
	}
	c.asked += length
	return io.NopCloser(bytes.NewReader(c.stored[offset : offset+length])), nil
}

func encrypt(t testing.TB, key StreamKey, plain []byte) []byte {
	t.Helper()
	stored, err := key.Encrypt(plain)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// read reads a range, by Read and by WriteTo, in pieces of odd sizes.
func read(key StreamKey, stored []byte, size, offset, length int64) ([]byte, error) {
	c := &counted{stored: stored}
	r, err := key.Open(c.open, size, offset, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out bytes.Buffer
	if _, err := io.CopyN(&out, struct{ io.Reader }{r}, length/3); err != nil {
		return out.Bytes(), err
	}
	_, err = io.Copy(&out, r)
	return out.Bytes(), err
}

func TestStoredSize(t *testing.T) {
	t.Parallel()
	for _, size := range sizes {
		stored := encrypt(t, NewObjectKey().Stream(), make([]byte, size))
		if int64(len(stored)) != StoredSize(int64(size)) {
			t.Errorf("%d bytes are stored as %d, want %d", size, len(stored), StoredSize(int64(size)))
		}
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	key := NewObjectKey().Stream()
	for _, size := range sizes {
		plain := noise(1, size)
		stored := encrypt(t, key, plain)
		for _, from := range append([]int{3, size / 2, size}, sizes...) {
			for _, to := range append([]int{size - 1, size}, sizes...) {
				if from > to || to > size || from < 0 {
					continue
				}
				got, err := read(key, stored, int64(size), int64(from), int64(to-from))
				if err != nil || !bytes.Equal(got, plain[from:to]) {
					t.Fatalf("bytes %d to %d of %d: %d bytes, %v", from, to, size, len(got), err)
				}
			}
		}
	}
}

// TestReadsOnlyNeeded: of a long stream, a short range costs its own packages.
func TestReadsOnlyNeeded(t *testing.T) {
	t.Parallel()
	key := NewObjectKey().Stream()
	const size = 10 * packageBytes
	c := &counted{stored: encrypt(t, key, make([]byte, size))}
	for _, test := range []struct{ offset, length, packages int64 }{
		{0, 1, 1}, {packageBytes - 1, 1, 1}, {packageBytes - 1, 2, 2}, {packageBytes, packageBytes, 1}, {size - 1, 1, 1}, {0, size, 10}, {5, 0, 0},
	} {
		c.asked = 0
		r, err := key.Open(c.open, size, test.offset, test.length)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != test.length {
			t.Errorf("%+v: %d bytes, %v", test, n, err)
		}
		if want := test.packages * (packageBytes + overhead); c.asked != want {
			t.Errorf("%+v reads %d bytes, want %d", test, c.asked, want)
		}
	}
}

func TestBeyondTheEnd(t *testing.T) {
	t.Parallel()
	key := NewObjectKey().Stream()
	stored := encrypt(t, key, make([]byte, 100))
	for _, r := range [][2]int64{{0, 101}, {100, 1}, {-1, 1}, {0, -1}} {
		if _, err := read(key, stored, 100, r[0], r[1]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("range %v: %v", r, err)
		}
	}
}

// TestTampering: whatever is done to stored bytes gives an error, and the bytes
// before it are the right ones.
func TestTampering(t *testing.T) {
	t.Parallel()
	key, other := NewObjectKey(), NewObjectKey()
	const whole = packageBytes + overhead
	plain := noise(2, 3*packageBytes+100)
	stored := encrypt(t, key.Stream(), plain)
	again := encrypt(t, key.Stream(), plain) // the same key, another nonce
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	p := [][]byte{stored[:whole], stored[whole : 2*whole], stored[2*whole : 3*whole], stored[3*whole:]}
	flipped := func(at int) []byte {
		b := bytes.Clone(stored)
		b[at] ^= 0x40
		return b
	}
	for name, bad := range map[string][]byte{
		"flipped in a header":   flipped(2),
		"flipped in a nonce":    flipped(6),
		"flipped at the start":  flipped(20),
		"flipped at the end":    flipped(len(stored) - 1),
		"flipped in the middle": flipped(2*whole + 1000),
		"packages swapped":      join(p[1], p[0], p[2], p[3]),
		"a package repeated":    join(p[0], p[1], p[1], p[3]),
		"a package left out":    join(p[0], p[2], p[3]),
		"cut at a package":      join(p[0], p[1], p[2]),
		"cut in a package":      stored[:len(stored)-1],
		"of another encryption": join(p[0], again[whole:2*whole], p[2], p[3]),
		"of another object":     encrypt(t, other.Stream(), plain),
		"of a part":             encrypt(t, key.Part(1, NewSalt()), plain),
		"something else":        noise(3, len(stored)),
	} {
		got, err := read(key.Stream(), bad, int64(len(plain)), 0, int64(len(plain)))
		if err == nil || !bytes.HasPrefix(plain, got) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if len(bad) == len(stored) && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	longer := append(bytes.Clone(stored), p[3]...)
	if got, err := read(key.Stream(), longer, int64(len(plain)), 0, int64(len(plain))); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("what is behind the end is not read: %v", err)
	}
	// A record that tells another size than the stream has.
	for _, size := range []int64{int64(len(plain)) - 1, packageBytes, 1} {
		if got, err := read(key.Stream(), stored, size, 0, size); err == nil {
			t.Errorf("a stream told to have %d bytes gave %d", size, len(got))
		}
	}
}

// TestSourceFails: an error of the store arrives as it is.
func TestSourceFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	key := NewObjectKey().Stream()
	r, err := key.Open(func(int64, int64) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(make([]byte, 10)), failing{broken})), nil
	}, 100, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Read(make([]byte, 10)); !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
			t.Errorf("got %v", err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// FuzzStream decrypts whatever lies in the store: it gives nothing but what was
// encrypted.
func FuzzStream(f *testing.F) {
	key := (&ObjectKey{}).Stream()
	f.Add([]byte("something"), uint16(3), uint16(4))
	f.Add(encrypt(f, key, []byte("a stream")), uint16(0), uint16(8))
	f.Fuzz(func(t *testing.T, stored []byte, offset, length uint16) {
		size := int64(len(stored)) - overhead
		got, err := read(key, stored, max(size, 0), int64(offset), int64(length))
		if err == nil && len(got) != int(length) {
			t.Errorf("%d bytes of %d without an error", len(got), length)
		}
		plain := noise(uint64(offset), int(length))
		sealed := encrypt(t, key, plain)
		if got, err := read(key, sealed, int64(len(plain)), 0, int64(len(plain))); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes come back as %d, %v", len(plain), len(got), err)
		}
	})
}

func BenchmarkEncrypt(b *testing.B) {
	key, plain := NewObjectKey().Stream(), make([]byte, 1<<20)
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		encrypt(b, key, plain)
	}
}
