package object

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/carillon-s3/carillon/internal/s3"
)

// uploadID names an upload. It is unique for ever, and those of one key sort in
// the order in which they began: the store's incarnation and a counter.
type uploadID [16]byte

func newUploadID(incarnation, count uint64) (id uploadID) {
	binary.BigEndian.PutUint64(id[:8], incarnation)
	binary.BigEndian.PutUint64(id[8:], count)
	return id
}

// String is what clients see: 32 hexadecimal digits.
func (id uploadID) String() string { return hex.EncodeToString(id[:]) }

func parseUploadID(s string) (id uploadID, err error) {
	if len(s) != hex.EncodedLen(len(id)) {
		return id, fmt.Errorf("%w: %.40q", ErrNoSuchUpload, s)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return id, fmt.Errorf("%w: %.40q", ErrNoSuchUpload, s)
	}
	return id, nil
}

// uploadRow is the number under which an upload's own record stands among those
// of its parts.
const uploadRow = 0

func partKey(bucketID uint64, id uploadID, number int) []byte {
	k := append(inBucket(prefixUpload, bucketID), id[:]...)
	return binary.BigEndian.AppendUint16(k, uint16(number)) //nolint:gosec // at most s3.MaxParts
}

func uploadKey(bucketID uint64, id uploadID) []byte { return partKey(bucketID, id, uploadRow) }

// partsEnd is the end of an upload's rows.
func partsEnd(bucketID uint64, id uploadID) []byte { return partKey(bucketID, id, s3.MaxParts+1) }

func partNumber(row []byte) int { return int(binary.BigEndian.Uint16(row[len(row)-2:])) }

// openKey is the row by which listings find an upload under way.
func openKey(bucketID uint64, key string, id uploadID) []byte {
	return append(openPrefix(bucketID, key, true), id[:]...)
}

// openPrefix is the start of the rows of all keys that begin with key or, if it
// is whole, of key alone.
func openPrefix(bucketID uint64, key string, whole bool) []byte {
	return escapedKey(prefixOpen, bucketID, key, whole)
}

// parseOpenKey takes a row u apart.
func parseOpenKey(row []byte) (key string, id uploadID, ok bool) {
	key, rest, ok := parseEscaped(row, len(id))
	copy(id[:], rest)
	return key, id, ok
}

// doneKey is the row by which a completed upload is swept; doneStampOffset is
// where its stamp stands.
func doneKey(stamp, bucketID uint64, id uploadID) []byte {
	k := binary.BigEndian.AppendUint64([]byte{prefixDone}, stamp)
	return append(binary.BigEndian.AppendUint64(k, bucketID), id[:]...)
}

const doneStampOffset = 1

func parseDoneKey(row []byte) (bucketID uint64, id uploadID, ok bool) {
	const base = doneStampOffset + 8
	if len(row) != base+8+len(id) {
		return 0, id, false
	}
	copy(id[:], row[base+8:])
	return binary.BigEndian.Uint64(row[base:]), id, true
}

// The first bytes of references that are no blob's: those are printable.
const (
	uploadRefMark = 1
	bucketRefMark = 2
)

// uploadRef is the reference to the parts of an upload, in rows r and g. It has
// no zero byte.
func uploadRef(bucketID uint64, id uploadID) string {
	return string([]byte{uploadRefMark}) + fmt.Sprintf("%016x", bucketID) + id.String()
}

func parseUploadRef(ref string) (bucketID uint64, id uploadID, ok bool) {
	if len(ref) != 1+16+hex.EncodedLen(len(id)) || ref[0] != uploadRefMark {
		return 0, id, false
	}
	raw, err := hex.DecodeString(ref[1:])
	if err != nil {
		return 0, id, false
	}
	copy(id[:], raw[8:])
	return binary.BigEndian.Uint64(raw), id, true
}

// bucketRef is the reference to the uploads of a bucket that was deleted.
func bucketRef(bucketID uint64) string {
	return string([]byte{bucketRefMark}) + fmt.Sprintf("%016x", bucketID)
}

func parseBucketRef(ref string) (bucketID uint64, ok bool) {
	if len(ref) != 1+16 || ref[0] != bucketRefMark {
		return 0, false
	}
	raw, err := hex.DecodeString(ref[1:])
	if err != nil {
		return 0, false
	}
	return binary.BigEndian.Uint64(raw), true
}
