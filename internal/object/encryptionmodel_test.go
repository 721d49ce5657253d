package object_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/object"
)

// TestEncryptedModel: random sizes of parts, methods and ranges give the bytes that
// went in, and the checksum of all of them.
func TestEncryptedModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	all := methods(t)
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	s := newEncryptingSite(t)
	size := func() int {
		return []int{0, 1, random.IntN(100), 64<<10 - 1 + random.IntN(3), random.IntN(300 << 10)}[random.IntN(5)]
	}
	for round := range 60 {
		e := all[names[random.IntN(len(names))]]
		var bodies []string
		for range 1 + random.IntN(5) {
			b := make([]byte, size())
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			bodies = append(bodies, string(b))
		}
		key, body := fmt.Sprint("k", round), strings.Join(bodies, "")
		var info object.Info
		if len(bodies) == 1 {
			var err error
			if info, err = s.putEncrypted(t.Context(), key, body, e); err != nil {
				t.Fatal(err)
			}
		} else {
			info = s.encryptedParts(t, key, e, bodies...)
		}
		sum := checksum.CRC32.New()
		sum.Write([]byte(body))
		if info.Size != int64(len(body)) || !bytes.Equal(info.Checksum.Digest, sum.Sum(nil)) {
			t.Fatalf("seed %d, round %d: %d bytes, %+v", seed, round, info.Size, info.Checksum)
		}
		for range 8 {
			from := random.IntN(len(body) + 1)
			length := random.IntN(len(body) - from + 1)
			got, err := s.readRange(t.Context(), key, e.CustomerKey, int64(from), int64(length))
			if err != nil || got != body[from:from+length] {
				t.Fatalf("seed %d, round %d: bytes from %d, %d of %d: %d, %v", seed, round, from, length, len(body), len(got), err)
			}
		}
		if len(bodies) == 1 {
			continue
		}
		n := random.IntN(len(bodies))
		head, err := s.Head(t.Context(), object.GetInput{Bucket: "bucket", Key: key, Part: n + 1, CustomerKey: e.CustomerKey})
		if err != nil || head.Part == nil {
			t.Fatal(err)
		}
		got, err := s.readRange(t.Context(), key, e.CustomerKey, head.Part.Offset, head.Part.Length)
		sum.Reset()
		sum.Write([]byte(bodies[n]))
		if err != nil || got != bodies[n] || !bytes.Equal(head.Part.Checksum.Digest, sum.Sum(nil)) {
			t.Fatalf("seed %d, round %d: part %d: %d bytes, %v", seed, round, n+1, len(got), err)
		}
	}
}
