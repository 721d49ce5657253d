package postgres

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

// TestPieces joins the pieces of random values with random fills, as the server
// does, and compares with what fills mean.
func TestPieces(t *testing.T) {
	t.Parallel()
	positions := []kv.Position{{Sequence: 1, Stamp: 1 << 60}, {Sequence: 0x1122334455667788, Stamp: 99}}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		value := make([]byte, 8+rnd.IntN(40))
		for i := range value {
			value[i] = byte(rnd.Uint32())
		}
		var fills []kv.Fill
		for range rnd.IntN(5) {
			fills = append(fills, kv.Fill{
				Append: rnd.IntN(2), Field: kv.Field(1 + rnd.IntN(3)),
				InKey: rnd.IntN(4) == 0, Offset: rnd.IntN(len(value) - 7),
			})
		}
		want := bytes.Clone(value)
		for _, f := range fills {
			if !f.InKey {
				f.Put(want, positions)
			}
		}
		var got []byte
		for _, p := range cut(len(value), fills, false) {
			if p.fill == nil {
				got = append(got, value[p.start:p.end]...)
				continue
			}
			var number [8]byte
			f := *p.fill
			f.Offset = 0
			f.Put(number[:], positions)
			got = append(got, number[p.from:p.from+p.end-p.start]...)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%x with %+v: got %x, want %x", value, fills, got, want)
		}
	}
}

func TestArrays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		got  []byte
		want []uint32
	}{
		"empty": {int8Array(nil), []uint32{0, 0, 20}},
		"int8":  {int8Array([]int64{-1}), []uint32{1, 0, 20, 1, 1, 8, 1<<32 - 1, 1<<32 - 1}},
		"int4":  {int4Array([]int32{7, 8}), []uint32{1, 0, 23, 2, 1, 4, 7, 4, 8}},
		"bytea": {byteaArray([][]byte{{0, 0, 0, 9}, nil, {}}), []uint32{1, 1, 17, 3, 1, 4, 9, 1<<32 - 1, 0}},
	} {
		var want []byte
		for _, n := range c.want {
			want = binary.BigEndian.AppendUint32(want, n)
		}
		if !bytes.Equal(c.got, want) {
			t.Errorf("%s: got %x, want %x", name, c.got, want)
		}
	}
}
