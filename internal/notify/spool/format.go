package spool

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/carillon-s3/carillon/internal/journal"
)

const (
	segmentMagic   = "CRLNSPOL"
	segmentVersion = 1
	segmentSuffix  = ".log"
	// segmentHeader is the size of a segment's header.
	segmentHeader = 36
	// recordHeader and recordSum stand around every record.
	recordHeader = 14
	recordSum    = 4
)

// castagnoli returns the table of CRC32C; it is computed once by the library.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// segmentName is the name of a segment's file.
func segmentName(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	return strings.Repeat("0", max(10-len(digits), 0)) + digits + segmentSuffix
}

// parseSegment reads what segmentName wrote, and nothing else.
func parseSegment(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, ok && err == nil && segmentName(n) == name
}

// appendHeader appends the header of a segment.
func appendHeader(b []byte, id, segment uint64) []byte {
	start := len(b)
	b = append(b, segmentMagic...)
	b = binary.BigEndian.AppendUint64(b, segmentVersion)
	b = binary.BigEndian.AppendUint64(b, id)
	b = binary.BigEndian.AppendUint64(b, segment)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli()))
}

// checkHeader says what is wrong with the header of a segment.
func checkHeader(b []byte, id, segment uint64) error {
	if bytes.Equal(b, appendHeader(nil, id, segment)) {
		return nil
	}
	if len(b) == segmentHeader && string(b[:len(segmentMagic)]) == segmentMagic &&
		crc32.Checksum(b[:segmentHeader-4], castagnoli()) == binary.BigEndian.Uint32(b[segmentHeader-4:]) {
		return &journal.SpoolLoss{Reason: "a segment is another one, or of another spool"}
	}
	return &journal.SpoolLoss{Reason: "a segment is damaged"}
}

// appendRecord appends a record that will stand at offset, and returns its
// checksum.
func appendRecord(b []byte, id, segment uint64, offset int64, r journal.SpoolRecord) ([]byte, uint32) {
	start := len(b)
	b = binary.BigEndian.AppendUint16(b, r.Partition)
	b = binary.BigEndian.AppendUint64(b, r.Sequence)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Record))) //nolint:gosec // below 4 GiB, as in the outbox
	b = append(b, r.Record...)
	sum := placeSum(id, segment, offset, b[start:])
	return binary.BigEndian.AppendUint32(b, sum), sum
}

// placeSum is the checksum of what stands at a place.
func placeSum(id, segment uint64, offset int64, data []byte) uint32 {
	var place [24]byte
	binary.BigEndian.PutUint64(place[0:], id)
	binary.BigEndian.PutUint64(place[8:], segment)
	binary.BigEndian.PutUint64(place[16:], uint64(offset)) //nolint:gosec // never negative
	return crc32.Update(crc32.Checksum(place[:], castagnoli()), castagnoli(), data)
}

// parseRecord returns the record in frame, which was read at p and is as long as
// one there must be. ok is false if it is not the one that p tells of.
func parseRecord(frame []byte, id uint64, p journal.SpoolPlace) (record []byte, ok bool) {
	if len(frame) != frameBytes(p.Bytes) {
		return nil, false
	}
	body := frame[:len(frame)-recordSum]
	sum := placeSum(id, p.Segment, p.Offset, body)
	ok = sum == p.Sum && sum == binary.BigEndian.Uint32(frame[len(body):]) &&
		binary.BigEndian.Uint16(body) == p.Partition &&
		binary.BigEndian.Uint64(body[2:]) == p.Sequence &&
		binary.BigEndian.Uint32(body[10:]) == uint32(p.Bytes) //nolint:gosec // below 4 GiB, as in the outbox
	return body[recordHeader:], ok
}

// frameBytes is the room that a record of n bytes takes.
func frameBytes(n int) int { return recordHeader + n + recordSum }
