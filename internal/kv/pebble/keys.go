package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/carillon-s3/carillon/internal/kv"
)

// The leading bytes of the key-space, see the package comment.
const (
	prefixMeta = 'i'
	prefixLog  = 'l'
	prefixMap  = 'm'
)

const (
	logKeyBytes = 1 + 2 + 8
	// headerBytes is the width of the number before every stored value: the
	// revision in the map, the stamp in a log.
	headerBytes = 8
)

// counterBits leaves room for 4 million openings of 4 trillion writes each.
const (
	counterBits    = 42
	maxIncarnation = 1<<(64-counterBits) - 1
	maxCounter     = 1<<counterBits - 1
)

var errCorrupt = errors.New("stored record is malformed")

func appendMapKey(dst, key []byte) []byte {
	return append(append(dst, prefixMap), key...)
}

func logKey(log kv.LogID, sequence uint64) []byte {
	return putLogKey(make([]byte, logKeyBytes), log, sequence)
}

func putLogKey(dst []byte, log kv.LogID, sequence uint64) []byte {
	dst[0] = prefixLog
	binary.BigEndian.PutUint16(dst[1:], uint16(log))
	binary.BigEndian.PutUint64(dst[3:], sequence)
	return dst
}

// logEnd is the key after every record of log.
func logEnd(log kv.LogID) []byte {
	if log == ^kv.LogID(0) {
		return []byte{prefixLog + 1}
	}
	return logKey(log+1, 0)
}

func parseLogKey(key []byte) (kv.LogID, uint64, error) {
	if len(key) != logKeyBytes || key[0] != prefixLog {
		return 0, 0, fmt.Errorf("%w: log key of %d bytes", errCorrupt, len(key))
	}
	log := kv.LogID(binary.BigEndian.Uint16(key[1:]))
	sequence := binary.BigEndian.Uint64(key[3:])
	if sequence == 0 {
		return 0, 0, fmt.Errorf("%w: log %d has a record 0", errCorrupt, log)
	}
	return log, sequence, nil
}

// splitHeader parts a stored value into its number, which is never 0, and the
// value proper.
func splitHeader(stored []byte) (uint64, []byte, error) {
	if len(stored) < headerBytes {
		return 0, nil, fmt.Errorf("%w: %d bytes", errCorrupt, len(stored))
	}
	n := binary.BigEndian.Uint64(stored)
	if n == 0 {
		return 0, nil, fmt.Errorf("%w: it is numbered 0", errCorrupt)
	}
	return n, stored[headerBytes:], nil
}

// parseLogRecord copies a stored log record.
func parseLogRecord(key, stored []byte) (kv.LogRecord, error) {
	log, sequence, err := parseLogKey(key)
	if err != nil {
		return kv.LogRecord{}, err
	}
	stamp, value, err := splitHeader(stored)
	if err != nil {
		return kv.LogRecord{}, fmt.Errorf("log %d, record %d: %w", log, sequence, err)
	}
	return kv.LogRecord{
		Position: kv.Position{Log: log, Sequence: sequence, Stamp: stamp},
		Value:    append(make([]byte, 0, len(value)), value...),
	}, nil
}
