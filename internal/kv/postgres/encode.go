package postgres

import (
	"encoding/binary"

	"github.com/jackc/pgx/v5/pgtype"
)

// Parameters travel in PostgreSQL's binary format, most of them as arrays of
// one dimension: dimensions, whether there are nulls, type of the elements,
// their number, the first index; then each element after its length.

func int8Bytes(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func arrayHeader(room int, oid uint32, n int, nulls bool) []byte {
	const header = 20
	b := make([]byte, 0, header+room)
	if n == 0 {
		b = binary.BigEndian.AppendUint32(b, 0)
		b = binary.BigEndian.AppendUint32(b, 0)
		return binary.BigEndian.AppendUint32(b, oid)
	}
	b = binary.BigEndian.AppendUint32(b, 1)
	hasNulls := uint32(0)
	if nulls {
		hasNulls = 1
	}
	b = binary.BigEndian.AppendUint32(b, hasNulls)
	b = binary.BigEndian.AppendUint32(b, oid)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return binary.BigEndian.AppendUint32(b, 1)
}

func int8Array(values []int64) []byte {
	b := arrayHeader(12*len(values), pgtype.Int8OID, len(values), false)
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func int4Array(values []int32) []byte {
	b := arrayHeader(8*len(values), pgtype.Int4OID, len(values), false)
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, 4)
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	return b
}

func boolArray(values []bool) []byte {
	b := arrayHeader(5*len(values), pgtype.BoolOID, len(values), false)
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, 1)
		if v {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}

// byteaArray writes nil elements as null.
func byteaArray(values [][]byte) []byte {
	room, nulls := 0, false
	for _, v := range values {
		room += 4 + len(v)
		nulls = nulls || v == nil
	}
	b := arrayHeader(room, pgtype.ByteaOID, len(values), nulls)
	for _, v := range values {
		if v == nil {
			b = binary.BigEndian.AppendUint32(b, ^uint32(0))
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}
