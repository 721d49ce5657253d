package s3api

import (
	"bytes"
	"crypto/md5" //nolint:gosec // Content-MD5 guards against accidents only
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"unicode"
)

// maxXMLDepth bounds the nesting of a request's document. S3's deepest that we
// read has 4 levels; the rest is for elements that are skipped.
const maxXMLDepth = 32

// readDocument reads a whole body of at most limit bytes, so that it is verified
// to its end before any of it counts, and checks its Content-MD5.
func readDocument(r *request, limit int64) ([]byte, error) {
	if r.body.Size() > limit {
		return nil, errMaxMessageLength
	}
	want, err := contentMD5(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r.body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, errMaxMessageLength
	}
	if got := md5.Sum(body); want != nil && !bytes.Equal(got[:], want) { //nolint:gosec // see the import
		return nil, errBadDigest.says("The Content-MD5 you specified did not match what we received.")
	}
	return body, nil
}

// contentMD5 is the digest that the client announced; nil if it did not.
func contentMD5(r *request) ([]byte, error) {
	values, ok := r.Header["Content-Md5"]
	if !ok {
		return nil, nil
	}
	digest, err := base64.StdEncoding.DecodeString(values[0])
	if err != nil || len(digest) != md5.Size {
		return nil, errInvalidDigest
	}
	return digest, nil
}

// decodeXML reads a document into v. It must be whole, with nothing after it but
// white space; it may have no document type, no entities of its own, and no
// more than maxXMLDepth levels.
func decodeXML(body []byte, v any) error {
	tokens := &strictTokens{inner: xml.NewDecoder(bytes.NewReader(body))}
	decoder := xml.NewTokenDecoder(tokens)
	if err := decoder.Decode(v); err != nil {
		return errMalformedXML
	}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errMalformedXML
		}
		switch t := token.(type) {
		case xml.Comment:
		case xml.CharData:
			if bytes.IndexFunc(t, func(c rune) bool { return !unicode.IsSpace(c) }) >= 0 {
				return errMalformedXML
			}
		default:
			return errMalformedXML
		}
	}
}

// strictTokens refuses what no client sends and attackers do.
type strictTokens struct {
	inner *xml.Decoder
	depth int
}

var errStrictXML = errors.New("s3api: document type or too many levels")

// Token implements xml.TokenReader.
func (s *strictTokens) Token() (xml.Token, error) {
	token, err := s.inner.RawToken()
	switch token.(type) {
	case xml.Directive:
		return nil, errStrictXML
	case xml.StartElement:
		s.depth++
		if s.depth > maxXMLDepth {
			return nil, errStrictXML
		}
	case xml.EndElement:
		s.depth--
	}
	return token, err
}
