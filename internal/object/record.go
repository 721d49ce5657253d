package object

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
)

var errStored = errors.New("object: stored record cannot be read")

// bucketRecord is the stored form of a bucket: one version byte and CBOR. It
// holds configuration and no counters, since every mutation in the bucket
// requires it to be unchanged.
type bucketRecord struct {
	ID      uint64 `cbor:"1,keyasint"`
	Created int64  `cbor:"2,keyasint"` // milliseconds since 1970
	Region  string `cbor:"3,keyasint,omitempty"`
	// Deleting stands while DeleteBucket looks whether anything is left.
	Deleting bool `cbor:"4,keyasint,omitempty"`
	// Notification is nil if no rules are set.
	Notification *event.Config `cbor:"5,keyasint,omitempty"`
	// Policy is the policy document as it was put; empty if there is none.
	Policy []byte `cbor:"8,keyasint,omitempty"`
}

// versionRecord is the stored form of one version: one version byte, the stamp
// (8 bytes, filled in at commit), and CBOR.
type versionRecord struct {
	Size      int64             `cbor:"1,keyasint,omitempty"`
	ETag      string            `cbor:"2,keyasint,omitempty"`
	Metadata  map[string]string `cbor:"3,keyasint,omitempty"`
	VersionID string            `cbor:"4,keyasint,omitempty"`
	// The bytes are inlined under (Incarnation, Content), or stored under Blob,
	// or in Parts, or there are none.
	Incarnation uint64   `cbor:"5,keyasint,omitempty"`
	Content     uint64   `cbor:"6,keyasint,omitempty"`
	Blob        blob.Ref `cbor:"7,keyasint,omitempty"`
	// Parts names the bytes of an object that was uploaded in parts.
	Parts *partMap `cbor:"8,keyasint,omitempty"`
	// Checksum is the additional one; nil if there is none.
	Checksum *checksum.Sum `cbor:"9,keyasint,omitempty"`
	// StorageClass is empty for s3.StorageStandard.
	StorageClass string `cbor:"10,keyasint,omitempty"`

	stamp uint64
}

const (
	bucketRecordVersion  = 1
	versionRecordVersion = 1
	// recordStampOffset is where the stamp stands in a stored versionRecord.
	recordStampOffset = 1
	recordHeader      = recordStampOffset + 8
)

func (r *bucketRecord) encode() ([]byte, error) {
	body, err := cbor.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode a bucket: %w", err)
	}
	return append([]byte{bucketRecordVersion}, body...), nil
}

func decodeBucket(stored []byte) (bucketRecord, error) {
	var r bucketRecord
	if len(stored) == 0 || stored[0] != bucketRecordVersion {
		return r, fmt.Errorf("%w: bucket of an unknown version", errStored)
	}
	if err := cbor.Unmarshal(stored[1:], &r); err != nil {
		return r, fmt.Errorf("%w: bucket: %w", errStored, err)
	}
	return r, nil
}

// encode leaves room for the stamp.
func (r *versionRecord) encode() ([]byte, error) {
	body, err := cbor.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode an object: %w", err)
	}
	out := make([]byte, recordHeader, recordHeader+len(body))
	out[0] = versionRecordVersion
	return append(out, body...), nil
}

func decodeVersion(stored []byte) (*versionRecord, error) {
	if len(stored) < recordHeader || stored[0] != versionRecordVersion {
		return nil, fmt.Errorf("%w: object of an unknown version", errStored)
	}
	r := &versionRecord{stamp: binary.BigEndian.Uint64(stored[recordStampOffset:])}
	if err := cbor.Unmarshal(stored[recordHeader:], r); err != nil {
		return nil, fmt.Errorf("%w: object: %w", errStored, err)
	}
	return r, nil
}

// content returns the id of inlined bytes.
func (r *versionRecord) content() (contentID, bool) {
	return contentID{r.Incarnation, r.Content}, r.Content != 0
}

// info describes the version to the layers above.
func (r *versionRecord) info(bucket, key string) Info {
	info := Info{
		Bucket: bucket, Key: key,
		Size: r.Size, ETag: r.ETag, VersionID: r.VersionID, Metadata: r.Metadata,
		Stamp: r.stamp, Modified: stampTime(r.stamp), Checksum: r.Checksum, StorageClass: r.StorageClass,
	}
	if r.Parts != nil {
		info.Parts = r.Parts.Count
	}
	return info
}

// ref is the reference whose user a version is; empty if its bytes are inlined
// or there are none.
func (r *versionRecord) ref() string {
	if r.Parts != nil {
		return r.Parts.ref()
	}
	return string(r.Blob)
}

// state is the version as a post-state in the journal. A stamp of 0 stands for
// that of the journal record itself.
func (r *versionRecord) state() *event.State {
	return &event.State{
		VersionID: r.VersionID, Size: r.Size, ETag: r.ETag,
		ContentType: r.Metadata[contentType], UserMetadata: eventMetadata(r.Metadata), Stamp: r.stamp,
	}
}

// eventMetadata is what events tell of a version's metadata: all but Expires,
// which MinIO leaves out too.
func eventMetadata(metadata map[string]string) map[string]string {
	if _, ok := metadata["expires"]; !ok {
		return metadata
	}
	told := maps.Clone(metadata)
	delete(told, "expires")
	return told
}

// fillStamp writes the commit's stamp into a stored versionRecord.
func fillStamp(appended int) kv.Fill {
	return kv.Fill{Append: appended, Field: kv.Stamp, Offset: recordStampOffset}
}

func stampTime(stamp uint64) time.Time {
	return time.Unix(0, int64(stamp)).UTC() //nolint:gosec // nanoseconds since 1970 fit until 2262
}
