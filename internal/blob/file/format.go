package file

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/carillon-s3/carillon/internal/blob"
)

const (
	formatVersion = 1
	// blockSize is how much one checksum covers, and so the least that a read
	// costs. 64 KiB keeps the cost of a small range low, and the checksums at
	// 0.006 % of the space.
	blockSize = 64 << 10
	sumSize   = 4
	frameSize = blockSize + sumSize
	// sealSize is the size of the header and of the trailer.
	sealSize = 36

	headerMagic  = "CRLNBLOB"
	trailerMagic = "CRLNTAIL"
	headerWord   = formatVersion<<32 | blockSize
)

// castagnoli returns the table of CRC32C; it is computed once by the library,
// and needed for the hardware's instruction to be used.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendSeal appends a header or trailer: magic, a word, the reference and the
// checksum of these.
func appendSeal(b []byte, magic string, word uint64, id id) []byte {
	start := len(b)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint64(b, word)
	b = binary.BigEndian.AppendUint64(b, id.incarnation)
	b = binary.BigEndian.AppendUint64(b, id.counter)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli()))
}

// openSeal checks a header or trailer and returns its word.
func openSeal(b []byte, magic string, id id) (word uint64, err error) {
	if len(b) != sealSize {
		return 0, fmt.Errorf("%d bytes where %s has %d: %w", len(b), magic, sealSize, blob.ErrCorrupt)
	}
	word = binary.BigEndian.Uint64(b[8:])
	if !bytes.Equal(b, appendSeal(make([]byte, 0, sealSize), magic, word, id)) {
		return 0, fmt.Errorf("%s does not verify: %w", magic, blob.ErrCorrupt)
	}
	return word, nil
}

func checkHeader(b []byte, id id) error {
	word, err := openSeal(b, headerMagic, id)
	if err == nil && word != headerWord {
		err = fmt.Errorf("unknown version or block size %#x: %w", word, blob.ErrCorrupt)
	}
	return err
}

// blockSum is the checksum of a block: of where it belongs and what it holds.
func blockSum(id id, number int64, data []byte) uint32 {
	var place [24]byte
	binary.BigEndian.PutUint64(place[0:], id.incarnation)
	binary.BigEndian.PutUint64(place[8:], id.counter)
	binary.BigEndian.PutUint64(place[16:], uint64(number))
	return crc32.Update(crc32.Checksum(place[:], castagnoli()), castagnoli(), data)
}

// blockOffset is where block number starts in the file; for the number after
// the last full one it is also where the trailer starts.
func blockOffset(number int64) int64 { return sealSize + number*frameSize }

// blockLength is the number of data bytes of a block of contents of size bytes.
func blockLength(number, size int64) int64 {
	return min(blockSize, size-number*blockSize)
}

// trailerOffset is where the trailer of contents of size bytes starts.
func trailerOffset(size int64) int64 {
	offset := blockOffset(size / blockSize)
	if rest := size % blockSize; rest > 0 {
		offset += rest + sumSize
	}
	return offset
}
