package iam

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const upperHexDigits = "0123456789ABCDEF"

// maxQueryPairs bounds the sorting that one request can ask of us; no S3
// operation has nearly as many parameters.
const maxQueryPairs = 1000

// scratch holds what one verification builds; it is pooled.
type scratch struct {
	canonical []byte
	query     []byte
	pairs     []queryPair
	toSign    []byte
	// asSent keeps the values of a repeated parameter in the order in which they
	// were sent. SigV4 wants them sorted, but minio-go and all that is built on
	// it sort names only, so both are tried where it makes a difference.
	asSent bool
	// repeated says that it may make one.
	repeated bool
}

// queryPair is one encoded name and value: offsets into scratch.query.
type queryPair struct{ name, value, end int }

// canonicalRequest builds the canonical request of SigV4 into s.canonical
// ("Create a signed AWS API request", step 1). S3's rules: the path is encoded
// once and not normalised.
func (s *scratch) canonicalRequest(r *http.Request, sc *scope) error {
	b := append(s.canonical[:0], r.Method...)
	b = append(b, '\n')
	b = appendPath(b, r.URL.Path)
	b = append(b, '\n')
	b, err := s.appendQuery(b, r.URL.RawQuery, sc.query)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	for rest := sc.signedHeaders; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, ";")
		b = append(b, name...)
		b = append(b, ':')
		if b, err = appendHeader(b, r, name); err != nil {
			return err
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(b, sc.signedHeaders...)
	b = append(b, '\n')
	s.canonical = append(b, sc.payload...)
	return nil
}

// appendPath appends a path, encoded.
func appendPath(b []byte, path string) []byte {
	if path == "" {
		return append(b, '/')
	}
	for i := range len(path) {
		if c := path[i]; c == '/' || unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHexDigits[c>>4], upperHexDigits[c&15])
		}
	}
	return b
}

// appendQuery appends the query with names and values encoded anew and sorted,
// without X-Amz-Signature in a presigned request.
func (s *scratch) appendQuery(b []byte, raw string, presigned bool) ([]byte, error) {
	if raw == "" {
		s.repeated = false
		return b, nil
	}
	s.query, s.pairs = s.query[:0], s.pairs[:0]
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if len(s.pairs) == maxQueryPairs {
			return nil, ErrInvalidURI
		}
		name, value, _ := strings.Cut(pair, "=")
		p := queryPair{name: len(s.query)}
		var ok bool
		if s.query, ok = appendReencoded(s.query, name); !ok {
			return nil, ErrInvalidURI
		}
		p.value = len(s.query)
		if presigned && string(s.query[p.name:p.value]) == "X-Amz-Signature" {
			s.query = s.query[:p.name]
			continue
		}
		if s.query, ok = appendReencoded(s.query, value); !ok {
			return nil, ErrInvalidURI
		}
		p.end = len(s.query)
		s.pairs = append(s.pairs, p)
	}
	s.repeated = false
	slices.SortStableFunc(s.pairs, func(x, y queryPair) int {
		if c := bytes.Compare(s.query[x.name:x.value], s.query[y.name:y.value]); c != 0 {
			return c
		}
		s.repeated = true
		if s.asSent {
			return 0
		}
		return bytes.Compare(s.query[x.value:x.end], s.query[y.value:y.end])
	})
	for i, p := range s.pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, s.query[p.name:p.value]...)
		b = append(b, '=')
		b = append(b, s.query[p.value:p.end]...)
	}
	return b, nil
}

// appendReencoded decodes a query component and encodes it as SigV4 does.
func appendReencoded(b []byte, raw string) ([]byte, bool) {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+2 >= len(raw) {
				return b, false
			}
			hi, lo := unhex(raw[i+1]), unhex(raw[i+2])
			if hi < 0 || lo < 0 {
				return b, false
			}
			c = byte(hi<<4 | lo)
			i += 2
		}
		if unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHexDigits[c>>4], upperHexDigits[c&15])
		}
	}
	return b, true
}

// queryValue returns the first value of a query parameter, decoded, and how
// often it is there.
func queryValue(raw, name string) (string, int, error) {
	var found string
	n := 0
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		k, v, _ := strings.Cut(pair, "=")
		if k != name {
			continue
		}
		n++
		if n > 1 {
			continue
		}
		decoded, ok := unescape(v)
		if !ok {
			return "", n, ErrInvalidURI
		}
		found = decoded
	}
	return found, n, nil
}

// hasParam reports whether a query parameter is there.
func hasParam(raw, name string) bool {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if k, _, _ := strings.Cut(pair, "="); k == name {
			return true
		}
	}
	return false
}

func unescape(v string) (string, bool) {
	if !strings.ContainsAny(v, "%+") {
		return v, true
	}
	b := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+2 >= len(v) {
				return "", false
			}
			hi, lo := unhex(v[i+1]), unhex(v[i+2])
			if hi < 0 || lo < 0 {
				return "", false
			}
			c = byte(hi<<4 | lo)
			i += 2
		}
		b = append(b, c)
	}
	return string(b), true
}

// appendHeader appends the values of a signed header, trimmed, inner white
// space as one blank, joined by commas. The headers that net/http takes out of
// the map are put back.
func appendHeader(b []byte, r *http.Request, name string) ([]byte, error) {
	switch name {
	case "host":
		return append(b, r.Host...), nil
	case "content-length":
		return strconv.AppendInt(b, max(r.ContentLength, 0), 10), nil
	case "transfer-encoding":
		return append(b, strings.Join(r.TransferEncoding, ",")...), nil
	}
	values, ok := r.Header[canonicalName(name)]
	if !ok {
		if name == "expect" {
			return append(b, "100-continue"...), nil
		}
		return nil, detail(ErrSignature, "A signed header is not in the request.")
	}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendTrimmed(b, v)
	}
	return b, nil
}

func appendTrimmed(b []byte, v string) []byte {
	start, blank := len(b), false
	for i := range len(v) {
		c := v[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r' {
			blank = true
			continue
		}
		if blank && len(b) > start {
			b = append(b, ' ')
		}
		blank = false
		b = append(b, c)
	}
	return b
}

// canonicalName is http.CanonicalHeaderKey without its allocation for the names
// that nearly every request signs.
func canonicalName(lower string) string {
	switch lower {
	case "x-amz-date":
		return "X-Amz-Date"
	case "x-amz-content-sha256":
		return "X-Amz-Content-Sha256"
	case "x-amz-decoded-content-length":
		return "X-Amz-Decoded-Content-Length"
	case "x-amz-trailer":
		return "X-Amz-Trailer"
	case "x-amz-sdk-checksum-algorithm":
		return "X-Amz-Sdk-Checksum-Algorithm"
	case "content-md5":
		return "Content-Md5"
	default:
		return http.CanonicalHeaderKey(lower)
	}
}

// unreserved are the characters that SigV4 leaves as they are.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
