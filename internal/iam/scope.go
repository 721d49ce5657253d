package iam

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/s3"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	// serviceS3 is what signatures are scoped to, unless Options say another.
	serviceS3 = "s3"
	// dateLayout is the basic ISO 8601 form of X-Amz-Date.
	dateLayout = "20060102T150405Z"
	// signatureLen is a SHA-256 in hexadecimal.
	signatureLen = 64
	// maxSignedHeaders bounds the work that one request can ask of us; real
	// clients sign fewer than twenty.
	maxSignedHeaders = 100
)

// scope is what a signature says about itself. All strings are parts of the
// request; nothing in it is verified yet.
type scope struct {
	// service is the one that the request must be signed for.
	service   string
	accessKey string
	// text is <date>/<region>/<service>/aws4_request, as signed.
	text          string
	date          string
	region        string
	signedHeaders string
	signature     string
	// amzDate is the date as signed, at is what it says.
	amzDate string
	at      time.Time
	// expires is the life of a presigned request; query says that it is one.
	expires time.Duration
	query   bool
	// payload is what the signature says of the body.
	payload string
}

// parseHeader reads an Authorization header: "AWS4-HMAC-SHA256 Credential=...,
// SignedHeaders=..., Signature=..." ("Authenticating Requests: Using the
// Authorization Header", Amazon S3 API reference).
func parseHeader(value, service string) (scope, error) {
	s := scope{service: service}
	rest, ok := strings.CutPrefix(value, algorithm)
	if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '\t') {
		return s, ErrSignatureVersion
	}
	var credential string
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ",")
		name, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return s, detail(ErrHeaderMalformed, "The authorization header is malformed; expecting name=value pairs.")
		}
		var field *string
		switch name {
		case "Credential":
			field = &credential
		case "SignedHeaders":
			field = &s.signedHeaders
		case "Signature":
			field = &s.signature
		default:
			return s, detail(ErrHeaderMalformed, "The authorization header is malformed; it has an unknown field.")
		}
		if *field != "" || v == "" {
			return s, detail(ErrHeaderMalformed, "The authorization header is malformed; %s is empty or repeated.", name)
		}
		*field = v
	}
	if problem := s.fill(credential); problem != "" {
		return s, detail(ErrHeaderMalformed, "The authorization header is malformed; %s", problem)
	}
	return s, nil
}

// fill takes the credential apart and checks the form of every field. It
// returns what is wrong, or "".
func (s *scope) fill(credential string) string {
	if credential == "" || s.signedHeaders == "" || s.signature == "" {
		return "Credential, SignedHeaders and Signature are required."
	}
	// From the right: an access key may hold slashes.
	rest, ok := strings.CutSuffix(credential, "/aws4_request")
	if !ok {
		return "the credential must end in aws4_request."
	}
	if rest, ok = strings.CutSuffix(rest, "/"+s.service); !ok {
		return "the credential's service must be " + s.service + "."
	}
	i := strings.LastIndexByte(rest, '/')
	if i < 0 {
		return "the credential has too few fields."
	}
	rest, s.region = rest[:i], rest[i+1:]
	i = strings.LastIndexByte(rest, '/')
	if i <= 0 {
		return "the credential has too few fields."
	}
	s.accessKey, s.date = rest[:i], rest[i+1:]
	s.text = credential[i+1:]
	if len(s.date) != len("20060102") || !digits(s.date) {
		return "the credential's date must be YYYYMMDD."
	}
	if len(s.signature) != signatureLen || !lowerHex(s.signature) {
		return "the signature must be 64 lower-case hexadecimal digits."
	}
	if strings.Count(s.signedHeaders, ";") >= maxSignedHeaders {
		return "too many signed headers."
	}
	return ""
}

// headerDate reads the date of a request that is signed in its header:
// X-Amz-Date, else Date.
func (s *scope) headerDate(h http.Header) error {
	if v := first(h, "X-Amz-Date"); v != "" {
		at, err := time.Parse(dateLayout, v)
		if err != nil {
			return ErrMissingDate
		}
		s.amzDate, s.at = v, at
	} else {
		at, err := http.ParseTime(first(h, "Date"))
		if err != nil {
			return ErrMissingDate
		}
		s.at = at.UTC()
		s.amzDate = s.at.Format(dateLayout)
	}
	if s.amzDate[:len(s.date)] != s.date {
		return detail(ErrHeaderMalformed, "The authorization header is malformed; the credential's date is not the request's.")
	}
	return nil
}

// parseQuery reads the X-Amz parameters of a presigned URL ("Authenticating
// Requests: Using Query Parameters", Amazon S3 API reference).
func parseQuery(rawQuery, service string) (scope, error) {
	s := scope{service: service, query: true}
	var algo, credential, expires string
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"X-Amz-Algorithm", &algo},
		{"X-Amz-Credential", &credential},
		{"X-Amz-Date", &s.amzDate},
		{"X-Amz-Expires", &expires},
		{"X-Amz-SignedHeaders", &s.signedHeaders},
		{"X-Amz-Signature", &s.signature},
	} {
		v, n, err := queryValue(rawQuery, f.name)
		if err != nil {
			return s, err
		}
		if n != 1 || v == "" {
			return s, detail(ErrQueryMalformed, "Query-string authentication version 4 requires %s, once.", f.name)
		}
		*f.to = v
	}
	if algo != algorithm {
		return s, detail(ErrQueryMalformed, "X-Amz-Algorithm only supports %q.", algorithm)
	}
	if problem := s.fill(credential); problem != "" {
		return s, detail(ErrQueryMalformed, "Error parsing the X-Amz parameters; %s", problem)
	}
	at, err := time.Parse(dateLayout, s.amzDate)
	if err != nil {
		return s, detail(ErrQueryMalformed, "X-Amz-Date must be in the ISO8601 format %q.", dateLayout)
	}
	s.at = at
	if s.amzDate[:len(s.date)] != s.date {
		return s, detail(ErrQueryMalformed, "X-Amz-Date is not on the credential's date.")
	}
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return s, detail(ErrQueryMalformed, "X-Amz-Expires should be a number.")
	}
	if seconds < 0 || seconds > int64(s3.MaxPresignExpiry/time.Second) {
		return s, detail(ErrQueryMalformed, "X-Amz-Expires must be between 0 and a week (in seconds); that is %d.",
			int64(s3.MaxPresignExpiry/time.Second))
	}
	s.expires = time.Duration(seconds) * time.Second
	return s, nil
}

// checkTime refuses requests from too far away in time.
func (s *scope) checkTime(now time.Time) error {
	if !s.query {
		if skew := now.Sub(s.at); skew > s3.MaxClockSkew || skew < -s3.MaxClockSkew {
			return ErrSkew
		}
		return nil
	}
	if s.at.Sub(now) > s3.MaxClockSkew {
		return ErrNotYetValid
	}
	if now.Sub(s.at) > s.expires {
		return ErrExpired
	}
	return nil
}

// signs reports whether the signature covers the header of this lower-case name.
func (s *scope) signs(lower string) bool {
	for rest := s.signedHeaders; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, ";")
		if strings.EqualFold(name, lower) {
			return true
		}
	}
	return false
}

// first is h.Get for a key that is already canonical.
func first(h http.Header, canonical string) string {
	if v := h[canonical]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
