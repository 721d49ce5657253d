package object

import (
	"context"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/s3"
	"github.com/carillon-s3/carillon/internal/sse"
)

// ListPartsInput asks for one page of an upload's parts.
type ListPartsInput struct {
	UploadInput
	// After excludes the parts up to that number.
	After    int
	MaxParts int
}

// PartsPage is one page of an upload's parts, in order of their numbers.
type PartsPage struct {
	Parts []Part
	// Next is the After of the following page; set only when Truncated.
	Next      int
	Truncated bool
	// Checksum and Type are the upload's; 0 of one without.
	Checksum checksum.Algorithm
	Type     checksum.Type
	// StorageClass is the object's to be, as in Info.
	StorageClass string
	// Encryption is the object's to be.
	Encryption Encryption
}

// ListParts lists the parts of an upload that is under way (S3, ListParts).
// ErrNoSuchBucket, ErrNoSuchUpload.
func (s *Service) ListParts(ctx context.Context, in ListPartsInput) (PartsPage, error) {
	var page PartsPage
	view, err := s.store.View(ctx)
	if err != nil {
		return page, storeError(err)
	}
	defer view.Close()
	up, err := s.openUpload(ctx, view, in.UploadInput)
	if err != nil {
		return page, err
	}
	page.Checksum, page.Type, page.StorageClass = up.Checksum, up.Type, up.StorageClass
	page.Encryption = up.Encryption.public()
	var key *sse.ObjectKey // without a customer's, checksums are left out
	if page.Encryption.Method != EncryptedC {
		if key, err = s.unseal(up.bucket, in.Key, up.Encryption, nil); err != nil {
			return page, err
		}
	}
	limit := min(max(in.MaxParts, 0), s3.MaxListParts)
	if limit == 0 || in.After >= s3.MaxParts {
		return page, nil
	}
	rows := kv.Range{Start: partKey(up.bucket.ID, up.id, max(in.After, 0)+1), End: partsEnd(up.bucket.ID, up.id)}
	for e, err := range view.Scan(ctx, rows) {
		if err != nil {
			return PartsPage{}, storeError(err)
		}
		if len(page.Parts) == limit {
			page.Truncated, page.Next = true, page.Parts[limit-1].Number
			break
		}
		part, err := decodePart(e.Item.Value)
		if err != nil {
			return PartsPage{}, err
		}
		public, err := part.public(partNumber(e.Key), key)
		if err != nil {
			return PartsPage{}, err
		}
		page.Parts = append(page.Parts, public)
	}
	return page, nil
}

// ListUploadsInput asks for one page of the uploads under way in a bucket.
type ListUploadsInput struct {
	Bucket, Prefix, Delimiter string
	// AfterKey excludes the uploads of keys up to it, and if it is a common
	// prefix all of its group; with AfterUpload the later ones of AfterKey itself
	// are included.
	AfterKey, AfterUpload string
	MaxUploads            int
}

// Upload is an upload under way.
type Upload struct {
	Key      string
	UploadID string
	Created  time.Time
	// Checksum and Type are 0 of an upload without.
	Checksum checksum.Algorithm
	Type     checksum.Type
}

// UploadsPage is one page of uploads, by key and then by when they began.
type UploadsPage struct {
	Uploads  []Upload
	Prefixes []string
	// NextKey and NextUpload are the AfterKey and AfterUpload of the following
	// page; set only when Truncated.
	NextKey, NextUpload string
	Truncated           bool
}

// ListUploads lists the uploads under way in a bucket (S3,
// ListMultipartUploads). ErrNoSuchBucket; ErrNoSuchUpload if AfterUpload cannot
// be an upload's id.
func (s *Service) ListUploads(ctx context.Context, in ListUploadsInput) (UploadsPage, error) {
	var page UploadsPage
	view, err := s.store.View(ctx)
	if err != nil {
		return page, storeError(err)
	}
	defer view.Close()
	b, _, err := s.readBucket(ctx, view, in.Bucket)
	if err != nil {
		return page, err
	}
	limit := min(max(in.MaxUploads, 0), s3.MaxListUploads)
	if limit == 0 {
		return page, nil
	}
	next, err := uploadsStart(b.ID, in)
	if err != nil {
		return page, err
	}
	f := uploadsFill{view: view, bucketID: b.ID, in: &in, limit: limit, page: &page}
	for next != nil {
		if next, err = f.from(ctx, next); err != nil {
			return UploadsPage{}, err
		}
	}
	if !page.Truncated {
		page.NextKey, page.NextUpload = "", ""
	}
	return page, nil
}

// uploadsStart is the row from which a page is read.
func uploadsStart(bucketID uint64, in ListUploadsInput) ([]byte, error) {
	start := openPrefix(bucketID, in.Prefix, false)
	if in.AfterKey == "" {
		return start, nil
	}
	after := kv.PrefixEnd(openPrefix(bucketID, in.AfterKey, true))
	if group, ok := groupOf(in.AfterKey, in.Prefix, in.Delimiter); ok && group == in.AfterKey {
		after = kv.PrefixEnd(openPrefix(bucketID, group, false))
	} else if in.AfterUpload != "" {
		id, err := parseUploadID(in.AfterUpload)
		if err != nil {
			return nil, err
		}
		after = append(openKey(bucketID, in.AfterKey, id), 0)
	}
	if string(after) > string(start) {
		start = after
	}
	return start, nil
}

// uploadsFill fills a page.
type uploadsFill struct {
	view     kv.Reader
	bucketID uint64
	in       *ListUploadsInput
	limit    int
	page     *UploadsPage
}

// from adds uploads from a row on until the page is full or a group begins, and
// returns the row behind that group. Groups are not left to the engine: it would
// look for the delimiter in the upload's id too.
func (f *uploadsFill) from(ctx context.Context, start []byte) ([]byte, error) {
	p := f.page
	end := kv.PrefixEnd(openPrefix(f.bucketID, f.in.Prefix, false))
	if string(start) >= string(end) {
		return nil, nil
	}
	for e, err := range f.view.Scan(ctx, kv.Range{Start: start, End: end}) {
		if err != nil {
			return nil, storeError(err)
		}
		if len(p.Uploads)+len(p.Prefixes) == f.limit {
			p.Truncated = true
			return nil, nil
		}
		key, id, ok := parseOpenKey(e.Key)
		if !ok {
			return nil, fmt.Errorf("%w: row of an upload", errStored)
		}
		if group, ok := groupOf(key, f.in.Prefix, f.in.Delimiter); ok {
			p.Prefixes = append(p.Prefixes, group)
			p.NextKey, p.NextUpload = group, ""
			return kv.PrefixEnd(openPrefix(f.bucketID, group, false)), nil
		}
		listed, err := decodeListed(e.Item.Value)
		if err != nil {
			return nil, err
		}
		p.Uploads = append(p.Uploads, Upload{
			Key: key, UploadID: id.String(), Created: time.UnixMilli(listed.created).UTC(),
			Checksum: listed.checksum, Type: listed.kind,
		})
		p.NextKey, p.NextUpload = key, id.String()
	}
	return nil, nil
}
