package object

import (
	"bytes"
	"encoding/binary"
)

// escapedKey is the start of the rows of all keys that begin with key or, if it
// is whole, of key alone, where the key is not last in its row.
func escapedKey(prefix byte, bucketID uint64, key string, whole bool) []byte {
	k := append(inBucket(prefix, bucketID), bytes.ReplaceAll([]byte(key), []byte{0}, []byte{0, 0xff})...)
	if whole {
		k = append(k, 0, 1)
	}
	return k
}

// parseEscaped takes a row apart whose key is followed by tail bytes.
func parseEscaped(row []byte, tail int) (key string, rest []byte, ok bool) {
	base, end := len(inBucket(0, 0)), len(row)-tail
	if end < base+2 || row[end-2] != 0 || row[end-1] != 1 {
		return "", nil, false
	}
	return string(bytes.ReplaceAll(row[base:end-2], []byte{0, 0xff}, []byte{0})), row[end:], true
}

// versionKey is the row v of a version of key that is not its latest, or of a
// marker: newest first.
func versionKey(bucketID uint64, key string, stamp uint64) []byte {
	return binary.BigEndian.AppendUint64(escapedKey(prefixVersion, bucketID, key, true), ^stamp)
}

// parseVersionKey takes a row v apart.
func parseVersionKey(row []byte) (key string, stamp uint64, ok bool) {
	key, rest, ok := parseEscaped(row, 8)
	if !ok {
		return "", 0, false
	}
	return key, ^binary.BigEndian.Uint64(rest), true
}

// idKey is the row by which a version is found that has a row v.
func idKey(bucketID uint64, key, id string) []byte {
	b, _ := parseUUID(id) // the null version's is all zeros
	return append(escapedKey(prefixID, bucketID, key, true), b[:]...)
}

// stampOffset is where the stamp of a row v stands in its key.
func stampOffset(row []byte) int { return len(row) - 8 }
