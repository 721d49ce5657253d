package s3api

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// listing is what the four list operations have in common.
type listing struct {
	input object.ListInput
	// encode says that keys and prefixes are URL-encoded in the answer.
	encode bool
	owner  bool
	// metadata adds each object's metadata, an extension of the notification
	// guide's server that its client's mirror and find use; may says of which
	// objects the caller may see what.
	metadata bool
	may      func(action iam.Action, info *object.Info) bool
}

func (h *Handler) listing(r *request) (listing, error) {
	l := listing{input: object.ListInput{
		Bucket: r.bucket, Prefix: r.query.Get("prefix"), Delimiter: r.query.Get("delimiter"), MaxKeys: s3.MaxListKeys,
	}}
	for _, name := range []string{"prefix", "delimiter", "marker", "start-after", "key-marker"} {
		if v := r.query.Get(name); !utf8.ValidString(v) {
			return l, errInvalidArgument.says("The parameter " + name + " must be valid UTF-8.")
		}
	}
	switch r.query.Get("encoding-type") {
	case "":
	case "url":
		l.encode = true
	default:
		return l, errInvalidArgument.says("Invalid Encoding Method specified in Request")
	}
	if v := r.query.Get("max-keys"); v != "" {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 0 {
			return l, errInvalidArgument.says("Argument maxKeys must be an integer between 0 and 2147483647")
		}
		l.input.MaxKeys = min(int(n), s3.MaxListKeys)
	}
	l.metadata = r.query.Get("metadata") == "true"
	l.may = func(action iam.Action, info *object.Info) bool {
		return h.authorizeVersion(r, action, copySource{info.Bucket, info.Key, info.VersionID}) == nil
	}
	return l, nil
}

// name writes an element that holds a key or a part of one.
func (l *listing) name(d *document, element, value string) {
	if l.encode {
		value = urlEncode(value)
	}
	d.text(element, value)
}

// urlEncode is what encoding-type=url asks for. A blank is %20 and not "+",
// which only some clients decode.
func urlEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~*/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte("0123456789ABCDEF"[c>>4])
		b.WriteByte("0123456789ABCDEF"[c&15])
	}
	return b.String()
}

// listObjects answers ListObjects, version 1.
func listObjects(h *Handler, w *response, r *request) error {
	l, err := h.listing(r)
	if err != nil {
		return err
	}
	l.input.After, l.owner = r.query.Get("marker"), true
	page, err := h.Service.List(r.Context(), l.input)
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.root("ListBucketResult")
	d.text("Name", r.bucket)
	l.name(d, "Prefix", l.input.Prefix)
	l.name(d, "Marker", l.input.After)
	if page.Truncated && l.input.Delimiter != "" {
		// Without a delimiter the last key is the marker ("ListObjects", NextMarker).
		l.name(d, "NextMarker", page.Next)
	}
	d.number("MaxKeys", int64(l.input.MaxKeys))
	l.page(d, page)
	d.close("ListBucketResult")
	return w.ok(d)
}

// listObjectsV2 answers ListObjectsV2.
func listObjectsV2(h *Handler, w *response, r *request) error {
	if r.query.Get("list-type") != "2" {
		return errInvalidArgument.says("Invalid List Type specified in Request")
	}
	l, err := h.listing(r)
	if err != nil {
		return err
	}
	l.owner = r.query.Get("fetch-owner") == "true"
	l.input.After = r.query.Get("start-after")
	token := r.query.Get("continuation-token")
	if r.has("continuation-token") {
		after, err := base64.StdEncoding.DecodeString(token)
		if err != nil || len(after) == 0 {
			return errInvalidArgument.says("The continuation token provided is incorrect")
		}
		l.input.After = string(after)
	}
	page, err := h.Service.List(r.Context(), l.input)
	if err != nil {
		return err
	}
	d := h.document()
	defer h.release(d)
	d.root("ListBucketResult")
	d.text("Name", r.bucket)
	l.name(d, "Prefix", l.input.Prefix)
	if v := r.query.Get("start-after"); v != "" {
		l.name(d, "StartAfter", v)
	}
	d.optional("ContinuationToken", token)
	if page.Truncated {
		d.text("NextContinuationToken", base64.StdEncoding.EncodeToString([]byte(page.Next)))
	}
	d.number("KeyCount", int64(len(page.Objects)+len(page.Prefixes)))
	d.number("MaxKeys", int64(l.input.MaxKeys))
	l.page(d, page)
	d.close("ListBucketResult")
	return w.ok(d)
}

// page writes what both versions end with.
func (l *listing) page(d *document, page object.ListPage) {
	if l.input.Delimiter != "" {
		l.name(d, "Delimiter", l.input.Delimiter)
	}
	d.boolean("IsTruncated", page.Truncated)
	if l.encode {
		d.text("EncodingType", "url")
	}
	for i := range page.Objects {
		d.open("Contents")
		l.object(d, &page.Objects[i])
		d.close("Contents")
	}
	l.prefixes(d, page.Prefixes)
}

func (l *listing) prefixes(d *document, prefixes []string) {
	for _, p := range prefixes {
		d.open("CommonPrefixes")
		l.name(d, "Prefix", p)
		d.close("CommonPrefixes")
	}
}

func (l *listing) object(d *document, info *object.Info) {
	l.name(d, "Key", info.Key)
	d.time("LastModified", info.Modified)
	d.etag(info.ETag)
	if sum := info.Checksum; sum != nil {
		d.text("ChecksumAlgorithm", sum.Algorithm.String())
		d.text("ChecksumType", sum.Type().String())
	}
	d.number("Size", info.Size)
	if l.owner {
		d.owner("Owner")
	}
	d.text("StorageClass", toldClass(info.StorageClass))
	if !l.metadata {
		return
	}
	d.open("UserMetadata")
	if l.may(iam.ActionGetObject, info) {
		for name, value := range info.Metadata {
			// The name becomes an element, and not every header name can be one.
			if xmlName(name) {
				d.text(name, value)
			}
		}
	}
	d.close("UserMetadata")
	if len(info.Tags) > 0 && l.may(iam.ActionGetObjectTagging, info) {
		d.text("UserTags", s3.EncodeTags(info.Tags))
	}
}

func xmlName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}
