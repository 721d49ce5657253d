package iam

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Signature Version 2 is HMAC-SHA1; what breaks SHA-1 does not break that
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signature Version 2 is what older SDKs sign with, and what today's boto3
// still makes presigned URLs with unless told otherwise. It covers no body, and
// of the query only sub-resources.
//
// Source: "Signing and authenticating REST requests (AWS signature version 2)",
// Amazon S3 API reference.

const (
	version2 = "AWS"
	// signature2Len is an HMAC-SHA1 in base64.
	signature2Len = 28
)

// version2Resources returns the parameters that Signature Version 2 signs,
// sorted: those of the API reference, and the younger ones that SDKs add.
func version2Resources() []string {
	return []string{
		"accelerate", "acl", "analytics", "cors", "delete", "encryption", "inventory", "legal-hold", "lifecycle",
		"location", "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication",
		"requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
		"response-content-language", "response-content-type", "response-expires", "restore", "retention", "select",
		"select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning",
		"versions", "website",
	}
}

// scope2 is what a signature of version 2 says about itself.
type scope2 struct {
	accessKey, signature string
	// date is the line of the string to sign that says when: the Date header,
	// nothing if X-Amz-Date stands in for it, or Expires.
	date string
	// expires is when a presigned request ends.
	expires time.Time
	query   bool
	// token is a session token in the query, which is signed as if it were a header.
	token string
}

// verify2 checks a request that is signed with version 2.
func (v *Verifier) verify2(r *http.Request, presigned bool, o Options) (Credential, error) {
	var sc scope2
	var err error
	if presigned {
		sc, err = parseQuery2(r.URL.RawQuery)
	} else {
		sc, err = parseHeader2(first(r.Header, "Authorization"))
	}
	if err != nil {
		return Credential{}, err
	}
	token, err := sessionToken(r, "x-amz-security-token")
	if err != nil {
		return Credential{}, err
	}
	cred, err := v.credential(sc.accessKey, token)
	if err != nil {
		return Credential{}, err
	}
	if err := sc.checkTime(r.Header, v.now()); err != nil {
		return Credential{}, err
	}
	if presigned && first(r.Header, "X-Amz-Security-Token") == "" {
		sc.token = token
	}
	resources, err := signedResources(r.URL.RawQuery)
	if err != nil {
		return Credential{}, err
	}
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	for _, path := range [...]string{sent, encodePath(r.URL.Path)} {
		if o.HostBucket != "" {
			path = "/" + o.HostBucket + path
		}
		if sign2(cred.SecretKey, r, &sc, path+resources, sc.signature) {
			return cred, nil
		}
	}
	return Credential{}, ErrSignature
}

// parseHeader2 reads "AWS AccessKeyId:Signature".
func parseHeader2(value string) (scope2, error) {
	rest, _ := strings.CutPrefix(value, version2+" ")
	rest = strings.TrimSpace(rest)
	i := strings.LastIndexByte(rest, ':')
	if i <= 0 || len(rest)-i-1 != signature2Len {
		return scope2{}, detail(ErrHeaderMalformed, "The authorization header is malformed; expecting AWS AccessKeyId:Signature.")
	}
	return scope2{accessKey: rest[:i], signature: rest[i+1:]}, nil
}

// parseQuery2 reads AWSAccessKeyId, Signature and Expires.
func parseQuery2(raw string) (scope2, error) {
	sc := scope2{query: true}
	for _, f := range []struct {
		name string
		to   *string
	}{{"AWSAccessKeyId", &sc.accessKey}, {"Signature", &sc.signature}, {"Expires", &sc.date}} {
		v, n, err := queryValue(raw, f.name)
		if err != nil {
			return sc, err
		}
		if n != 1 || v == "" {
			return sc, detail(ErrAccessDenied, "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters, each once.")
		}
		*f.to = v
	}
	seconds, err := strconv.ParseInt(sc.date, 10, 64)
	if err != nil {
		return sc, detail(ErrAccessDenied, "Invalid date (should be seconds since epoch): %s", sc.date)
	}
	sc.expires = time.Unix(seconds, 0)
	return sc, nil
}

// checkTime refuses requests from too far away in time, and says which date is
// signed.
func (sc *scope2) checkTime(h http.Header, now time.Time) error {
	if sc.query {
		if now.After(sc.expires) {
			return ErrExpired
		}
		return nil
	}
	date := first(h, "Date")
	signed := date
	if other := first(h, "X-Amz-Date"); other != "" {
		date, signed = other, ""
	}
	at, err := mail.ParseDate(date) // RFC 1123 with GMT or an offset, and its older forms
	if err != nil {
		if at, err = time.Parse(dateLayout, date); err != nil {
			return ErrMissingDate
		}
	}
	sc.date = signed
	return (&scope{at: at}).checkTime(now)
}

// sign2 reports in constant time whether signature is that of the request.
func sign2(secret string, r *http.Request, sc *scope2, resource, signature string) bool {
	h := hmac.New(sha1.New, []byte(secret))
	for _, line := range [...]string{r.Method, first(r.Header, "Content-Md5"), first(r.Header, "Content-Type"), sc.date} {
		_, _ = h.Write([]byte(line + "\n"))
	}
	_, _ = h.Write(amzHeaders(r.Header, sc.token))
	_, _ = h.Write([]byte(resource))
	want := base64.StdEncoding.EncodeToString(h.Sum(nil))
	return subtle.ConstantTimeCompare([]byte(want), []byte(signature)) == 1
}

// amzHeaders is the CanonicalizedAmzHeaders element: all x-amz headers, sorted.
// A token that is given is one more.
func amzHeaders(h http.Header, token string) []byte {
	if token != "" {
		h = h.Clone()
		h["X-Amz-Security-Token"] = []string{token}
	}
	var names []string
	for name := range h {
		if strings.HasPrefix(name, "X-Amz-") {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	var b []byte
	for _, name := range names {
		b = append(b, strings.ToLower(name)...)
		b = append(b, ':')
		for i, value := range h[name] {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, strings.TrimSpace(value)...)
		}
		b = append(b, '\n')
	}
	return b
}

// signedResources is the query part of the CanonicalizedResource element.
func signedResources(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	var b strings.Builder
	sign := byte('?')
	for _, name := range version2Resources() {
		value, n, err := queryValue(raw, name)
		if err != nil {
			return "", err
		}
		if n == 0 {
			continue
		}
		b.WriteByte(sign)
		b.WriteString(name)
		if value != "" {
			b.WriteString("=" + value)
		}
		sign = '&'
	}
	return b.String(), nil
}

// encodePath encodes a path as SigV4 does.
func encodePath(path string) string {
	return string(appendPath(nil, path))
}
