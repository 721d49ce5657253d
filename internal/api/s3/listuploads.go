package s3api

import (
	"strconv"

	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// pageSize reads a parameter that bounds a page; it is limit if absent.
func (r *request) pageSize(name string, limit int) (int, error) {
	v := r.query.Get(name)
	if v == "" {
		return limit, nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 0 {
		return 0, errInvalidArgument.says("Argument " + name + " must be an integer between 0 and 2147483647")
	}
	return min(int(n), limit), nil
}

// listParts answers ListParts.
func listParts(h *Handler, w *response, r *request) error {
	in := object.ListPartsInput{UploadInput: r.upload()}
	var err error
	if in.MaxParts, err = r.pageSize("max-parts", s3.MaxListParts); err != nil {
		return err
	}
	if in.After, err = r.markedPart(); err != nil {
		return err
	}
	l, err := h.listing(r) // for its encoding
	if err != nil {
		return err
	}
	page, err := h.Service.ListParts(r.Context(), in)
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.root("ListPartsResult")
	d.text("Bucket", r.bucket)
	l.name(d, "Key", r.key)
	d.text("UploadId", in.UploadID)
	d.owner("Initiator")
	d.owner("Owner")
	d.text("StorageClass", toldClass(page.StorageClass))
	d.number("PartNumberMarker", int64(in.After))
	if page.Truncated {
		// Never of the last page: the paginator of the SDK for JavaScript takes
		// any value, the zero too, for a further page.
		d.number("NextPartNumberMarker", int64(page.Next))
	}
	d.number("MaxParts", int64(in.MaxParts))
	d.boolean("IsTruncated", page.Truncated)
	if l.encode {
		d.text("EncodingType", "url")
	}
	d.optional("ChecksumAlgorithm", page.Checksum.String())
	d.optional("ChecksumType", page.Type.String())
	for _, p := range page.Parts {
		d.open("Part")
		d.number("PartNumber", int64(p.Number))
		d.time("LastModified", p.Modified)
		d.etag(p.ETag)
		d.number("Size", p.Size)
		d.checksum(p.Checksum)
		d.close("Part")
	}
	d.close("ListPartsResult")
	return w.ok(d)
}

func (r *request) markedPart() (int, error) {
	v := r.query.Get("part-number-marker")
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 0 {
		return 0, errInvalidArgument.says("Argument part-number-marker must be an integer between 0 and 2147483647")
	}
	return int(n), nil
}

// listMultipartUploads answers ListMultipartUploads.
func listMultipartUploads(h *Handler, w *response, r *request) error {
	l, err := h.listing(r)
	if err != nil {
		return err
	}
	in := object.ListUploadsInput{
		Bucket: r.bucket, Prefix: l.input.Prefix, Delimiter: l.input.Delimiter,
		AfterKey: r.query.Get("key-marker"),
	}
	if in.AfterKey != "" { // without it, S3 ignores the other marker
		in.AfterUpload = r.query.Get("upload-id-marker")
	}
	if in.MaxUploads, err = r.pageSize("max-uploads", s3.MaxListUploads); err != nil {
		return err
	}
	page, err := h.Service.ListUploads(r.Context(), in)
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.root("ListMultipartUploadsResult")
	d.text("Bucket", r.bucket)
	l.name(d, "KeyMarker", r.query.Get("key-marker"))
	d.text("UploadIdMarker", r.query.Get("upload-id-marker"))
	l.name(d, "NextKeyMarker", page.NextKey)
	d.text("NextUploadIdMarker", page.NextUpload)
	l.name(d, "Delimiter", in.Delimiter)
	l.name(d, "Prefix", in.Prefix)
	if l.encode {
		d.text("EncodingType", "url")
	}
	d.number("MaxUploads", int64(in.MaxUploads))
	d.boolean("IsTruncated", page.Truncated)
	for _, u := range page.Uploads {
		d.open("Upload")
		l.name(d, "Key", u.Key)
		d.text("UploadId", u.UploadID)
		d.owner("Initiator")
		d.owner("Owner")
		d.text("StorageClass", "STANDARD")
		d.time("Initiated", u.Created)
		d.optional("ChecksumAlgorithm", u.Checksum.String())
		d.optional("ChecksumType", u.Type.String())
		d.close("Upload")
	}
	l.prefixes(d, page.Prefixes)
	d.close("ListMultipartUploadsResult")
	return w.ok(d)
}
