package s3api

import "github.com/carillon-s3/carillon/internal/object"

// listObjectVersions answers ListObjectVersions. In a bucket that was never
// versioned every object is its own and only version.
func listObjectVersions(h *Handler, w *response, r *request) error {
	l, err := h.listing(r)
	if err != nil {
		return err
	}
	l.owner = true
	in := object.ListVersionsInput{
		Bucket: r.bucket, Prefix: l.input.Prefix, Delimiter: l.input.Delimiter, MaxKeys: l.input.MaxKeys,
		KeyMarker: r.query.Get("key-marker"), VersionMarker: r.query.Get("version-id-marker"),
	}
	if in.VersionMarker != "" && in.KeyMarker == "" {
		return errInvalidArgument.says("A version-id marker cannot be specified without a key marker.")
	}
	page, err := h.Service.ListVersions(r.Context(), in)
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.root("ListVersionsResult")
	d.text("Name", r.bucket)
	l.name(d, "Prefix", in.Prefix)
	l.name(d, "KeyMarker", in.KeyMarker)
	d.text("VersionIdMarker", in.VersionMarker)
	if page.Truncated {
		l.name(d, "NextKeyMarker", page.NextKey)
		d.optional("NextVersionIdMarker", page.NextVersion)
	}
	d.number("MaxKeys", int64(in.MaxKeys))
	if in.Delimiter != "" {
		l.name(d, "Delimiter", in.Delimiter)
	}
	d.boolean("IsTruncated", page.Truncated)
	if l.encode {
		d.text("EncodingType", "url")
	}
	for i := range page.Versions {
		l.version(d, &page.Versions[i])
	}
	l.prefixes(d, page.Prefixes)
	d.close("ListVersionsResult")
	return w.ok(d)
}

func (l *listing) version(d *document, v *object.Version) {
	element := "Version"
	if v.Marker {
		element = "DeleteMarker"
	}
	d.open(element)
	if v.Marker {
		l.name(d, "Key", v.Key)
		d.time("LastModified", v.Modified)
		d.owner("Owner")
	} else {
		l.object(d, &v.Info)
	}
	d.boolean("IsLatest", v.Latest)
	d.text("VersionId", v.VersionID)
	d.close(element)
}
