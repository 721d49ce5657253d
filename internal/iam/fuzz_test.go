package iam

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// FuzzAuthorization: no header panics the parser, and what it accepts is whole.
func FuzzAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0", 64))
	f.Add("AWS4-HMAC-SHA256 Credential=A/K/20130524//s3/aws4_request,SignedHeaders=host,Signature=" + strings.Repeat("f", 64))
	f.Add("AWS4-HMAC-SHA256 Credential=//s3/aws4_request,SignedHeaders=,Signature=")
	f.Add("AWS AK:sig")
	f.Fuzz(func(t *testing.T, header string) {
		s, err := parseHeader(header, serviceS3)
		if err != nil {
			return
		}
		if s.accessKey == "" || len(s.date) != 8 || len(s.signature) != signatureLen || s.signedHeaders == "" {
			t.Fatalf("accepted %q as %+v", header, s)
		}
		if want := s.accessKey + "/" + s.text; !strings.Contains(header, want) {
			t.Fatalf("%q does not hold %q", header, want)
		}
	})
}

// FuzzVersion2: nothing that a client can send panics or verifies by chance.
func FuzzVersion2(f *testing.F) {
	f.Add("AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=", "", "Fri, 24 May 2013 00:00:00 GMT")
	f.Add("", "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=qgk2%2B6Sv9%2FoM7G3qLEjTH1a1l1g%3D&Expires=1893456000&uploads&partNumber=%31", "")
	f.Add("AWS :", "AWSAccessKeyId=%", "0")
	v := exampleVerifier("", exampleTime)
	f.Fuzz(func(t *testing.T, header, query, date string) {
		r := rawRequest(t, "GET /b/k HTTP/1.1\nHost: h\n\n")
		r.URL.RawQuery = query
		r.Header["Date"] = []string{date}
		if header != "" {
			r.Header["Authorization"] = []string{header}
		}
		got, err := v.Verify(r, Options{})
		if err == nil && got.Credential != (Credential{}) {
			t.Fatalf("%q, %q, %q verified", header, query, date)
		}
	})
}

// FuzzPresigned: no query panics the parser or verifies by chance.
func FuzzPresigned(f *testing.F) {
	f.Add("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
		"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=" + strings.Repeat("a", 64))
	f.Add("X-Amz-Algorithm=%&X-Amz-Signature=+")
	v := exampleVerifier("", exampleTime)
	f.Fuzz(func(t *testing.T, query string) {
		r := rawRequest(t, "GET /b/k HTTP/1.1\nHost: h\n\n")
		r.URL.RawQuery = query
		got, err := v.Verify(r, Options{})
		if err == nil && !got.Credential.Principal().Anonymous() {
			t.Fatalf("%q verifies", query)
		}
	})
}

// FuzzSignedChunks: whatever follows a right seed signature, the only body that
// is ever read without error is the signed one.
func FuzzSignedChunks(f *testing.F) {
	data := []byte("a small body")
	r, encoded := streamed(f, data, nil, exampleTime)
	f.Add(encoded)
	f.Add(encoded[:len(encoded)-2])
	f.Add([]byte("c;chunk-signature=\r\n"))
	f.Add([]byte("ffffffffffffffff;chunk-signature=0\r\n"))
	v := exampleVerifier("", exampleTime)
	f.Fuzz(func(t *testing.T, body []byte) {
		req := *r
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
		got, err := v.Verify(&req, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		read, err := io.ReadAll(got.Body)
		if err == nil && !bytes.Equal(read, data) {
			t.Fatalf("read %q", read)
		}
	})
}

// FuzzUnsignedChunks: the decoder never panics, and gives exactly the announced
// number of bytes or an error.
func FuzzUnsignedChunks(f *testing.F) {
	f.Add([]byte("9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n"))
	f.Add([]byte("4;x=y\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n"))
	f.Add([]byte("9\r\n123456789\r\n0\r\n:\n:\n\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		v := exampleVerifier("", exampleTime)
		src := &http.Request{
			Method: http.MethodPut, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
			Header: http.Header{"X-Amz-Decoded-Content-Length": {"9"}, "X-Amz-Trailer": {"x-amz-checksum-crc32"}},
		}
		b, err := v.newBody(src, &scope{payload: streamingUnsignedTrailer}, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		read, err := io.ReadAll(b)
		if err == nil && (len(read) != 9 || b.chunks.trailerName == "") {
			t.Fatalf("read %q", read)
		}
	})
}
