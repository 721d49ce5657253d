package object_test

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/carillon-s3/carillon/internal/object"
)

// TestDigestBesideWriting puts bodies whose ends lie at and around those of the
// buffers, in pieces of every kind: bytes are digested once, in their order.
func TestDigestBesideWriting(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.mustBucket(t, "bucket")
	const inline, buffer = 32 << 10, 256 << 10
	bytes := make([]byte, 3*buffer)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(bytes) // never fails
	pieces := map[string]func(io.Reader) io.Reader{
		"whole":                         func(r io.Reader) io.Reader { return struct{ io.Reader }{r} },
		"half":                          iotest.HalfReader,
		"end comes with the last bytes": iotest.DataErrReader,
	}
	for name, reader := range pieces {
		for _, size := range []int{inline, inline + 1, inline + 2, inline + buffer, inline + 1 + buffer, inline + 2 + buffer, inline + 1 + 2*buffer} {
			t.Run(fmt.Sprintf("%s of %d", name, size), func(t *testing.T) {
				in := putInput("bucket", "key", "")
				in.Body, in.Size = reader(strings.NewReader(string(bytes[:size]))), int64(size)
				sum := md5.Sum(bytes[:size])
				in.ContentMD5 = sum[:]
				info, err := s.Put(t.Context(), in)
				if err != nil || info.ETag != hex.EncodeToString(sum[:]) {
					t.Fatalf("ETag %q, error %v", info.ETag, err)
				}
				if got, err := s.get(t.Context(), "bucket", "key"); err != nil || got != string(bytes[:size]) {
					t.Errorf("%d other bytes came back, error %v", len(got), err)
				}
				in.Body, in.ContentMD5 = reader(strings.NewReader(string(bytes[:size]))), make([]byte, md5.Size)
				if _, err := s.Put(t.Context(), in); !errors.Is(err, object.ErrBadDigest) {
					t.Errorf("wrong digest: error %v", err)
				}
			})
		}
	}
}
