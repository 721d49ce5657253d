package checksum

import (
	"encoding/binary"
	"hash"
)

// Joiner makes the checksum of an object from those of its parts, in order, in
// memory that does not depend on their number. It is for one goroutine.
type Joiner struct {
	algorithm Algorithm
	parts     int
	composite hash.Hash // nil for the full object
	crc       crcJoiner
}

// NewJoiner begins with no parts. The algorithm must allow the type.
func NewJoiner(a Algorithm, t Type) *Joiner {
	j := &Joiner{algorithm: a, crc: crcJoiner{polynomial: a.polynomial(), width: 8 * a.Size()}}
	if t == Composite {
		j.composite = a.New()
	}
	return j
}

// Add appends a part of size bytes with the given digest.
func (j *Joiner) Add(digest []byte, size int64) {
	j.parts++
	if j.composite != nil {
		j.composite.Write(digest)
		return
	}
	var padded [8]byte
	copy(padded[8-len(digest):], digest)
	j.crc.add(binary.BigEndian.Uint64(padded[:]), size)
}

// Sum is the checksum of the parts so far.
func (j *Joiner) Sum() *Sum {
	if j.composite != nil {
		return &Sum{Algorithm: j.algorithm, Digest: j.composite.Sum(nil), Parts: j.parts}
	}
	digest := binary.BigEndian.AppendUint64(nil, j.crc.value)
	return &Sum{Algorithm: j.algorithm, Digest: digest[8-j.algorithm.Size():]}
}

// linear reports whether the checksum of two contents together follows from
// those of each.
func (a Algorithm) linear() bool { return a.polynomial() != 0 }

// polynomial is that of a CRC, reflected: the lowest power in the highest bit.
func (a Algorithm) polynomial() uint64 {
	switch a {
	case CRC32:
		return 0xedb88320
	case CRC32C:
		return 0x82f63b78
	case CRC64NVME:
		return 0x9a6c9329ac4bc9b5
	}
	return 0
}

// crcJoiner joins CRCs that begin with all bits set and end inverted, as all of
// S3's do. For those, crc(AB) = crc(A)·x^(8|B|) + crc(B), modulo the polynomial
// (as crc32_combine of zlib has it).
type crcJoiner struct {
	polynomial uint64
	width      int
	value      uint64
	// shift is x^(8·size): parts of one upload mostly have one size.
	size  int64
	shift uint64
}

func (c *crcJoiner) add(crc uint64, size int64) {
	if c.shift == 0 || c.size != size {
		c.size, c.shift = size, c.power(size)
	}
	c.value = c.multiply(c.value, c.shift) ^ crc
}

// power is x^(8n).
func (c *crcJoiner) power(n int64) uint64 {
	one := uint64(1) << (c.width - 1)
	result, square := one, one>>8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			result = c.multiply(result, square)
		}
		square = c.multiply(square, square)
	}
	return result
}

// multiply is a·b modulo the polynomial.
func (c *crcJoiner) multiply(a, b uint64) uint64 {
	var product uint64
	for bit := uint64(1) << (c.width - 1); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= c.polynomial
		}
	}
	return product
}
