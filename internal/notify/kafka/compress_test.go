package kafka

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestLevelsReachTheCodec: the client takes a level that it does not know for
// its default, without a word. So what comes out must depend on the level.
func TestLevelsReachTheCodec(t *testing.T) {
	t.Parallel()
	text := sampleText()
	tests := map[string]struct {
		codec     string
		low, high int
	}{
		"gzip": {codecGzip, 1, 9},
		// Its levels search chains of different length, and the default none.
		"lz4, first": {codecLZ4, 0, 1},
		"lz4, last":  {codecLZ4, 0, 9},
		"zstd":       {codecZstd, 1, 22},
	}
	for name, tt := range tests {
		low := compressed(t, &Settings{CompressionCodec: tt.codec, CompressionLevel: tt.low}, text)
		high := compressed(t, &Settings{CompressionCodec: tt.codec, CompressionLevel: tt.high}, text)
		if low == high || max(low, high) >= len(text) {
			t.Errorf("%s: %d bytes become %d at level %d and %d at level %d", name, len(text), low, tt.low, high, tt.high)
		}
	}
}

// sampleText is like a batch of events: much repeats, little is the same.
func sampleText() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for range 500 {
		fmt.Fprintf(&b, `{"EventName":"s3:ObjectCreated:Put","Key":"bucket/%d","eTag":"%032x","size":%d}`, r.IntN(1e6), r.Uint64(), r.IntN(1e9))
	}
	return b.Bytes()
}

func compressed(t *testing.T, s *Settings, text []byte) int {
	t.Helper()
	codec, err := s.compression()
	if err != nil {
		t.Fatal(err)
	}
	c, err := kgo.DefaultCompressor(codec)
	if err != nil {
		t.Fatal(err)
	}
	out, used := c.Compress(new(bytes.Buffer), text)
	back, err := kgo.DefaultDecompressor().Decompress(out, used)
	if err != nil || !bytes.Equal(back, text) {
		t.Errorf("%+v: does not come back whole: %v", codec, err)
	}
	return len(out)
}
