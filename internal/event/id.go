package event

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrEventID is returned, wrapped, for a text that is not an event's id.
var ErrEventID = errors.New("event: malformed event id")

// EventID returns the id of the event at a place:
// "<epoch as 16 hex digits>-<partition>-<sequence>". It is the same on every
// attempt and for every target, and is never given to another event.
func EventID(at Place) string {
	id := make([]byte, 0, 44) // 16 and 5 and 20 digits, and two hyphens
	for shift := 60; shift >= 0; shift -= 4 {
		id = append(id, lowerHex[at.Epoch>>shift&0xf])
	}
	id = append(id, '-')
	id = strconv.AppendUint(id, uint64(at.Partition), 10)
	id = append(id, '-')
	id = strconv.AppendUint(id, at.Sequence, 10)
	return string(id)
}

// ParseEventID reads an id as EventID writes it, and in no other spelling, so
// that ids are equal exactly when their texts are. The Place has no Stamp: only
// the journal knows it.
func ParseEventID(s string) (Place, error) {
	epoch, rest, _ := strings.Cut(s, "-")
	partition, sequence, _ := strings.Cut(rest, "-")
	e, errE := strconv.ParseUint(epoch, 16, 64)
	p, errP := strconv.ParseUint(partition, 10, 16)
	q, errQ := strconv.ParseUint(sequence, 10, 64)
	at := Place{Epoch: e, Partition: uint16(p), Sequence: q}
	if errE != nil || errP != nil || errQ != nil || EventID(at) != s {
		return Place{}, fmt.Errorf("%w: %q", ErrEventID, s)
	}
	return at, nil
}
