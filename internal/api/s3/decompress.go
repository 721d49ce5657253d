package s3api

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxZstdWindow bounds what an archive can have its reader allocate: it is more
	// than what the usual levels of zstd take.
	maxZstdWindow = 64 << 20
	// maxS2Block is the largest block of the format.
	maxS2Block = 4 << 20
)

// decompress finds out by its first bytes how an archive is compressed, if at all.
// end gives back what reading it takes.
func decompress(r io.Reader) (plain io.Reader, end func(), err error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	magic, err := buffered.Peek(10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	end = func() {}
	is := func(start string) bool { return bytes.HasPrefix(magic, []byte(start)) }
	switch {
	case is("\x1f\x8b"):
		plain, err = gzip.NewReader(buffered)
		return plain, end, err
	case is("\x28\xb5\x2f\xfd"):
		d, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, nil, err
		}
		return d, d.Close, nil
	case is("BZh"):
		return bzip2.NewReader(buffered), end, nil
	case is("\xff\x06\x00\x00sNaPpY"), is("\xff\x06\x00\x00S2sTwO"):
		return s2.NewReader(buffered, s2.ReaderMaxBlockSize(maxS2Block)), end, nil
	}
	return buffered, end, nil
}
