package s3api

import (
	"strings"
	"unicode/utf8"

	"github.com/carillon-s3/carillon/internal/s3"
)

const (
	userMetadataPrefix = "X-Amz-Meta-"
	// defaultContentType is that of an object that was stored without one.
	defaultContentType = "binary/octet-stream"
	// maxStandardHeaderBytes bounds the standard headers kept with an object:
	// Amazon S3 takes 8 KiB of headers in a PUT altogether.
	maxStandardHeaderBytes = 8 << 10
)

// standardHeader is a request header that is stored with the object and comes
// back with it.
type standardHeader struct{ header, stored string }

// standardHeaders lists them by canonical and by stored name.
func standardHeaders() [6]standardHeader {
	return [...]standardHeader{
		{"Content-Type", "content-type"},
		{"Cache-Control", "cache-control"},
		{"Content-Disposition", "content-disposition"},
		{"Content-Encoding", "content-encoding"},
		{"Content-Language", "content-language"},
		{"Expires", "expires"},
	}
}

// metadata collects what is stored beside an object's bytes.
func metadata(r *request) (map[string]string, error) {
	m := make(map[string]string, 4)
	user, standard := 0, 0
	for name, values := range r.Header {
		rest, ok := strings.CutPrefix(name, userMetadataPrefix)
		if !ok || rest == "" {
			continue
		}
		value := strings.Join(values, ",")
		if !utf8.ValidString(value) {
			return nil, errInvalidArgument.says("User metadata must be valid UTF-8.")
		}
		if user += len(rest) + len(value); user > s3.MaxUserMetadataBytes {
			return nil, errMetadataTooLarge
		}
		m[name] = value
	}
	for _, h := range standardHeaders() {
		value := r.head(h.header)
		if h.header == "Content-Encoding" {
			value = storedEncoding(value)
		}
		if value == "" {
			continue
		}
		if !utf8.ValidString(value) {
			return nil, errInvalidArgument.says("The header " + h.header + " must be valid UTF-8.")
		}
		if standard += len(value); standard > maxStandardHeaderBytes {
			return nil, errMetadataTooLarge
		}
		m[h.stored] = value
	}
	if m["content-type"] == "" {
		m["content-type"] = defaultContentType
	}
	return m, nil
}

// storedEncoding takes aws-chunked away: it was the upload's, not the object's.
func storedEncoding(value string) string {
	if !strings.Contains(value, "aws-chunked") {
		return value
	}
	var kept []string
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" && part != "aws-chunked" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ",")
}

// metadata gives an object's metadata back as headers.
func (w *response) metadata(m map[string]string) {
	for name, value := range m {
		if strings.HasPrefix(name, userMetadataPrefix) {
			// In lower case on the wire, as Amazon S3 sends it: boto3 makes
			// case-sensitive keys of these names.
			w.set(strings.ToLower(name), value)
		}
	}
	for _, h := range standardHeaders() {
		if value := m[h.stored]; value != "" {
			w.set(h.header, value)
		}
	}
	if m["content-type"] == "" {
		w.set("Content-Type", defaultContentType)
	}
}
