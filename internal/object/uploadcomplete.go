package object

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag is the MD5 of the parts' MD5s
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/s3"
	"github.com/carillon-s3/carillon/internal/sse"
)

// CompletedPart names a part that belongs to the object.
type CompletedPart struct {
	Number int
	// ETag is without quotes.
	ETag string
	// Checksum is nil if the client lists none.
	Checksum *checksum.Sum
}

// CompleteInput makes an object of an upload's parts.
type CompleteInput struct {
	UploadInput
	// Parts are in ascending order.
	Parts []CompletedPart
	// Checksum is what the client says that the object has, and ChecksumType how
	// it comes from the parts; nil and 0 if it says nothing.
	Checksum     *checksum.Sum
	ChecksumType checksum.Type
	// Size is what the client says that the object has, if SizeKnown.
	Size      int64
	SizeKnown bool
	// CustomerKey is that of the upload; without it the object gets no checksum,
	// unless the client asked for one.
	CustomerKey *CustomerKey
	// IfMatch and IfNoneMatch are conditions on the key, as in PutInput.
	IfMatch, IfNoneMatch string
	Request              event.Request
}

// CompleteUpload makes the parts an object under their key, and records
// s3:ObjectCreated:CompleteMultipartUpload in the same commit (S3,
// CompleteMultipartUpload). It returns once all of that is durable. What the
// commit writes does not grow with the number of parts. Completing an upload
// again within a day answers the same, with nothing but bucket, key, ETag, size,
// checksum and version id in it, and changes nothing.
//
// Errors: ErrNoSuchUpload, ErrInvalidPart, ErrInvalidPartOrder, ErrPartTooSmall,
// ErrEntityTooLarge, ErrWrongSize, *ChecksumError, ErrPreconditionFailed,
// ErrNoSuchBucket, ErrNoSpace, ErrUnsure. After any but the last the upload is as
// it was.
func (s *Service) CompleteUpload(ctx context.Context, in CompleteInput) (Info, error) {
	id, err := parseUploadID(in.UploadID)
	if err != nil {
		return Info{}, err
	}
	digests, etag, err := checkCompleted(in.Parts)
	if err != nil {
		return Info{}, err
	}
	if err := s.Admit(); err != nil {
		return Info{}, err
	}
	var v *versionRecord
	var b *bucket
	position, err := s.apply(ctx, in.Bucket, in.Key, func(t *tx) (*event.Record, error) {
		b = t.bucket
		upload, item, err := readUpload(ctx, t.reader, t.bucket, id)
		if err != nil {
			return nil, err
		}
		if upload == nil || upload.Key != in.Key || upload.Done != nil && upload.Done.ETag != etag {
			return nil, fmt.Errorf("%w: %v of %s/%s", ErrNoSuchUpload, id, in.Bucket, in.Key)
		}
		if upload.Done != nil { // completed before, and durably: readers see nothing else
			v = &versionRecord{
				Size: upload.Done.Size, ETag: etag, Checksum: upload.Done.Checksum, VersionID: upload.Done.VersionID,
				Encryption: upload.Encryption,
			}
			return nil, nil
		}
		t.batch.Require(uploadKey(t.bucket.ID, id), item)
		if err := checkConditions(t.current, in.IfMatch, in.IfNoneMatch); err != nil {
			return nil, err
		}
		if err := upload.checkCompletion(&in); err != nil {
			return nil, err
		}
		key, err := s.completionKey(t.bucket, upload, &in)
		if err != nil {
			return nil, err
		}
		v = &versionRecord{
			ETag: etag, Metadata: upload.Metadata, StorageClass: upload.StorageClass, Tags: upload.Tags, Encryption: upload.Encryption,
		}
		if err := s.chooseParts(ctx, t, v, chosen{id, upload, in.Parts, digests, key}); err != nil {
			return nil, err
		}
		if err := checkCompletedAs(v, &in); err != nil {
			return nil, err
		}
		if key != nil {
			if err := v.sealFields(key); err != nil {
				return nil, err
			}
		}
		return t.complete(ctx, id, upload, v, in.Request)
	})
	if err != nil {
		return Info{}, err
	}
	info := b.info(in.Key, v)
	if position.Stamp != 0 {
		info.Stamp, info.Modified = position.Stamp, stampTime(position.Stamp)
	}
	return info, nil
}

// complete writes the object and what becomes of its upload.
func (t *tx) complete(ctx context.Context, id uploadID, upload *uploadRecord, v *versionRecord, req event.Request) (*event.Record, error) {
	if err := t.protect(v, upload.Lock.lock()); err != nil {
		return nil, err
	}
	if err := t.place(ctx, v); err != nil {
		return nil, err
	}
	done := *upload
	done.Metadata = nil
	done.Done = &completed{ETag: v.ETag, Size: v.Size, Parts: *v.Parts, Checksum: v.Checksum, VersionID: v.VersionID}
	if v.Encryption != nil {
		done.Done.Checksum = nil // a repetition does without
	}
	stored, err := done.encode()
	if err != nil {
		return nil, err
	}
	t.batch.Set(uploadKey(t.bucket.ID, id), stored)
	t.batch.Delete(openKey(t.bucket.ID, t.key, id))
	t.batch.Set(doneKey(0, t.bucket.ID, id), nil,
		kv.Fill{Append: ownAppend, Field: kv.Stamp, InKey: true, Offset: doneStampOffset})
	return t.created(event.ObjectCreatedCompleteMultipartUpload, v, req), nil
}

// checkCompleted looks at a list of parts by itself. It returns the parts' MD5s
// and the ETag that the object will have: the MD5 of the MD5s, and their number.
func checkCompleted(parts []CompletedPart) (digests [][md5.Size]byte, etag string, err error) {
	if len(parts) == 0 {
		return nil, "", fmt.Errorf("%w: no parts", ErrInvalidPart)
	}
	sum := md5.New() //nolint:gosec // see the import
	last := 0
	digests = make([][md5.Size]byte, len(parts))
	for i, p := range parts {
		if p.Number < 1 || p.Number > s3.MaxParts {
			return nil, "", fmt.Errorf("%w: part %d", ErrInvalidPart, p.Number)
		}
		if p.Number <= last {
			return nil, "", fmt.Errorf("%w: part %d after %d", ErrInvalidPartOrder, p.Number, last)
		}
		last = p.Number
		if len(p.ETag) != hex.EncodedLen(md5.Size) {
			return nil, "", fmt.Errorf("%w: ETag of part %d", ErrInvalidPart, p.Number)
		}
		if _, err := hex.Decode(digests[i][:], []byte(p.ETag)); err != nil {
			return nil, "", fmt.Errorf("%w: ETag of part %d", ErrInvalidPart, p.Number)
		}
		sum.Write(digests[i][:])
	}
	return digests, etagOf(sum.Sum(nil)) + "-" + strconv.Itoa(len(parts)), nil
}

// chosen are the parts that a completion lists, with their MD5s.
type chosen struct {
	id      uploadID
	upload  *uploadRecord
	parts   []CompletedPart
	digests [][md5.Size]byte
	// key is that of an encrypted object; nil of others, and without the
	// customer's.
	key *sse.ObjectKey
}

// match compares a stored part with the one at index.
func (c *chosen) match(index int, part *partRecord) error {
	listed := c.parts[index]
	if !bytes.Equal(part.MD5, c.digests[index][:]) {
		return fmt.Errorf("%w: part %d", ErrInvalidPart, listed.Number)
	}
	sum := listed.Checksum
	if sum == nil || part.SealedDigest != nil && c.key == nil {
		return nil // nothing to compare, or not to be seen without the customer's key
	}
	has, err := part.sum(c.key, listed.Number)
	if err != nil {
		return err
	}
	if !sum.Equal(has) && !(c.upload.Implied && sum.Algorithm != c.upload.Checksum) {
		return fmt.Errorf("%w: checksum of part %d", ErrInvalidPart, listed.Number)
	}
	return nil
}

// chooseParts compares the list with the parts that are there, makes the object
// v of them, and requires each listed one to stand until the commit: one that is
// uploaded again meanwhile may be another.
func (s *Service) chooseParts(ctx context.Context, t *tx, v *versionRecord, list chosen) error {
	m := &partMap{BucketID: t.bucket.ID, Upload: bytes.Clone(list.id[:])}
	var sum *checksum.Joiner
	if list.summed() {
		sum = checksum.NewJoiner(list.upload.Checksum, list.upload.Type)
	}
	sameSize, previous := true, int64(-1)
	rows := kv.Range{Start: partKey(t.bucket.ID, list.id, 1), End: partsEnd(t.bucket.ID, list.id)}
	for e, err := range t.reader.Scan(ctx, rows) {
		if err != nil {
			return storeError(err)
		}
		if m.Count == len(list.parts) {
			break
		}
		number, want := partNumber(e.Key), list.parts[m.Count].Number
		if number < want {
			continue // left out; see sweepDone
		}
		part, err := decodePart(e.Item.Value)
		if err != nil {
			return err
		}
		if number > want {
			return fmt.Errorf("%w: part %d", ErrInvalidPart, want)
		}
		if err := list.match(m.Count, part); err != nil {
			return err
		}
		if previous >= 0 && previous < s.minPart {
			return fmt.Errorf("%w: %d bytes before part %d", ErrPartTooSmall, previous, number)
		}
		switch {
		case m.Count == 0:
			m.PartSize = part.Size
		case previous != m.PartSize, part.Size > m.PartSize:
			sameSize = false
		}
		if sum != nil {
			of, err := part.sum(list.key, number)
			if err != nil {
				return err
			}
			if of == nil { // uploadPart keeps one with each
				return fmt.Errorf("%w: part %d has no checksum", errStored, number)
			}
			sum.Add(of.Digest, part.Size)
		}
		t.batch.Require(e.Key, e.Item)
		m.add(number)
		v.Size += part.Size
		previous = part.Size
	}
	if m.Count < len(list.parts) {
		return fmt.Errorf("%w: part %d", ErrInvalidPart, list.parts[m.Count].Number)
	}
	if v.Size > s3.MaxObjectBytes {
		return fmt.Errorf("%w: %d bytes in parts", ErrEntityTooLarge, v.Size)
	}
	if !sameSize {
		m.PartSize = 0
	}
	v.Parts = m
	if sum != nil {
		v.Checksum = sum.Sum()
	}
	return nil
}

// completionKey is the key of the object that an upload makes; nil if it is not
// encrypted, or with a customer's key that the client left out: it needs that only
// for checksums that it asked for ("CompleteMultipartUpload").
func (s *Service) completionKey(b *bucket, upload *uploadRecord, in *CompleteInput) (*sse.ObjectKey, error) {
	e := upload.Encryption
	if e != nil && e.Method == EncryptedC && in.CustomerKey == nil && (upload.Checksum == 0 || upload.Implied) {
		return nil, nil
	}
	return s.unseal(b, in.Key, e, in.CustomerKey)
}

// summed reports whether the object gets a checksum.
func (c *chosen) summed() bool {
	return c.upload.Checksum != 0 && (c.upload.Encryption == nil || c.key != nil)
}
