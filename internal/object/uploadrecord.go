package object

import (
	"encoding/binary"
	"fmt"
	"sort"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/s3"
	"github.com/carillon-s3/carillon/internal/sse"
)

// uploadRecord is the stored form of an upload: one version byte and CBOR. It
// changes once, when the upload is completed, so that parts and their completion
// or abortion can require it to stand.
type uploadRecord struct {
	Key      string            `cbor:"1,keyasint"`
	Metadata map[string]string `cbor:"2,keyasint,omitempty"`
	Created  int64             `cbor:"3,keyasint"` // milliseconds since 1970
	// Done is what became of a completed upload, so that completing it again
	// answers the same; nil while it is under way.
	Done *completed `cbor:"4,keyasint,omitempty"`
	// Checksum is what every part has, and of which Type the object's is made; 0
	// of uploads without. Implied says that the client did not ask for it.
	Checksum checksum.Algorithm `cbor:"5,keyasint,omitempty"`
	Type     checksum.Type      `cbor:"6,keyasint,omitempty"`
	Implied  bool               `cbor:"7,keyasint,omitempty"`
	// StorageClass is the object's; empty for s3.StorageStandard.
	StorageClass string `cbor:"8,keyasint,omitempty"`
	// Tags are the object's.
	Tags []s3.Tag `cbor:"9,keyasint,omitempty"`
	// Lock is what the client asked for; nil if for nothing.
	Lock *lockRecord `cbor:"10,keyasint,omitempty"`
	// Encryption is how the object is encrypted; nil if it is not.
	Encryption *encryption `cbor:"11,keyasint,omitempty"`
}

type completed struct {
	ETag  string  `cbor:"1,keyasint"`
	Size  int64   `cbor:"2,keyasint"`
	Parts partMap `cbor:"3,keyasint"`
	// Checksum is the object's.
	Checksum *checksum.Sum `cbor:"4,keyasint,omitempty"`
	// VersionID is the object's, as in its record.
	VersionID string `cbor:"5,keyasint,omitempty"`
}

// partRecord is the stored form of a part: one version byte and CBOR.
type partRecord struct {
	Size     int64    `cbor:"1,keyasint,omitempty"`
	MD5      []byte   `cbor:"2,keyasint"`
	Blob     blob.Ref `cbor:"3,keyasint,omitempty"` // empty if Size is 0
	Modified int64    `cbor:"4,keyasint"`           // milliseconds since 1970
	// Checksum is the additional one; nil if there is none.
	Checksum *checksum.Sum `cbor:"5,keyasint,omitempty"`
	// Salt is that of the part's key if the object is encrypted; nil otherwise.
	Salt []byte `cbor:"6,keyasint,omitempty"`
	// SealedDigest is that of Checksum, under the object's key.
	SealedDigest []byte `cbor:"7,keyasint,omitempty"`
}

const (
	uploadRecordVersion = 1
	partRecordVersion   = 1
	// encryptedRow is that of uploads and parts of encrypted objects, which other
	// programs would take for what they are not.
	encryptedRow = 3
)

func encodeRow(version byte, what string, v any) ([]byte, error) {
	body, err := cbor.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", what, err)
	}
	return append([]byte{version}, body...), nil
}

func decodeRow(version byte, what string, stored []byte, v any) error {
	if len(stored) == 0 || stored[0] != version && stored[0] != encryptedRow {
		return fmt.Errorf("%w: %s of an unknown version", errStored, what)
	}
	if err := cbor.Unmarshal(stored[1:], v); err != nil {
		return fmt.Errorf("%w: %s: %w", errStored, what, err)
	}
	return nil
}

func (r *uploadRecord) encode() ([]byte, error) {
	version := byte(uploadRecordVersion)
	if r.Encryption != nil {
		version = encryptedRow
	}
	return encodeRow(version, "an upload", r)
}

func decodeUpload(stored []byte) (*uploadRecord, error) {
	r := new(uploadRecord)
	return r, decodeRow(uploadRecordVersion, "upload", stored, r)
}

func (r *partRecord) encode() ([]byte, error) {
	version := byte(partRecordVersion)
	if r.Salt != nil {
		version = encryptedRow
	}
	return encodeRow(version, "a part", r)
}

func decodePart(stored []byte) (*partRecord, error) {
	r := new(partRecord)
	return r, decodeRow(partRecordVersion, "part", stored, r)
}

// public describes a part. Without the key of an encrypted object its checksum is
// left out.
func (r *partRecord) public(number int, key *sse.ObjectKey) (Part, error) {
	sum, err := r.sum(key, number)
	return Part{
		Number: number, Size: r.Size, ETag: etagOf(r.MD5), Checksum: sum,
		Modified: time.UnixMilli(r.Modified).UTC(),
	}, err
}

// listedUpload is what rows u hold, for listings: when the upload began, in
// milliseconds since 1970 (8 bytes), and its checksum's algorithm and type (a
// byte each; none in rows of older programs).
type listedUpload struct {
	created  int64
	checksum checksum.Algorithm
	kind     checksum.Type
}

func (r *uploadRecord) listed() listedUpload { return listedUpload{r.Created, r.Checksum, r.Type} }

func (l listedUpload) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(l.created)) //nolint:gosec // after 1970
	return append(b, byte(l.checksum), byte(l.kind))
}

func decodeListed(stored []byte) (l listedUpload, err error) {
	if len(stored) < 8 {
		return l, fmt.Errorf("%w: listed upload of %d bytes", errStored, len(stored))
	}
	l.created = int64(binary.BigEndian.Uint64(stored)) //nolint:gosec // written by encode
	if len(stored) >= 10 {
		l.checksum, l.kind = checksum.Algorithm(stored[8]), checksum.Type(stored[9])
	}
	return l, nil
}

// partRange is part numbers from First to Last.
type partRange struct {
	_     struct{} `cbor:",toarray"`
	First int
	Last  int
}

// partMap says where the bytes of an object are that was uploaded in parts: the
// rows of these parts, in order. Its size does not depend on their number.
type partMap struct {
	BucketID uint64      `cbor:"1,keyasint"`
	Upload   []byte      `cbor:"2,keyasint"`
	Ranges   []partRange `cbor:"3,keyasint"`
	Count    int         `cbor:"4,keyasint"`
	// PartSize is that of every part, the last may be smaller; 0 if they differ.
	// It saves adding up the parts before the one that a range begins in.
	PartSize int64 `cbor:"5,keyasint,omitempty"`
}

func (m *partMap) id() (id uploadID) {
	copy(id[:], m.Upload)
	return id
}

func (m *partMap) ref() string { return uploadRef(m.BucketID, m.id()) }

// add appends a part; number is higher than any before.
func (m *partMap) add(number int) {
	m.Count++
	if n := len(m.Ranges); n > 0 && m.Ranges[n-1].Last == number-1 {
		m.Ranges[n-1].Last = number
		return
	}
	m.Ranges = append(m.Ranges, partRange{First: number, Last: number})
}

// from returns the lowest part number that is at least number; ok is false if
// there is none.
func (m *partMap) from(number int) (next int, ok bool) {
	i := sort.Search(len(m.Ranges), func(i int) bool { return number <= m.Ranges[i].Last })
	if i == len(m.Ranges) {
		return 0, false
	}
	return max(number, m.Ranges[i].First), true
}

func (m *partMap) has(number int) bool {
	next, ok := m.from(number)
	return ok && next == number
}

// nth is the number of the part with the given index, counted from 0.
func (m *partMap) nth(index int) (number int, ok bool) {
	for _, r := range m.Ranges {
		n := r.Last - r.First + 1
		if index < n {
			return r.First + index, true
		}
		index -= n
	}
	return 0, false
}
