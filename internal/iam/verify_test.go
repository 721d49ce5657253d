package iam

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/internal/checksum"
)

// The credential and time of the examples in the Amazon S3 API reference.
var (
	exampleRoot = Root{AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	exampleTime = time.Date(2013, time.May, 24, 0, 0, 0, 0, time.UTC)
)

func exampleVerifier(region string, at time.Time) *Verifier {
	return New(Config{Credentials: exampleRoot, Region: region, Now: func() time.Time { return at }})
}

// rawRequest parses a request as the server would.
func rawRequest(t testing.TB, text string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n"))))
	if err != nil {
		t.Fatalf("read request: %v", err)
	}
	return r
}

const emptyHash = emptySHA256

// TestPublishedVectors are the signed requests that the Amazon S3 API reference
// prints ("Examples: Signature Calculations").
func TestPublishedVectors(t *testing.T) {
	t.Parallel()
	const auth = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
	tests := map[string]string{
		"get object": "GET /test.txt HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nRange: bytes=0-9\n" +
			"x-amz-content-sha256: " + emptyHash + "\nx-amz-date: 20130524T000000Z\n" +
			"Authorization: " + auth + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date," +
			"Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\n\n",
		"put object": "PUT /test%24file.text HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\n" +
			"Date: Fri, 24 May 2013 00:00:00 GMT\nContent-Length: 21\n" +
			"x-amz-content-sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\n" +
			"x-amz-date: 20130524T000000Z\nx-amz-storage-class: REDUCED_REDUNDANCY\n" +
			"Authorization: " + auth + "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class," +
			"Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd\n\nWelcome to Amazon S3.",
		"get bucket lifecycle": "GET /?lifecycle HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\n" +
			"x-amz-content-sha256: " + emptyHash + "\nx-amz-date: 20130524T000000Z\n" +
			"Authorization: " + auth + "SignedHeaders=host;x-amz-content-sha256;x-amz-date," +
			"Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543\n\n",
		"list objects": "GET /?max-keys=2&prefix=J HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\n" +
			"x-amz-content-sha256: " + emptyHash + "\nx-amz-date: 20130524T000000Z\n" +
			"Authorization: " + auth + "SignedHeaders=host;x-amz-content-sha256;x-amz-date," +
			"Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7\n\n",
		"presigned": "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
			"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
			"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404 HTTP/1.1\n" +
			"Host: examplebucket.s3.amazonaws.com\n\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := exampleVerifier("us-east-1", exampleTime).Verify(rawRequest(t, text), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			if _, err := io.ReadAll(got.Body); err != nil {
				t.Fatalf("body: %v", err)
			}
			if !got.Credential.Owner || got.Credential.AccessKey != exampleRoot.AccessKey {
				t.Errorf("credential = %v", got.Credential)
			}
		})
	}
}

func chunk(size int, data, signature string) string {
	return fmt.Sprintf("%x;chunk-signature=%s\r\n%s\r\n", size, signature, data)
}

// publishedChunks is the chunked upload that the reference prints: 65,536 and
// 1,024 bytes of "a".
func publishedChunks(t testing.TB, trailer bool) (*http.Request, string) {
	t.Helper()
	a, b := strings.Repeat("a", 65536), strings.Repeat("a", 1024)
	form, extraName, extraHeader := streamingSigned, "content-length;", ""
	seed := "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
	body := chunk(65536, a, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648") +
		chunk(1024, b, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497") +
		chunk(0, "", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9")
	length, last := 66824, ""
	if trailer {
		form, extraName, last = streamingSignedTrailer, "", ";x-amz-trailer"
		extraHeader = "x-amz-trailer: x-amz-checksum-crc32c\n"
		seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
		body = chunk(65536, a, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2") +
			chunk(1024, b, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7") +
			"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n" +
			"x-amz-checksum-crc32c:sOO8/Q==\n\r\n" +
			"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
		length = len(body)
	}
	r := rawRequest(t, fmt.Sprintf("PUT /examplebucket/chunkObject.txt HTTP/1.1\nHost: s3.amazonaws.com\n"+
		"Content-Encoding: aws-chunked\nContent-Length: %d\nx-amz-date: 20130524T000000Z\n"+
		"x-amz-storage-class: REDUCED_REDUNDANCY\nx-amz-content-sha256: %s\nx-amz-decoded-content-length: 66560\n%s"+
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"+
		"SignedHeaders=content-encoding;%shost;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class%s,"+
		"Signature=%s\n\n", length, form, extraHeader, extraName, last, seed))
	r.Body = io.NopCloser(strings.NewReader(body))
	return r, body
}

func TestPublishedChunks(t *testing.T) {
	t.Parallel()
	for _, trailer := range []bool{false, true} {
		t.Run(fmt.Sprintf("trailer=%v", trailer), func(t *testing.T) {
			t.Parallel()
			r, _ := publishedChunks(t, trailer)
			got, err := exampleVerifier("", exampleTime).Verify(r, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			if got.Body.Size() != 66560 {
				t.Errorf("size = %d", got.Body.Size())
			}
			data, err := io.ReadAll(got.Body)
			if err != nil || string(data) != strings.Repeat("a", 66560) {
				t.Fatalf("read %d bytes, %v", len(data), err)
			}
			if a, value := got.Body.ChecksumAlgorithm(), base64.StdEncoding.EncodeToString(got.Body.Checksum()); trailer && (a != checksum.CRC32C || value != "sOO8/Q==") {
				t.Errorf("checksum = %v %s", a, value)
			}
		})
	}
}

// signed makes a GET that is right in every way at the given time.
func signed(t testing.TB, at time.Time, edit func(*http.Request)) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://127.0.0.1:9000/bucket/k%20y?b=2&a=%2F+x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Content-Sha256", emptyHash)
	if edit != nil {
		edit(r)
	}
	return signAt(r, "us-east-1", at)
}

// signAt signs a request for the past or future: minio-go's signer has no
// clock, so this is the test's own, checked against the vectors above.
func signAt(r *http.Request, region string, at time.Time) *http.Request {
	r.Header.Set("X-Amz-Date", at.Format(dateLayout))
	names := []string{"host"}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-") {
			names = append(names, strings.ToLower(name))
		}
	}
	date := at.Format("20060102")
	sc := scope{
		amzDate: at.Format(dateLayout), text: date + "/" + region + "/s3/aws4_request",
		signedHeaders: strings.Join(names, ";"), payload: r.Header.Get("X-Amz-Content-Sha256"),
	}
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	s := new(scratch)
	if err := s.canonicalRequest(r, &sc); err != nil {
		panic(err)
	}
	m := newSigningKey(exampleRoot.SecretKey, date, region, serviceS3).macs.Get().(*mac)
	m.hash.Write(s.stringToSign(&sc))
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%x",
		algorithm, exampleRoot.AccessKey, sc.text, sc.signedHeaders, m.hash.Sum(nil)))
	return r
}

func TestVerifyHeader(t *testing.T) {
	t.Parallel()
	now := exampleTime
	replaceAuth := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	tests := []struct {
		name   string
		at     time.Time
		before func(*http.Request)
		after  func(*http.Request)
		want   error
	}{
		{name: "right"},
		{name: "fourteen minutes late", at: now.Add(-14 * time.Minute)},
		{name: "fourteen minutes early", at: now.Add(14 * time.Minute)},
		{name: "too old", at: now.Add(-16 * time.Minute), want: ErrSkew},
		{name: "too new", at: now.Add(16 * time.Minute), want: ErrSkew},
		{name: "spaces in a header", before: func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "  a   b ") }},
		{name: "two values of a header", before: func(r *http.Request) { r.Header["X-Amz-Meta-A"] = []string{"a", "b"} }},
		{name: "unsigned x-amz header", after: func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") }, want: ErrUnsignedHeaders},
		{name: "host not signed", after: replaceAuth("SignedHeaders=host;", "SignedHeaders="), want: ErrUnsignedHeaders},
		{name: "unknown key", after: replaceAuth("AKIA", "AKIB"), want: ErrInvalidAccessKey},
		{name: "other path", after: func(r *http.Request) { r.URL.Path = "/bucket/other" }, want: ErrSignature},
		{name: "other method", after: func(r *http.Request) { r.Method = http.MethodDelete }, want: ErrSignature},
		{name: "other host", after: func(r *http.Request) { r.Host = "127.0.0.1:9001" }, want: ErrSignature},
		{name: "other query", after: func(r *http.Request) { r.URL.RawQuery += "&c=3" }, want: ErrSignature},
		{name: "query in another order", after: func(r *http.Request) { r.URL.RawQuery = "a=%2f%20x&b=2" }},
		{name: "repeated parameter, sorted", before: func(r *http.Request) { r.URL.RawQuery = "a=1&a=2" }, after: func(r *http.Request) { r.URL.RawQuery = "a=2&a=1" }},
		{name: "repeated parameter, changed", before: func(r *http.Request) { r.URL.RawQuery = "a=1&a=2" }, after: func(r *http.Request) { r.URL.RawQuery = "a=2&a=3" }, want: ErrSignature},
		{name: "broken query", after: func(r *http.Request) { r.URL.RawQuery = "a=%2" }, want: ErrInvalidURI},
		{name: "signed header taken out", before: func(r *http.Request) { r.Header.Set("X-Amz-Acl", "x") }, after: func(r *http.Request) { r.Header.Del("X-Amz-Acl") }, want: ErrSignature},
		{name: "no payload hash", after: func(r *http.Request) { r.Header.Del("X-Amz-Content-Sha256") }, want: ErrMissingContentSHA256},
		{name: "strange payload hash", before: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "abc") }, want: ErrInvalidContentSHA256},
		{name: "elliptic payload", before: func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")
		}, want: ErrNotImplemented},
		{name: "session token", before: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "t") }, want: ErrInvalidToken},
		{name: "no date", after: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, want: ErrMissingDate},
		{name: "strange date", after: func(r *http.Request) { r.Header.Set("X-Amz-Date", "yesterday") }, want: ErrMissingDate},
		{name: "date of another day", after: replaceAuth("/20130524/", "/20130523/"), want: ErrHeaderMalformed},
		{name: "version 2", after: func(r *http.Request) { r.Header.Set("Authorization", "AWS a:b") }, want: ErrHeaderMalformed},
		{name: "bearer", after: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, want: ErrSignatureVersion},
		{name: "two headers", after: func(r *http.Request) { r.Header.Add("Authorization", "x") }, want: ErrMultipleAuth},
		{name: "header and query", after: func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=x" }, want: ErrMultipleAuth},
		{name: "no signature", after: replaceAuth(", Signature=", ", Sig="), want: ErrHeaderMalformed},
		{name: "short signature", after: func(r *http.Request) {
			v := r.Header.Get("Authorization")
			r.Header.Set("Authorization", v[:len(v)-1])
		}, want: ErrHeaderMalformed},
		{name: "other service", after: replaceAuth("/s3/", "/sts/"), want: ErrHeaderMalformed},
		{name: "too few fields", after: replaceAuth("/20130524/us-east-1", ""), want: ErrHeaderMalformed},
		{name: "repeated field", after: replaceAuth("SignedHeaders=", "Credential=x, SignedHeaders="), want: ErrHeaderMalformed},
		{name: "too many signed headers", after: replaceAuth("SignedHeaders=", "SignedHeaders="+strings.Repeat("a;", 100)), want: ErrHeaderMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.at.IsZero() {
				tt.at = now
			}
			r := signed(t, tt.at, tt.before)
			if tt.after != nil {
				tt.after(r)
			}
			got, err := exampleVerifier("", now).Verify(r, Options{})
			if !errors.Is(err, tt.want) {
				t.Fatalf("Verify = %v, want %v", err, tt.want)
			}
			if err == nil && !got.Credential.Owner {
				t.Error("not the root credential")
			}
		})
	}
}

func TestEveryBitOfTheSignatureCounts(t *testing.T) {
	t.Parallel()
	v := exampleVerifier("", exampleTime)
	good := signed(t, exampleTime, nil)
	auth := good.Header.Get("Authorization")
	for i := len(auth) - signatureLen; i < len(auth); i++ {
		c := byte('0')
		if auth[i] == '0' {
			c = '1'
		}
		good.Header.Set("Authorization", auth[:i]+string(c)+auth[i+1:])
		if _, err := v.Verify(good, Options{}); !errors.Is(err, ErrSignature) {
			t.Fatalf("digit %d changed: %v", i, err)
		}
	}
}

func TestVerifyRegion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		site, signed string
		rule         RegionRule
		ok           bool
	}{
		{"", "", RegionSite, true},
		{"", "eu-west-7", RegionSite, true},
		{"eu-west-7", "eu-west-7", RegionSite, true},
		{"eu-west-7", "us-east-1", RegionSite, false},
		{"eu-west-7", "", RegionSite, false},
		{"eu-west-7", "us-east-1", RegionSiteOrDefault, true},
		{"eu-west-7", "eu-west-7", RegionSiteOrDefault, true},
		{"eu-west-7", "us-east-2", RegionSiteOrDefault, false},
		{"eu-west-7", "", RegionAny, true},
		{"eu-west-7", "us-east-1", RegionAny, true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("site=%s signed=%s rule=%d", tt.site, tt.signed, tt.rule), func(t *testing.T) {
			t.Parallel()
			r := rawRequest(t, "GET / HTTP/1.1\nHost: h\nx-amz-content-sha256: "+emptyHash+"\n\n")
			_, err := exampleVerifier(tt.site, exampleTime).Verify(signAt(r, tt.signed, exampleTime), Options{Region: tt.rule})
			var re *RegionError
			if tt.ok != (err == nil) || err != nil && (!errors.As(err, &re) || re.Want != tt.site || re.Got != tt.signed) {
				t.Errorf("Verify = %v", err)
			}
		})
	}
}

func TestAnonymous(t *testing.T) {
	t.Parallel()
	got, err := exampleVerifier("", exampleTime).Verify(rawRequest(t, "GET /b HTTP/1.1\nHost: h\n\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := got.Credential.Principal()
	if !p.Anonymous() {
		t.Errorf("principal = %v", p)
	}
	if err := Authorize(Ask{Principal: p, Action: ActionGetObject, Resource: Resource{"b", "k"}}, nil); !errors.Is(err, ErrAccessDenied) {
		t.Errorf("Authorize = %v", err)
	}
	if err := Authorize(Ask{Principal: exampleRoot.principal(), Action: ActionGetObject, Resource: Resource{"b", "k"}}, nil); err != nil {
		t.Errorf("root: %v", err)
	}
	if err := Authorize(Ask{Principal: Principal{AccessKey: "other"}, Action: ActionGetObject}, nil); !errors.Is(err, ErrAccessDenied) {
		t.Errorf("other: %v", err)
	}
}

func (r Root) principal() Principal {
	c, _ := r.Lookup(r.AccessKey)
	return c.Principal()
}

func TestPresigned(t *testing.T) {
	t.Parallel()
	now := time.Now()
	presign := func(expires time.Duration, header http.Header) *http.Request {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://127.0.0.1:9000/b/k%2Bl?response-content-type=a%2Fb", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		signed := signer.PreSignV4(*r, exampleRoot.AccessKey, exampleRoot.SecretKey, "", "us-east-1", int64(expires/time.Second))
		signed.Host = signed.URL.Host
		return signed
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			q.Set(name, value)
			r.URL.RawQuery = q.Encode()
		}
	}
	tests := []struct {
		name   string
		at     time.Duration
		header http.Header
		edit   func(*http.Request)
		want   error
	}{
		{name: "right"},
		{name: "nearly expired", at: 59 * time.Minute},
		{name: "expired", at: 61 * time.Minute, want: ErrExpired},
		{name: "a little early", at: -10 * time.Minute},
		{name: "too early", at: -20 * time.Minute, want: ErrNotYetValid},
		{name: "signed header", header: http.Header{"X-Amz-Meta-A": {"v"}}},
		{name: "added header", edit: func(r *http.Request) { r.Header.Set("X-Amz-Acl", "x") }, want: ErrUnsignedHeaders},
		{name: "unsigned content hash is tolerated", edit: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", emptyHash) }},
		{name: "too long a life", edit: set("X-Amz-Expires", "604801"), want: ErrQueryMalformed},
		{name: "negative life", edit: set("X-Amz-Expires", "-1"), want: ErrQueryMalformed},
		{name: "life in words", edit: set("X-Amz-Expires", "soon"), want: ErrQueryMalformed},
		{name: "longer life than signed", edit: set("X-Amz-Expires", "604800"), want: ErrSignature},
		{name: "added parameter", edit: set("versionId", "x"), want: ErrSignature},
		{name: "other algorithm", edit: set("X-Amz-Algorithm", "AWS4-HMAC-SHA1"), want: ErrQueryMalformed},
		{name: "strange date", edit: set("X-Amz-Date", "x"), want: ErrQueryMalformed},
		{name: "strange credential", edit: set("X-Amz-Credential", "x"), want: ErrQueryMalformed},
		{name: "unknown key", edit: func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "AKIAIO", "AKIAIX", 1)
		}, want: ErrInvalidAccessKey},
		{name: "no signature", edit: set("X-Amz-Signature", ""), want: ErrQueryMalformed},
		{name: "repeated parameter", edit: func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Expires=1" }, want: ErrQueryMalformed},
		{name: "session token", edit: set("X-Amz-Security-Token", "t"), want: ErrInvalidToken},
		{name: "version 2", edit: func(r *http.Request) { r.URL.RawQuery = "AWSAccessKeyId=a&Signature=b&Expires=1" }, want: ErrInvalidAccessKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := tt.header
			if h == nil {
				h = http.Header{}
			}
			r := presign(time.Hour, h)
			if tt.edit != nil {
				tt.edit(r)
			}
			_, err := exampleVerifier("", now.Add(tt.at)).Verify(r, Options{})
			if !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

// TestSignedByMinioGo verifies what the client library signs, over keys and
// queries that need encoding.
func TestSignedByMinioGo(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"/", "/b/", "/b/k", "/b/a b", "/b/ä/ö", "/b/a%b", "/b/a+b", "/b/~!@#$^&*()_-=[]{}|;:',.<>", "/b//x/../y/./z",
		"/b?prefix=a b&delimiter=/&list-type=2", "/b?prefix=%25%2B%20ä&max-keys=", "/b?events=s3:ObjectCreated:*&events=s3:ObjectRemoved:*&ping=10",
		"/b?events=s3:ObjectRemoved:*&events=s3:ObjectCreated:*&events=s3:ObjectAccessed:*&prefix=",
	} {
		t.Run(raw, func(t *testing.T) {
			t.Parallel()
			path, query, _ := strings.Cut(raw, "?")
			values := url.Values{}
			for pair := range strings.SplitSeq(query, "&") {
				if k, v, ok := strings.Cut(pair, "="); ok {
					values.Add(k, v)
				}
			}
			u := &url.URL{Scheme: "http", Host: "127.0.0.1:9000", Path: path, RawQuery: values.Encode()}
			r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{"X-Amz-Content-Sha256": {emptyHash}}}
			r = signer.SignV4(*r, exampleRoot.AccessKey, exampleRoot.SecretKey, "", "us-east-1")
			var wire bytes.Buffer
			if err := r.Write(&wire); err != nil {
				t.Fatal(err)
			}
			got, err := http.ReadRequest(bufio.NewReader(&wire))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := exampleVerifier("", time.Now()).Verify(got, Options{}); err != nil {
				t.Errorf("Verify = %v", err)
			}
		})
	}
}

func TestSigningKeysFollowTheSecretAndStayFew(t *testing.T) {
	t.Parallel()
	var c keyCache
	old := c.get(Credential{AccessKey: "a", SecretKey: "old"}, &scope{date: "20130524", region: "r", service: serviceS3})
	if c.get(Credential{AccessKey: "a", SecretKey: "old"}, &scope{date: "20130524", region: "r", service: serviceS3}) != old {
		t.Error("not cached")
	}
	if c.get(Credential{AccessKey: "a", SecretKey: "new"}, &scope{date: "20130524", region: "r", service: serviceS3}) == old {
		t.Error("a changed secret kept its old signing key")
	}
	for i := range 3 * maxSigningKeys {
		c.get(Credential{AccessKey: "a", SecretKey: "new"}, &scope{date: "20130524", region: fmt.Sprint(i), service: serviceS3})
		if len(c.keys) > maxSigningKeys {
			t.Fatalf("%d keys cached", len(c.keys))
		}
	}
}

func TestCredentialHidesItsSecret(t *testing.T) {
	t.Parallel()
	c := Credential{AccessKey: "key", SecretKey: "hush"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, c); strings.Contains(s, "hush") || !strings.Contains(s, "key") {
			t.Errorf("%s gives %s", format, s)
		}
	}
	if c.LogValue().String() != "key" {
		t.Error("log value")
	}
}
