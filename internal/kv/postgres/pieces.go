package postgres

import (
	"slices"

	"github.com/carillon-s3/carillon/internal/kv"
)

// The server knows the numbers that fills ask for only within the transaction,
// so a key or value with fills is sent in pieces, and joined there.

// piece is a part of a key or value: some of its bytes or, with a fill, bytes
// of the number.
type piece struct {
	start, end int      // in the key or value
	fill       *kv.Fill // nil: the bytes as they are
	from       int      // the first byte of the number, from 0
}

// cut returns the pieces of a key or value of n bytes. Where fills overlap, the
// later one wins.
func cut(n int, fills []kv.Fill, inKey bool) []piece {
	pieces := []piece{{start: 0, end: n}}
	for i := range fills {
		f := &fills[i]
		if f.InKey != inKey {
			continue
		}
		start, end := f.Offset, f.Offset+numberBytes
		var rest []piece
		for _, p := range pieces {
			if left := p; left.start < start {
				left.end = min(left.end, start)
				rest = append(rest, left)
			}
			if right := p; right.end > end {
				skip := max(end-right.start, 0)
				right.start += skip
				right.from += skip
				rest = append(rest, right)
			}
		}
		pieces = append(rest, piece{start: start, end: end, fill: f})
	}
	pieces = slices.DeleteFunc(pieces, func(p piece) bool { return p.start == p.end })
	slices.SortFunc(pieces, func(a, b piece) int { return a.start - b.start })
	return pieces
}

// numberBytes is the width of a number.
const numberBytes = 8

// pieceColumns are the parameters of setFilled.
type pieceColumns struct {
	write   []int32
	inKey   []bool
	literal [][]byte // nil for a number
	log     []int32
	back    []int64
	field   []int32
	start   []int32 // from 1
	length  []int32
}

// add appends the pieces of one write. place says where an append stands.
func (c *pieceColumns) add(write int32, w *kv.Write, place func(int) (kv.LogID, int64)) {
	for _, inKey := range []bool{true, false} {
		bytes := w.Value
		if inKey {
			bytes = w.Key
		}
		for _, p := range cut(len(bytes), w.Fills, inKey) {
			c.write = append(c.write, write)
			c.inKey = append(c.inKey, inKey)
			if p.fill == nil {
				c.literal = append(c.literal, bytes[p.start:p.end])
				c.log, c.back, c.field = append(c.log, -1), append(c.back, 0), append(c.field, 0)
				c.start, c.length = append(c.start, 0), append(c.length, 0)
				continue
			}
			log, back := place(p.fill.Append)
			c.literal = append(c.literal, nil)
			c.log, c.back, c.field = append(c.log, int32(log)), append(c.back, back), append(c.field, int32(p.fill.Field))
			c.start, c.length = append(c.start, int32(p.from)+1), append(c.length, int32(p.end-p.start))
		}
	}
}

// parameters are the columns in the order of setFilled.
func (c *pieceColumns) parameters() [][]byte {
	return [][]byte{
		int4Array(c.write), boolArray(c.inKey), byteaArray(c.literal), int4Array(c.log),
		int8Array(c.back), int4Array(c.field), int4Array(c.start), int4Array(c.length),
	}
}
