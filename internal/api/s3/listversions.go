package s3api

// nullVersion is the version id of an object in a bucket without versioning.
const nullVersion = "null"

// listObjectVersions answers ListObjectVersions of a bucket that was never
// versioned: every object is its own and only version.
func listObjectVersions(h *Handler, w *response, r *request) error {
	l, err := r.listing()
	if err != nil {
		return err
	}
	l.owner = true
	marker, version := r.query.Get("key-marker"), r.query.Get("version-id-marker")
	if version != "" && marker == "" {
		return errInvalidArgument.says("A version-id marker cannot be specified without a key marker.")
	}
	l.input.After = marker
	page, err := h.Service.List(r.Context(), l.input)
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.root("ListVersionsResult")
	d.text("Name", r.bucket)
	l.name(d, "Prefix", l.input.Prefix)
	l.name(d, "KeyMarker", marker)
	d.text("VersionIdMarker", version)
	if page.Truncated {
		l.name(d, "NextKeyMarker", page.Next)
		d.text("NextVersionIdMarker", nullVersion)
	}
	d.number("MaxKeys", int64(l.input.MaxKeys))
	if l.input.Delimiter != "" {
		l.name(d, "Delimiter", l.input.Delimiter)
	}
	d.boolean("IsTruncated", page.Truncated)
	if l.encode {
		d.text("EncodingType", "url")
	}
	for i := range page.Objects {
		d.open("Version")
		l.object(d, &page.Objects[i])
		d.boolean("IsLatest", true)
		d.text("VersionId", nullVersion)
		d.close("Version")
	}
	l.prefixes(d, page.Prefixes)
	d.close("ListVersionsResult")
	return w.ok(d)
}
