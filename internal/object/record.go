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
	"github.com/carillon-s3/carillon/internal/cors"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/s3"
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
	Versioning   Versioning    `cbor:"6,keyasint,omitempty"`
	// Tags are the bucket's; empty if there are none.
	Tags []s3.Tag `cbor:"7,keyasint,omitempty"`
	// Policy is the policy document as it was put; empty if there is none.
	Policy []byte `cbor:"8,keyasint,omitempty"`
	// CORS is nil if there is none.
	CORS *cors.Config `cbor:"9,keyasint,omitempty"`
	// PublicAccess is nil if nothing is blocked.
	PublicAccess *PublicAccessBlock `cbor:"10,keyasint,omitempty"`
	// OwnerEnforced says that ownership controls were put.
	OwnerEnforced bool `cbor:"11,keyasint,omitempty"`
	// Lock is nil of a bucket without object lock; with it, Versioning is enabled.
	Lock *LockConfig `cbor:"12,keyasint,omitempty"`
	// Encryption is nil if there is no default.
	Encryption *BucketEncryption `cbor:"13,keyasint,omitempty"`
	// Logging is nil if no log is kept.
	Logging *Logging `cbor:"14,keyasint,omitempty"`
	// Quota is nil if the bucket has none.
	Quota *quotaRecord `cbor:"15,keyasint,omitempty"`
}

// versionRecord is the stored form of one version: one version byte, the stamp
// (8 bytes, filled in at commit), and CBOR.
type versionRecord struct {
	Size      int64             `cbor:"1,keyasint,omitempty"`
	ETag      string            `cbor:"2,keyasint,omitempty"`
	Metadata  map[string]string `cbor:"3,keyasint,omitempty"`
	VersionID string            `cbor:"4,keyasint,omitempty"` // empty: the null version
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
	// Marker says that this is a delete marker; of the others it has VersionID
	// only.
	Marker bool `cbor:"11,keyasint,omitempty"`
	// Tags can change while all else stays.
	Tags []s3.Tag `cbor:"12,keyasint,omitempty"`
	// Retention and LegalHold are the lock, and can change while all else stays.
	Retention *retentionRecord `cbor:"13,keyasint,omitempty"`
	LegalHold LegalHold        `cbor:"14,keyasint,omitempty"`
	// Encryption is nil of an object whose bytes are stored as they are.
	Encryption *encryption `cbor:"15,keyasint,omitempty"`
	// Sealed are the parts of the record that are kept under the object's key.
	Sealed *sealedFields `cbor:"16,keyasint,omitempty"`

	stamp uint64
	// revealed is the checksum with the digest that Sealed holds; nil as long as
	// nobody gave the key.
	revealed *checksum.Sum
}

const (
	bucketRecordVersion = 1
	// versionedRecordVersion is that of a bucket with Versioning. Programs that
	// know nothing of it would lose versions, and do not open such a store.
	versionedRecordVersion = 2
	// lockedRecordVersion is that of a bucket with object lock, whose locked
	// versions a program that knows nothing of it would remove.
	lockedRecordVersion = 3
	// encryptingRecordVersion is that of a bucket with a default encryption, locked
	// or not. Programs that know nothing of it would store in clear.
	encryptingRecordVersion = 4
	versionRecordVersion    = 1
	// encryptedVersionRecord is that of an encrypted object, whose bytes other
	// programs would take for what they are not.
	encryptedVersionRecord = 3
	// recordStampOffset is where the stamp stands in a stored versionRecord.
	recordStampOffset = 1
	recordHeader      = recordStampOffset + 8
)

func (r *bucketRecord) encode() ([]byte, error) {
	body, err := cbor.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode a bucket: %w", err)
	}
	version := byte(bucketRecordVersion)
	switch {
	case r.Lock != nil:
		version = lockedRecordVersion
	case r.Versioning != NeverVersioned:
		version = versionedRecordVersion
	}
	if r.Encryption != nil {
		version = encryptingRecordVersion
	}
	return append([]byte{version}, body...), nil
}

func decodeBucket(stored []byte) (bucketRecord, error) {
	var r bucketRecord
	if len(stored) == 0 || stored[0] < bucketRecordVersion || stored[0] > encryptingRecordVersion {
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
	if r.Encryption != nil {
		out[0] = encryptedVersionRecord
	}
	return append(out, body...), nil
}

func decodeVersion(stored []byte) (*versionRecord, error) {
	if len(stored) < recordHeader || stored[0] != versionRecordVersion && stored[0] != encryptedVersionRecord {
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

// info describes a version to the layers above.
func (b *bucket) info(key string, v *versionRecord) Info {
	info := Info{
		Bucket: b.name, Key: key,
		Size: v.Size, ETag: v.ETag, VersionID: b.versionID(v), Metadata: v.Metadata,
		Stamp: v.stamp, Modified: stampTime(v.stamp), Checksum: v.shownChecksum(), StorageClass: v.StorageClass, Tags: v.Tags,
		Lock: v.lock(), Encryption: v.Encryption.public(),
	}
	if v.Parts != nil {
		info.Parts = v.Parts.Count
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

// state is a version as a post-state in the journal; nil for none. A stamp of 0
// stands for that of the journal record itself.
func (b *bucket) state(v *versionRecord) *event.State {
	if v == nil {
		return nil
	}
	return &event.State{
		VersionID: b.versionID(v), Size: v.Size, ETag: v.ETag,
		ContentType: v.Metadata[contentType], UserMetadata: v.told(), Stamp: v.stamp,
	}
}

// told is what events tell of a version's metadata and lock.
func (r *versionRecord) told() map[string]string { return r.lock().tell(eventMetadata(r.Metadata)) }

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
