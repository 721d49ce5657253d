package object

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
)

// NullVersion is what clients call the version that a key was given without
// versioning, or while it was suspended. A key has one such version at most.
const NullVersion = "null"

// nullID is the null version as records have it. All other ids are UUIDs
// (RFC 9562), in lower case.
const nullID = ""

// uuidBytes is the length of an id in a key of the store.
const uuidBytes = 16

// newVersionID returns a random id, which no version has.
func newVersionID() string {
	var b [uuidBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return formatUUID(b)
}

func formatUUID(b [uuidBytes]byte) string {
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// parseUUID takes an id apart; ok is false for what is none, and for the nil
// UUID, which stands for the null version in keys of the store.
func parseUUID(id string) (b [uuidBytes]byte, ok bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return b, false
	}
	n, err := hex.Decode(b[:], []byte(strings.ReplaceAll(id, "-", "")))
	return b, err == nil && n == uuidBytes && b != [uuidBytes]byte{}
}

// parseVersionID reads what clients send. ErrInvalidVersionID for what no version
// can have.
func parseVersionID(text string) (id string, err error) {
	if text == NullVersion {
		return nullID, nil
	}
	b, ok := parseUUID(text)
	if !ok {
		return "", fmt.Errorf("%w: %.40q", ErrInvalidVersionID, text)
	}
	return formatUUID(b), nil
}

// CheckVersionID gives ErrInvalidVersionID for a text that no version can have
// as its id.
func CheckVersionID(text string) error {
	_, err := parseVersionID(text)
	return err
}
