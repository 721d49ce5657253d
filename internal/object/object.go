// Package object is what S3 means: buckets, objects and their versions, and
// every change to them. It is the only place that joins the metadata store, the
// object bytes and the journal: each mutation is one commit that holds the
// object's record, its journal record and an outbox entry for every target that
// a rule names.
package object

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/s3"
)

// Errors. They arrive wrapped; use errors.Is.
var (
	ErrNoSuchBucket       = errors.New("object: no such bucket")
	ErrNoSuchKey          = errors.New("object: no such key")
	ErrNoSuchVersion      = errors.New("object: no such version")
	ErrInvalidVersionID   = errors.New("object: invalid version id")
	ErrDeleteMarker       = errors.New("object: version is a delete marker")
	ErrBucketExists       = errors.New("object: bucket exists")
	ErrBucketNotEmpty     = errors.New("object: bucket is not empty")
	ErrPublicPolicy       = errors.New("object: public policies are blocked")
	ErrPreconditionFailed = errors.New("object: precondition failed")
	ErrBadDigest          = errors.New("object: content does not match its MD5")
	ErrIncompleteBody     = errors.New("object: body is shorter than announced")
	ErrEntityTooLarge     = errors.New("object: body is larger than allowed")
	ErrInvalidBucketName  = errors.New("object: invalid bucket name")
	ErrInvalidObjectName  = errors.New("object: invalid object name")
	ErrKeyTooLong         = errors.New("object: key is too long")
	ErrMetadataTooLarge   = errors.New("object: metadata is too large")
	ErrNoSpace            = errors.New("object: not enough free space")
	ErrUnavailable        = errors.New("object: store is unavailable")
	ErrBacklogFull        = journal.ErrBacklogFull
	ErrUnsure             = errors.New("object: outcome unknown")
	ErrContended          = errors.New("object: too many concurrent changes")
	ErrNoSuchUpload       = errors.New("object: no such upload")
	ErrInvalidPart        = errors.New("object: part is missing or another")
	ErrInvalidPartNumber  = errors.New("object: invalid part number")
	ErrInvalidPartOrder   = errors.New("object: parts are not in ascending order")
	ErrPartTooSmall       = errors.New("object: part is smaller than allowed")
	ErrUnknownTarget      = errors.New("object: notification target is unknown")
	ErrCopyToItself       = errors.New("object: copy of an object to itself changes nothing")
	ErrWrongSize          = errors.New("object: object has not the announced size")
	ErrCopyTooLarge       = errors.New("object: copy source is larger than allowed")
	ErrLogTarget          = errors.New("object: bucket for logs does not exist")
	ErrQuotaExceeded      = errors.New("object: quota of the bucket is exceeded")
	ErrNotVersioned       = errors.New("object: versioning of the bucket is not enabled")
	ErrReplicates         = errors.New("object: bucket has a replication configuration")
	ErrResumeToken        = errors.New("object: resume token is not valid here")
)

// Bucket is a bucket as its users see it.
type Bucket struct {
	ID      uint64
	Name    string
	Region  string
	Created time.Time
}

// Info describes one version of an object.
type Info struct {
	Bucket string
	Key    string
	Size   int64
	// ETag is without quotes.
	ETag string
	// Modified is when the version was committed.
	Modified time.Time
	// Stamp is Modified in nanoseconds, and the version's sequencer.
	Stamp uint64
	// VersionID is NullVersion or a UUID; empty where the bucket was never
	// versioned.
	VersionID string
	// Metadata holds user metadata under its canonical header name
	// (X-Amz-Meta-Color) and the stored standard headers in lower case
	// (content-type, cache-control, content-disposition, content-encoding,
	// content-language, expires).
	Metadata map[string]string
	// Parts is the number of parts of an object that was uploaded in parts; 0 of
	// others.
	Parts int
	// Part is where the part lies that GetInput.Part asked for; nil if there is
	// no such part.
	Part *PartRange
	// Checksum is the additional checksum; nil of objects without.
	Checksum *checksum.Sum
	// StorageClass is as it was given; empty for s3.StorageStandard.
	StorageClass string
	// Tags are in the order in which they were given.
	Tags []s3.Tag
	// Lock is what protects the version.
	Lock Lock
	// Encryption is how the object is encrypted.
	Encryption Encryption
}

// PartRange is where a part lies in its object.
type PartRange struct {
	Offset, Length int64
	// Checksum is the part's own; nil of parts without.
	Checksum *checksum.Sum
}

// BodyChecksum is the additional checksum that is kept with a body; its zero
// value is none.
type BodyChecksum struct {
	Algorithm checksum.Algorithm
	// Verified is called when the body has been read to its end, and gives the
	// digest that the reader found it to have. If it is nil, the digest is
	// computed here.
	Verified func() []byte
}

// PutInput is a new object.
type PutInput struct {
	Bucket, Key string
	Body        io.Reader
	// Size is the number of bytes that Body must give, -1 if unknown.
	Size int64
	// ContentMD5 is the digest that the client announced; nil if it did not.
	ContentMD5 []byte
	Checksum   BodyChecksum
	Metadata   map[string]string
	// StorageClass is as in Info.
	StorageClass string
	// Tags are valid by s3.CheckTags.
	Tags []s3.Tag
	// Lock is what the version gets; without Retention in it, the bucket's default.
	Lock Lock
	// Encryption is what the client asks for.
	Encryption Encryption
	// IfNoneMatch and IfMatch are ETags without quotes, or "*"; empty for none.
	IfMatch, IfNoneMatch string
	Request              event.Request
	// Event names the event; 0 is s3:ObjectCreated:Put.
	Event event.Name
}

// Object is an open object: its description, and its bytes as they were when it
// was opened.
type Object struct {
	Info
	// Open returns length bytes from offset on. It may be called several times.
	Open func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// ListInput asks for one page of a listing, in bytewise order of keys.
type ListInput struct {
	Bucket    string
	Prefix    string
	Delimiter string
	// After excludes it and all before it (v1 marker, v2 start-after and
	// continuation). If it is a common prefix, its whole group is excluded.
	After   string
	MaxKeys int
}

// ListPage is one page of a listing.
type ListPage struct {
	Objects  []Info
	Prefixes []string
	// Next is the After of the following page; set only when Truncated.
	Next      string
	Truncated bool
}
