package s3api

import (
	"bytes"
	"errors"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

const (
	// maxFormBytes bounds the fields before the file ("POST Object").
	maxFormBytes = 20 << 10
	// maxFormFields bounds their number.
	maxFormFields = 100
)

// postForm is a form for an upload, read up to its file.
type postForm struct {
	// fields are by name in lower case. Of a repeated one the first counts.
	fields map[string]string
	file   *multipart.Part
}

// readForm reads the fields of a form, and opens its file. What follows the file
// is ignored.
func readForm(r *http.Request) (*postForm, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, errPreconditionFailed.says("Bucket POST must be of the enclosure-type multipart/form-data")
	}
	form := &postForm{fields: make(map[string]string)}
	left := int64(maxFormBytes)
	for parts := multipart.NewReader(r.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, errIncorrectNumberOfFiles
		}
		if err != nil {
			return nil, malformedForm(err)
		}
		name := strings.ToLower(part.FormName())
		if name == "" {
			return nil, errMalformedPOST
		}
		if name == "file" {
			form.file = part
			return form, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil {
			return nil, malformedForm(err)
		}
		if left -= int64(len(name) + len(value)); left < 0 || len(form.fields) == maxFormFields {
			return nil, errMaxPostPreData
		}
		if _, repeated := form.fields[name]; !repeated {
			form.fields[name] = string(value)
		}
	}
}

// malformedForm tells a broken form from a broken connection.
func malformedForm(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errIncompleteBody
	}
	return &apiError{code: errMalformedPOST, cause: err}
}

// key is the key that the form asks for, with the name of the user's file in it
// where it says ${filename}.
func (f *postForm) key() (string, error) {
	key := f.fields["key"]
	if key == "" {
		return "", errInvalidArgument.says("Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.")
	}
	return strings.ReplaceAll(key, "${filename}", f.file.FileName()), nil
}

// header gives the fields as the headers that a PUT would have for them, beside
// what the client's own say of who it is.
func (f *postForm) header(of http.Header) http.Header {
	h := make(http.Header)
	for _, name := range []string{"User-Agent", "Referer"} {
		if v, ok := of[name]; ok {
			h[name] = v
		}
	}
	for name, value := range f.fields {
		switch {
		case name == "acl":
			h.Set("X-Amz-Acl", value)
		case strings.HasPrefix(name, "x-amz-"):
			h.Set(name, value)
		}
	}
	for _, s := range standardHeaders() {
		if value := f.fields[s.stored]; value != "" {
			h.Set(s.header, value)
		}
	}
	return h
}

// formFile is the file of a form. It fails instead of ending if it has fewer
// bytes than the policy wants, or another checksum than the form says, and as
// soon as it has more: then nothing is stored.
type formFile struct {
	io.Reader
	n, least, most int64
	// digest is nil, or made of what was read; want is what it must be.
	digest hash.Hash
	want   []byte
}

// Read implements io.Reader.
func (f *formFile) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	f.n += int64(n)
	if f.digest != nil {
		_, _ = f.digest.Write(p[:n]) // never fails
	}
	switch {
	case f.n > f.most:
		return n, errEntityTooLarge
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, malformedForm(err)
	case f.n < f.least:
		return n, errEntityTooSmall
	case f.digest != nil && !bytes.Equal(f.digest.Sum(nil), f.want):
		return n, errBadDigest
	}
	return n, io.EOF
}
