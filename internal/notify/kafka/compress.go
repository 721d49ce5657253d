package kafka

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Values of compression_codec.
const (
	codecNone   = "none"
	codecSnappy = "snappy"
	codecGzip   = "gzip"
	codecLZ4    = "lz4"
	codecZstd   = "zstd"
)

// compression is the codec at its level. Level 0 is the codec's own default.
//
// The client takes any level and uses its default for those that it does not
// know, so levels are checked here. It also wants the numbers of the libraries
// that it compresses with, where settings have those of the formats' own tools.
func (s *Settings) compression() (kgo.CompressionCodec, error) {
	level := s.CompressionLevel
	switch s.CompressionCodec {
	case codecGzip:
		codec := kgo.GzipCompression()
		if level != 0 {
			codec = codec.WithLevel(level)
		}
		return codec, inLevels(s.CompressionCodec, level, 9)
	case codecLZ4:
		codec := kgo.Lz4Compression()
		if level > 0 {
			codec = codec.WithLevel(1 << (8 + level)) // as lz4.Level1 to lz4.Level9 are made
		}
		return codec, inLevels(s.CompressionCodec, level, 9)
	case codecZstd:
		codec := kgo.ZstdCompression()
		if level > 0 {
			codec = codec.WithLevel(int(zstd.EncoderLevelFromZstd(level)))
		}
		if v := s.versions(); v != nil {
			if highest, _ := v.LookupMaxKeyVersion(keyProduce); highest < zstdProduce {
				return codec, fmt.Errorf("compression_codec: zstd needs Kafka 2.1.0, and version is %s", s.Version)
			}
		}
		return codec, inLevels(s.CompressionCodec, level, 22)
	}
	codec := kgo.NoCompression()
	if s.CompressionCodec == codecSnappy {
		codec = kgo.SnappyCompression()
	}
	if level != 0 {
		return codec, errors.New("compression_level: only gzip, lz4 and zstd have levels")
	}
	return codec, nil
}

func inLevels(codec string, level, highest int) error {
	if level < 0 || level > highest {
		return fmt.Errorf("compression_level: %s has levels from 1 to %d, and 0 for its default", codec, highest)
	}
	return nil
}
