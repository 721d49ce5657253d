package s3api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// attributes are what GetObjectAttributes can be asked for.
type attributes struct{ etag, checksum, parts, storageClass, size bool }

// askedAttributes reads x-amz-object-attributes: names, in one header or many.
func (r *request) askedAttributes() (attributes, error) {
	var a attributes
	values := strings.Join(r.Header["X-Amz-Object-Attributes"], ",")
	if values == "" {
		return a, errInvalidArgument.says("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	}
	for name := range strings.SplitSeq(values, ",") {
		switch strings.TrimSpace(name) {
		case "ETag":
			a.etag = true
		case "Checksum":
			a.checksum = true
		case "ObjectParts":
			a.parts = true
		case "StorageClass":
			a.storageClass = true
		case "ObjectSize":
			a.size = true
		default:
			return a, errInvalidArgument.says("Invalid attribute name specified.")
		}
	}
	return a, nil
}

// headerNumber reads a header that bounds or places a page.
func (r *request) headerNumber(canonical string, absent int) (int, error) {
	value := r.head(canonical)
	if value == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 0 {
		return 0, errInvalidArgument.says("The header " + strings.ToLower(canonical) + " must be an integer between 0 and 2147483647")
	}
	return int(n), nil
}

// getObjectAttributes answers GetObjectAttributes.
func getObjectAttributes(h *Handler, w *response, r *request) error {
	asked, err := r.askedAttributes()
	if err != nil {
		return err
	}
	in := object.AttributesInput{Bucket: r.bucket, Key: r.key, VersionID: r.version()}
	if in.MaxParts, err = r.headerNumber("X-Amz-Max-Parts", s3.MaxListParts); err != nil {
		return err
	}
	in.MaxParts = min(in.MaxParts, s3.MaxListParts)
	if in.After, err = r.headerNumber("X-Amz-Part-Number-Marker", 0); err != nil {
		return err
	}
	if in.CustomerKey, err = r.readingKey(); err != nil {
		return err
	}
	a, err := h.Service.Attributes(r.Context(), in)
	if err != nil {
		return err
	}
	h.Service.Accessed(r.Context(), event.ObjectAccessedAttributes, a.Info, r.event())
	w.setVersion(a.VersionID)
	w.set("Last-Modified", a.Modified.UTC().Format(http.TimeFormat))
	d := h.document()
	defer h.release(d)
	d.root("GetObjectAttributesResponse")
	if asked.etag {
		d.text("ETag", a.ETag)
	}
	if asked.checksum && a.Checksum != nil {
		d.open("Checksum")
		// Without the number of parts, in this one operation.
		d.checksum(&checksum.Sum{Algorithm: a.Checksum.Algorithm, Digest: a.Checksum.Digest})
		d.text("ChecksumType", a.Checksum.Type().String())
		d.close("Checksum")
	}
	if asked.parts && a.Parts > 0 {
		d.objectParts(in, a)
	}
	if asked.storageClass {
		d.text("StorageClass", toldClass(a.StorageClass))
	}
	if asked.size {
		d.number("ObjectSize", a.Size)
	}
	d.close("GetObjectAttributesResponse")
	return w.ok(d)
}

// objectParts writes a page of parts.
func (d *document) objectParts(in object.AttributesInput, a object.Attributes) {
	d.open("ObjectParts")
	d.number("PartsCount", int64(a.Parts))
	d.number("PartNumberMarker", int64(in.After))
	next := in.After // of the last page too: clients compare it with the count
	if n := len(a.PartsPage); n > 0 {
		next = a.PartsPage[n-1].Number
	}
	d.number("NextPartNumberMarker", int64(next))
	d.number("MaxParts", int64(in.MaxParts))
	d.boolean("IsTruncated", a.Truncated)
	for _, p := range a.PartsPage {
		d.open("Part")
		d.number("PartNumber", int64(p.Number))
		d.number("Size", p.Size)
		d.checksum(p.Checksum)
		d.close("Part")
	}
	d.close("ObjectParts")
}
