package checksum_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/carillon-s3/carillon/internal/checksum"
)

func all() []checksum.Algorithm {
	return []checksum.Algorithm{
		checksum.CRC32, checksum.CRC32C, checksum.CRC64NVME, checksum.SHA1, checksum.SHA256,
		checksum.SHA512, checksum.MD5, checksum.XXHASH64, checksum.XXHASH3, checksum.XXHASH128,
	}
}

func digest(a checksum.Algorithm, data []byte) []byte {
	h := a.New()
	h.Write(data)
	return h.Sum(nil)
}

// TestVectors compares with published check values: those of the CRC catalogue
// for "123456789", and of RFC 1321, FIPS 180 and the xxHash specification.
func TestVectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		algorithm  checksum.Algorithm
		data, want string
	}{
		{checksum.CRC32, "123456789", "cbf43926"},
		{checksum.CRC32C, "123456789", "e3069283"},
		{checksum.CRC64NVME, "123456789", "ae8b14860a799888"},
		{checksum.SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{checksum.SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{checksum.SHA512, "", "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
		{checksum.MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
		{checksum.XXHASH64, "", "ef46db3751d8e999"},
		{checksum.XXHASH3, "", "2d06800538d394c2"},
		{checksum.XXHASH128, "", "99aa06d3014798d86001c324468d497f"},
	} {
		if got := hex.EncodeToString(digest(c.algorithm, []byte(c.data))); got != c.want {
			t.Errorf("%v of %q is %s, want %s", c.algorithm, c.data, got, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, a := range all() {
		if got, ok := checksum.Parse(a.String()); got != a || !ok {
			t.Errorf("%v is read as %v", a, got)
		}
		if got, ok := checksum.ByHeader(a.Header()); got != a || !ok {
			t.Errorf("%s is of %v, want %v", a.Header(), got, a)
		}
		if h := a.New(); h.Size() != a.Size() {
			t.Errorf("%v has %d bytes, said to be %d", a, h.Size(), a.Size())
		}
	}
	for _, name := range []string{"", "CRC", "CRC320", "SHA-256", "ALGORITHM"} {
		if a, ok := checksum.Parse(name); ok {
			t.Errorf("%q is read as %v", name, a)
		}
	}
	if got, want := checksum.CRC64NVME.Header(), "X-Amz-Checksum-Crc64nvme"; got != want {
		t.Errorf("header %s, want %s", got, want)
	}
	if none := checksum.Algorithm(0); none.New() != nil || none.Size() != 0 || none.String() != "" {
		t.Error("the zero algorithm is something")
	}
}

// TestAllows is the table of the User Guide: algorithms and the types that
// uploads in parts may have with them.
func TestAllows(t *testing.T) {
	t.Parallel()
	for _, a := range all() {
		full := a == checksum.CRC32 || a == checksum.CRC32C || a == checksum.CRC64NVME
		if got := a.Allows(checksum.FullObject); got != full {
			t.Errorf("%v full object: %v", a, got)
		}
		if got, want := a.Allows(checksum.Composite), a != checksum.CRC64NVME; got != want {
			t.Errorf("%v composite: %v", a, got)
		}
		if !a.Allows(a.DefaultType()) || a.Allows(0) {
			t.Errorf("%v: default %v", a, a.DefaultType())
		}
	}
}

// TestJoin cuts contents at random and compares with the checksum of the whole,
// or of the parts' digests.
func TestJoin(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		data := make([]byte, r.IntN(5000))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		var parts [][]byte
		for rest := data; ; {
			n := r.IntN(len(rest) + 1)
			parts, rest = append(parts, rest[:n]), rest[n:]
			if len(rest) == 0 {
				break
			}
		}
		for _, a := range all() {
			for _, kind := range []checksum.Type{checksum.Composite, checksum.FullObject} {
				if !a.Allows(kind) {
					continue
				}
				j := checksum.NewJoiner(a, kind)
				var digests []byte
				for _, p := range parts {
					j.Add(digest(a, p), int64(len(p)))
					digests = append(digests, digest(a, p)...)
				}
				want := &checksum.Sum{Algorithm: a, Digest: digest(a, data)}
				if kind == checksum.Composite {
					want = &checksum.Sum{Algorithm: a, Digest: digest(a, digests), Parts: len(parts)}
				}
				if got := j.Sum(); !got.Equal(want) || got.Type() != kind {
					t.Fatalf("seed %d: %v %v of %d bytes in %d parts: %s, want %s", seed, a, kind, len(data), len(parts), got.Text(), want.Text())
				}
			}
		}
	}
}

// TestJoinTebibytes joins sizes that no test can hash: zeros, doubled 42 times.
func TestJoinTebibytes(t *testing.T) {
	t.Parallel()
	for _, a := range []checksum.Algorithm{checksum.CRC32, checksum.CRC32C, checksum.CRC64NVME} {
		block := make([]byte, 1<<10)
		doubled, size := digest(a, block), int64(len(block))
		for range 32 {
			j := checksum.NewJoiner(a, checksum.FullObject)
			j.Add(doubled, size)
			j.Add(doubled, size)
			doubled, size = j.Sum().Digest, 2*size
		}
		// The same in other cuts: one of a quarter, one of three quarters.
		quarter := digest(a, block)
		for n := int64(len(block)); n < size/4; n *= 2 {
			j := checksum.NewJoiner(a, checksum.FullObject)
			j.Add(quarter, n)
			j.Add(quarter, n)
			quarter = j.Sum().Digest
		}
		three := checksum.NewJoiner(a, checksum.FullObject)
		for range 3 {
			three.Add(quarter, size/4)
		}
		j := checksum.NewJoiner(a, checksum.FullObject)
		j.Add(quarter, size/4)
		j.Add(three.Sum().Digest, size/4*3)
		if !bytes.Equal(j.Sum().Digest, doubled) {
			t.Errorf("%v of %d bytes: %x and %x", a, size, j.Sum().Digest, doubled)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		parts      int
		ok         bool
	}{
		{"digest", "y/Q5Jg==", 0, true},
		{"composite", "y/Q5Jg==-17", 17, true},
		{"empty", "", 0, false},
		{"no base64", "y/Q5J!==", 0, false},
		{"unpadded", "y/Q5Jg", 0, false},
		{"trailing bits", "y/Q5Jh==", 0, false},
		{"too short", "y/Q5", 0, false},
		{"too long", "y/Q5JsuR/g==", 0, false},
		{"no parts", "y/Q5Jg==-", 0, false},
		{"zero parts", "y/Q5Jg==-0", 0, false},
		{"signed parts", "y/Q5Jg==-+1", 0, false},
		{"two counts", "y/Q5Jg==-1-1", 0, false},
		{"line end", "y/Q5\nJg==", 0, false},
	} {
		s, err := checksum.CRC32.DecodeSum(c.text)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, checksum.ErrInvalid) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.ok && (s.Text() != c.text || s.Parts != c.parts) {
			t.Errorf("%s: %q of %d parts", c.name, s.Text(), s.Parts)
		}
	}
	if _, err := checksum.Algorithm(0).Decode(""); err == nil {
		t.Error("no algorithm has a digest")
	}
}

// FuzzDecodeSum: what is read is what would be written.
func FuzzDecodeSum(f *testing.F) {
	f.Add(uint8(1), "y/Q5Jg==-17")
	f.Add(uint8(5), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")
	f.Add(uint8(9), "x")
	f.Fuzz(func(t *testing.T, algorithm uint8, text string) {
		s, err := checksum.Algorithm(algorithm).DecodeSum(text)
		if err == nil && s.Text() != text {
			t.Errorf("%q is read as %q", text, s.Text())
		}
	})
}
