package checksum

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// Type says how the checksum of an object that was uploaded in parts comes from
// those of its parts. The numbers are its stored form.
type Type uint8

const (
	// Composite is the checksum of the parts' checksums.
	Composite Type = 1
	// FullObject is the checksum of all the bytes, as of an object that was put
	// whole.
	FullObject Type = 2
)

// String is the type as x-amz-checksum-type has it; empty for none.
func (t Type) String() string {
	switch t {
	case Composite:
		return "COMPOSITE"
	case FullObject:
		return "FULL_OBJECT"
	}
	return ""
}

// ParseType reads the value of x-amz-checksum-type.
func ParseType(name string) (Type, bool) {
	for _, t := range []Type{Composite, FullObject} {
		if strings.EqualFold(name, t.String()) {
			return t, true
		}
	}
	return 0, false
}

// DefaultType is the type of an upload that names the algorithm alone.
func (a Algorithm) DefaultType() Type {
	if a == CRC64NVME {
		return FullObject
	}
	return Composite
}

// Allows reports whether uploads in parts may have the algorithm with the type:
// the full object's is known without reading it again for linear checksums only,
// and S3 has no composite CRC64NVME.
func (a Algorithm) Allows(t Type) bool {
	switch t {
	case Composite:
		return a != CRC64NVME
	case FullObject:
		return a.linear()
	}
	return false
}

// Sum is the checksum of an object or a part. Its fields are its stored form.
type Sum struct {
	Algorithm Algorithm `cbor:"1,keyasint"`
	Digest    []byte    `cbor:"2,keyasint"`
	// Parts is the number of parts that a composite checksum is made of; 0 of
	// one of all the bytes.
	Parts int `cbor:"3,keyasint,omitempty"`
}

// Type is how the checksum came about.
func (s *Sum) Type() Type {
	if s.Parts > 0 {
		return Composite
	}
	return FullObject
}

// Text is the checksum as clients see it: the digest in base64 and, if it is
// composite, "-" and the number of parts.
func (s *Sum) Text() string {
	text := base64.StdEncoding.EncodeToString(s.Digest)
	if s.Parts > 0 {
		text += "-" + strconv.Itoa(s.Parts)
	}
	return text
}

// Equal reports whether both are the same checksum of the same algorithm, or
// both nil.
func (s *Sum) Equal(o *Sum) bool {
	if s == nil || o == nil {
		return s == o
	}
	return s.Algorithm == o.Algorithm && s.Parts == o.Parts && bytes.Equal(s.Digest, o.Digest)
}

// ErrInvalid says that a text is no checksum.
var ErrInvalid = errors.New("checksum: not the base64 of a digest of that algorithm")

// Decode reads the digest of one body.
func (a Algorithm) Decode(text string) ([]byte, error) {
	// Longer than any digest can be: not worth decoding.
	if a.Size() == 0 || len(text) != base64.StdEncoding.EncodedLen(a.Size()) {
		return nil, ErrInvalid
	}
	digest, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(digest) != a.Size() {
		return nil, ErrInvalid
	}
	return digest, nil
}

// DecodeSum reads what Text writes.
func (a Algorithm) DecodeSum(text string) (*Sum, error) {
	s := &Sum{Algorithm: a}
	text, count, composite := strings.Cut(text, "-")
	var err error
	if s.Digest, err = a.Decode(text); err != nil || !composite {
		return s, err
	}
	s.Parts, err = strconv.Atoi(count)
	if err != nil || s.Parts < 1 || strconv.Itoa(s.Parts) != count {
		return nil, ErrInvalid
	}
	return s, nil
}
