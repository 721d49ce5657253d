package kv

import (
	"encoding/binary"
	"time"
)

// Put writes the number that f asks for over dst, which is the key or value of
// the write (see InKey). positions are those that the store gave to the batch's
// appends. The batch must have passed Validate.
func (f Fill) Put(dst []byte, positions []Position) {
	p := positions[f.Append]
	n := p.Sequence
	switch f.Field {
	case Stamp:
		n = p.Stamp
	case InvertedStamp:
		n = ^p.Stamp
	}
	binary.BigEndian.PutUint64(dst[f.Offset:], n)
}

// NextStamp is the stamp of the record that follows one with the stamp last in
// its log: now in nanoseconds, or last+1 where the clock has stood still or
// stepped back. A clock before 1970 counts as 0.
func NextStamp(now time.Time, last uint64) uint64 {
	return max(uint64(max(now.UnixNano(), 0)), last+1)
}
