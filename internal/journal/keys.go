package journal

import (
	"encoding/binary"
)

// Keys of the journal in the metadata store. Numbers are big endian, a consumer
// is its name and a zero byte.
//
//	j format                             fixed numbers of the layout
//	q <consumer> <partition> <sequence>  outbox entry
//	p <consumer> <partition> <sequence>  parked event
//	k <consumer> <bucket id> <key>       blocked key
//	x <consumer> <partition> <sequence>  gap: an event that was dropped or lost
//	l <consumer> <partition> <sequence>  entry of an event that was lost with its spool
//	j spool <id>                         spool that entries may point to
//	j spool <id> <segment>               its segment, with the bytes committed
//
// The logs themselves are numbered like the partitions.
const (
	prefixOutbox  = 'q'
	prefixParked  = 'p'
	prefixBlocked = 'k'
	prefixGap     = 'x'
	prefixLost    = 'l'
	prefixSpool   = "j/spool/"
)

func formatKey() []byte { return []byte("j/format") }

// consumerPrefix is the range of everything a consumer has under prefix.
func consumerPrefix(prefix byte, consumer string) []byte {
	k := make([]byte, 0, 2+len(consumer)+10)
	k = append(k, prefix)
	k = append(k, consumer...)
	return append(k, 0)
}

// entryKey is the key of one outbox entry or parked event.
func entryKey(prefix byte, consumer string, at At) []byte {
	k := consumerPrefix(prefix, consumer)
	k = binary.BigEndian.AppendUint16(k, at.Partition)
	return binary.BigEndian.AppendUint64(k, at.Sequence)
}

// entryAt reads the place back from the end of an entry's key.
func entryAt(key []byte) (At, bool) {
	if len(key) < 12 {
		return At{}, false
	}
	tail := key[len(key)-10:]
	return At{binary.BigEndian.Uint16(tail), binary.BigEndian.Uint64(tail[2:])}, true
}

func blockedKey(consumer string, bucketID uint64, key string) []byte {
	k := consumerPrefix(prefixBlocked, consumer)
	k = binary.BigEndian.AppendUint64(k, bucketID)
	return append(k, key...)
}
