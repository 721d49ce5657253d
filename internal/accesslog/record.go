// Package accesslog keeps the server access logs of buckets: a line for each
// request, in the format of "Amazon S3 server access log format", gathered and
// handed on in batches. Like S3's they are best effort: a request never waits for
// its line, and a crash loses those that are not handed on yet.
package accesslog

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	timeLayout = "[02/Jan/2006:15:04:05 -0700]"
	// maxTextBytes bounds what a client writes into one field.
	maxTextBytes = 4 << 10
	nothing      = "-"
	masked       = "REDACTED"
)

// Record is one request. Empty fields are written as "-".
type Record struct {
	Owner, Bucket string
	Time          time.Time
	RemoteIP      string
	// Requester is the user; empty for anonymous.
	Requester string
	RequestID string
	// Operation is the name of S3's API, such as GetObject.
	Operation string
	Key       string
	Request   *http.Request
	Answer    http.Header
	Status    int
	ErrorCode string
	// Sent and Received are the bytes of the bodies.
	Sent, Received   int64
	Total, FirstByte time.Duration
	HostID           string
}

// Line is the record as one line, with its end. Signatures, tokens and keys in the
// query are masked, and nothing that a client sends ends a field or the line.
func (r *Record) Line() string {
	version, how := signature(r.Request)
	fields := []string{
		r.Owner, r.Bucket, r.Time.UTC().Format(timeLayout), r.RemoteIP, word(r.Requester), r.RequestID,
		operation(r.Request.Method, r.Operation), escapedKey(r.Key),
		quoted(r.Request.Method + " " + maskURI(r.Request.RequestURI) + " " + r.Request.Proto),
		number(int64(r.Status)), r.ErrorCode, number(r.Sent), number(r.objectSize()),
		strconv.FormatInt(r.Total.Milliseconds(), 10), milliseconds(r.FirstByte),
		quoted(maskURI(r.Request.Referer())), quoted(r.Request.UserAgent()), word(r.versionID()), r.HostID,
		version, cipher(r.Request.TLS), how, word(r.Request.Host), tlsVersion(r.Request.TLS),
		nothing, nothing, // access point, and whether an ACL was needed
	}
	for i, f := range fields {
		if f == "" {
			fields[i] = nothing
		}
	}
	return strings.Join(fields, " ") + "\n"
}

func number(n int64) string {
	if n <= 0 {
		return nothing
	}
	return strconv.FormatInt(n, 10)
}

func milliseconds(d time.Duration) string {
	if d <= 0 {
		return nothing
	}
	return strconv.FormatInt(d.Milliseconds(), 10)
}

// word is a text without white space, quotes and control characters.
func word(s string) string {
	return strings.ReplaceAll(text(s), " ", "%20")
}

// quoted is a text in quotes, without any in it.
func quoted(s string) string {
	if s == "" {
		return nothing
	}
	return `"` + text(s) + `"`
}

func text(s string) string {
	if len(s) > maxTextBytes {
		s = s[:maxTextBytes]
	}
	s = strings.ToValidUTF8(s, "")
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return -1
		}
		return c
	}, strings.ReplaceAll(s, `"`, "%22"))
}

func escapedKey(key string) string {
	if key == "" {
		return nothing
	}
	return word((&url.URL{Path: key}).EscapedPath())
}

// objectSize is the size of the whole object, as far as the answer or the request
// tells.
func (r *Record) objectSize() int64 {
	switch {
	case r.Status >= http.StatusBadRequest:
		return 0
	case r.Operation == "GetObject", r.Operation == "HeadObject":
		size := r.Answer.Get("Content-Length")
		if _, whole, ok := strings.Cut(r.Answer.Get("Content-Range"), "/"); ok {
			size = whole
		}
		n, _ := strconv.ParseInt(size, 10, 64) // 0 where it is not told
		return n
	case r.Operation == "PutObject", r.Operation == "PostObject":
		return r.Received
	}
	return 0
}

func (r *Record) versionID() string {
	if id := r.Answer.Get("X-Amz-Version-Id"); id != "" {
		return id
	}
	return r.Request.URL.Query().Get("versionId")
}

// secret are the parameters whose values are masked, in lower case.
func secret(name string) bool {
	switch strings.ToLower(name) {
	case "x-amz-signature", "signature", "x-amz-security-token", "x-amz-server-side-encryption-customer-key",
		"x-amz-copy-source-server-side-encryption-customer-key":
		return true
	}
	return false
}

// maskURI masks the secrets in a URI's query.
func maskURI(uri string) string {
	path, query, ok := strings.Cut(uri, "?")
	if !ok {
		return uri
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, ok := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); ok && (err != nil || secret(plain)) {
			pairs[i] = name + "=" + masked
		}
	}
	return path + "?" + strings.Join(pairs, "&")
}

// signature tells the version of a request's signature, and where it was.
func signature(r *http.Request) (version, how string) {
	query := r.URL.RawQuery
	switch authorization := r.Header.Get("Authorization"); {
	case strings.HasPrefix(authorization, "AWS4-"):
		return "SigV4", "AuthHeader"
	case strings.HasPrefix(authorization, "AWS "):
		return "SigV2", "AuthHeader"
	case strings.Contains(query, "X-Amz-Signature="):
		return "SigV4", "QueryString"
	case strings.Contains(query, "Signature="):
		return "SigV2", "QueryString"
	}
	return nothing, nothing
}

func cipher(t *tls.ConnectionState) string {
	if t == nil {
		return nothing
	}
	return tls.CipherSuiteName(t.CipherSuite)
}

func tlsVersion(t *tls.ConnectionState) string {
	if t == nil {
		return nothing
	}
	return strings.ReplaceAll(tls.VersionName(t.Version), "TLS ", "TLSv")
}
