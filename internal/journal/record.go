package journal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
)

// Stored forms. A record is one version byte and a CBOR map with the numbered
// fields of event.Record. An outbox entry is
//
//	version  1 byte
//	stamp    8 bytes, that of the record
//	bytes    4 bytes, the stored size of the record
//	record   the record itself, only once the log no longer holds it
//
// or, once the record stands in a spool, of version 2: the same three and
//
//	spool    8 bytes, its id
//	segment  8 bytes
//	offset   8 bytes
//	sum      4 bytes, the checksum that the spool has of it
//
// and the other values are one version byte and a CBOR map.
const (
	recordVersion = 1
	entryVersion  = 1
	spooledEntry  = 2
	// entryHeader is the size of an outbox entry without a record.
	entryHeader = 13
	// entryStampOffset is where the stamp is filled in at commit.
	entryStampOffset = 1
	// spooledBytes is the size of an outbox entry that points to a spool.
	spooledBytes = entryHeader + 28
)

var errStored = errors.New("journal: stored value cannot be read")

// encode writes version and v's CBOR.
func encode(version byte, v any) ([]byte, error) {
	body, err := cbor.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("journal: encode: %w", err)
	}
	return append([]byte{version}, body...), nil
}

// decode reads what encode wrote.
func decode(version byte, stored []byte, v any) error {
	if len(stored) == 0 || stored[0] != version {
		return fmt.Errorf("%w: version byte is not %d", errStored, version)
	}
	if err := cbor.Unmarshal(stored[1:], v); err != nil {
		return fmt.Errorf("%w: %w", errStored, err)
	}
	return nil
}

// newOutboxEntry is an entry whose stamp is still to be filled in.
func newOutboxEntry(recordBytes int) []byte {
	v := make([]byte, entryHeader)
	v[0] = entryVersion
	binary.BigEndian.PutUint32(v[9:], uint32(recordBytes)) //nolint:gosec // a record is far below 4 GiB (kv.MaxBatchBytes)
	return v
}

// newStampedEntry is an entry of a record that was committed before.
func newStampedEntry(stamp uint64, recordBytes int) []byte {
	v := newOutboxEntry(recordBytes)
	binary.BigEndian.PutUint64(v[entryStampOffset:], stamp)
	return v
}

// outboxEntry is a decoded outbox value.
type outboxEntry struct {
	at     At
	stamp  uint64
	bytes  int
	record []byte // nil while the log still holds it
	// spooled says where in a spool the record is; nil if it is in none.
	spooled *spoolPointer
}

// inLog reports whether the log holds the entry's record.
func (e *outboxEntry) inLog() bool { return e.record == nil && e.spooled == nil }

// spoolPointer is a place in a spool.
type spoolPointer struct {
	spool uint64
	SpoolPlace
}

// newCopiedEntry is the outbox entry of e with its record in it.
func newCopiedEntry(e outboxEntry, record []byte) []byte {
	v := make([]byte, entryHeader, entryHeader+len(record))
	v[0] = entryVersion
	binary.BigEndian.PutUint64(v[entryStampOffset:], e.stamp)
	binary.BigEndian.PutUint32(v[9:], uint32(e.bytes)) //nolint:gosec // as it was read
	return append(v, record...)
}

// newSpooledEntry is the outbox entry of e once its record is at p.
func newSpooledEntry(e outboxEntry, p spoolPointer) []byte {
	v := make([]byte, 0, spooledBytes)
	v = append(v, spooledEntry)
	v = binary.BigEndian.AppendUint64(v, e.stamp)
	v = binary.BigEndian.AppendUint32(v, uint32(e.bytes)) //nolint:gosec // as it was read
	v = binary.BigEndian.AppendUint64(v, p.spool)
	v = binary.BigEndian.AppendUint64(v, p.Segment)
	v = binary.BigEndian.AppendUint64(v, uint64(p.Offset)) //nolint:gosec // never negative
	return binary.BigEndian.AppendUint32(v, p.Sum)
}

func decodeOutboxEntry(e kv.Entry) (outboxEntry, error) {
	at, ok := entryAt(e.Key)
	if !ok || at.Partition >= Partitions {
		return outboxEntry{}, fmt.Errorf("%w: outbox entry %q", errStored, e.Key)
	}
	return parseOutboxEntry(at, e.Item.Value)
}

// parseOutboxEntry reads the value of the outbox entry at a place.
func parseOutboxEntry(at At, v []byte) (outboxEntry, error) {
	if len(v) < entryHeader || (v[0] != entryVersion && (v[0] != spooledEntry || len(v) != spooledBytes)) {
		return outboxEntry{}, fmt.Errorf("%w: outbox entry of partition %d, sequence %d", errStored, at.Partition, at.Sequence)
	}
	out := outboxEntry{
		at:    at,
		stamp: binary.BigEndian.Uint64(v[1:]),
		bytes: int(binary.BigEndian.Uint32(v[9:])),
	}
	rest := v[entryHeader:]
	switch {
	case v[0] == spooledEntry:
		out.spooled = &spoolPointer{
			spool: binary.BigEndian.Uint64(rest),
			SpoolPlace: SpoolPlace{
				At: at, Segment: binary.BigEndian.Uint64(rest[8:]),
				Offset: int64(binary.BigEndian.Uint64(rest[16:])), //nolint:gosec // as it was written
				Bytes:  out.bytes, Sum: binary.BigEndian.Uint32(rest[24:]),
			},
		}
	case len(rest) > 0:
		out.record = rest
	}
	return out, nil
}

// entry builds an Entry from a stored record.
func (j *Journal) entry(at At, stamp uint64, stored []byte) (Entry, error) {
	var rec event.Record
	if err := decode(recordVersion, stored, &rec); err != nil {
		return Entry{}, fmt.Errorf("partition %d, sequence %d: %w", at.Partition, at.Sequence, err)
	}
	return Entry{
		Place: event.Place{
			Epoch:     j.store.Epoch(),
			Partition: at.Partition,
			Sequence:  at.Sequence,
			Stamp:     stamp,
		},
		Record: &rec,
		Bytes:  len(stored),
	}, nil
}
