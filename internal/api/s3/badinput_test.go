package s3api_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// TestRefused sends what must be refused, and looks that nothing was stored.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.store(t, "bkt", "there", "x", nil)
	setHeader := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	md5 := func(body string) headers { return headers{"Content-Md5": contentMD5(body)} }
	many := "<Delete>" + strings.Repeat("<Object><Key>k</Key></Object>", 1001) + "</Delete>"
	tests := []struct {
		name   string
		in     raw
		status int
		code   string
	}{
		{"unsigned", raw{method: "GET", path: "/bkt/there", unsigned: true}, 403, "AccessDenied"},
		{"unsigned list", raw{method: "GET", path: "/", unsigned: true}, 403, "AccessDenied"},
		{"unsigned put", raw{method: "PUT", path: "/bkt/k", body: "x", unsigned: true}, 403, "AccessDenied"},
		{"unsigned delete", raw{method: "DELETE", path: "/bkt/there", unsigned: true}, 403, "AccessDenied"},
		{"unsigned operation that is absent", raw{method: "GET", path: "/bkt?acl", unsigned: true}, 403, "AccessDenied"},
		{"other method than signed", raw{method: "GET", path: "/bkt/there", edit: func(r *http.Request) { r.Method = "DELETE" }}, 403, "SignatureDoesNotMatch"},
		{"other key than signed", raw{method: "PUT", path: "/bkt/k", body: "x", edit: func(r *http.Request) { r.URL.Path = "/bkt/l" }}, 403, "SignatureDoesNotMatch"},
		{"other secret", raw{method: "GET", path: "/bkt/there", unsigned: true, edit: func(r *http.Request) {
			r.Header = signer.SignV4(*r, accessKey, "wrong", "", "us-east-1").Header
		}}, 403, "SignatureDoesNotMatch"},
		{"other key id", raw{method: "GET", path: "/bkt/there", unsigned: true, edit: func(r *http.Request) {
			r.Header = signer.SignV4(*r, "nobody", secretKey, "", "us-east-1").Header
		}}, 403, "InvalidAccessKeyId"},
		{"old date", raw{method: "GET", path: "/bkt/there", edit: func(r *http.Request) {
			old := time.Now().Add(-time.Hour).UTC().Format("20060102T150405Z")
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), r.Header.Get("X-Amz-Date")[:8], old[:8], 1))
			r.Header.Set("X-Amz-Date", old)
		}}, 403, "RequestTimeTooSkewed"},
		{"header that was not signed", raw{method: "PUT", path: "/bkt/k", body: "x", edit: setHeader("X-Amz-Meta-A", "b")}, 403, "AccessDenied"},
		{"garbage authorization", raw{method: "GET", path: "/bkt/there", unsigned: true, edit: setHeader("Authorization", "AWS4-HMAC-SHA256 x")}, 400, "AuthorizationHeaderMalformed"},
		{"garbage of version 2", raw{method: "GET", path: "/bkt/there", unsigned: true, edit: setHeader("Authorization", "AWS a:b")}, 400, "AuthorizationHeaderMalformed"},
		{"another mechanism", raw{method: "GET", path: "/bkt/there", unsigned: true, edit: setHeader("Authorization", "Bearer x")}, 400, "InvalidRequest"},
		{"no content hash", raw{method: "GET", path: "/bkt/there", edit: func(r *http.Request) { r.Header.Del("X-Amz-Content-Sha256") }}, 400, "InvalidRequest"},
		{"strange content hash", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"X-Amz-Content-Sha256": "abc"}}, 400, "InvalidArgument"},
		{"body of another hash", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"X-Amz-Content-Sha256": emptyHash}}, 400, "XAmzContentSHA256Mismatch"},
		{"no body where one was signed", raw{method: "PUT", path: "/bkt/k", header: headers{"X-Amz-Content-Sha256": strings.Repeat("0", 64)}}, 400, "XAmzContentSHA256Mismatch"},
		{"body of another MD5", raw{method: "PUT", path: "/bkt/k", body: "x", header: md5("y")}, 400, "BadDigest"},
		{"MD5 that is none", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"Content-Md5": "x"}}, 400, "InvalidDigest"},
		{"empty MD5", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"Content-Md5": ""}}, 400, "InvalidDigest"},
		{"body of another checksum", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"X-Amz-Checksum-Crc32": "AAAAAA=="}}, 400, "BadDigest"},
		{"unknown checksum", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"X-Amz-Checksum-Xxh3": "AAAAAA=="}}, 400, "InvalidRequest"},
		{"long key", raw{method: "PUT", path: "/bkt/" + strings.Repeat("k", 1025), body: "x"}, 400, "KeyTooLongError"},
		{"key with NUL", raw{method: "PUT", path: "/bkt/a%00", body: "x"}, 400, "XMinioInvalidObjectName"},
		{"query that is not one", raw{method: "GET", path: "/bkt/there", edit: func(r *http.Request) { r.URL.RawQuery = "a=%zz" }}, 400, "InvalidURI"},
		{"too much metadata", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"X-Amz-Meta-A": strings.Repeat("v", 2048)}}, 400, "MetadataTooLarge"},
		{"metadata that is not text", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"X-Amz-Meta-A": "\xff"}}, 400, "InvalidArgument"},
		{"content type that is not text", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"Content-Type": "\xff"}}, 400, "InvalidArgument"},
		{"too long a content type", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"Content-Type": strings.Repeat("v", 9000)}}, 400, "MetadataTooLarge"},
		{"unknown storage class", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"X-Amz-Storage-Class": "GLACIER"}}, 400, "InvalidStorageClass"},
		{"tags", raw{method: "PUT", path: "/bkt/k", body: "x", header: headers{"X-Amz-Tagging": "a=%zz"}}, 400, "InvalidArgument"},
		{"upload with bad tags", raw{method: "POST", path: "/bkt/k?uploads=", header: headers{"X-Amz-Tagging": "a=b&a=c"}}, 400, "InvalidArgument"},
		{"copy of what is missing", raw{method: "PUT", path: "/bkt/k", header: headers{"X-Amz-Copy-Source": "bkt/none"}}, 404, "NoSuchKey"},
		{"upload in no bucket", raw{method: "POST", path: "/none/k?uploads="}, 404, "NoSuchBucket"},
		{"part of no upload", raw{method: "PUT", path: "/bkt/k?uploadId=1&partNumber=1", body: "x"}, 404, "NoSuchUpload"},
		{"part without a number", raw{method: "PUT", path: "/bkt/k?uploadId=1", body: "x"}, 400, "InvalidArgument"},
		{"part number 0", raw{method: "PUT", path: "/bkt/k?uploadId=1&partNumber=0", body: "x"}, 400, "InvalidArgument"},
		{"part number 10001", raw{method: "PUT", path: "/bkt/k?uploadId=1&partNumber=10001", body: "x"}, 400, "InvalidArgument"},
		{"completion without parts", raw{method: "POST", path: "/bkt/k?uploadId=1", body: "<CompleteMultipartUpload/>"}, 400, "MalformedXML"},
		{"completion that is none", raw{method: "POST", path: "/bkt/k?uploadId=1", body: "<Delete/>"}, 400, "MalformedXML"},
		{"abort of no upload", raw{method: "DELETE", path: "/bkt/k?uploadId=1"}, 404, "NoSuchUpload"},
		{"parts of no upload", raw{method: "GET", path: "/bkt/k?uploadId=1"}, 404, "NoSuchUpload"},
		{"parts after a wrong number", raw{method: "GET", path: "/bkt/k?uploadId=1&part-number-marker=x"}, 400, "InvalidArgument"},
		{"uploads of a wrong number", raw{method: "GET", path: "/bkt?uploads&max-uploads=-1"}, 400, "InvalidArgument"},
		{"put to a missing bucket", raw{method: "PUT", path: "/other/k", body: "x"}, 404, "NoSuchBucket"},
		{"bucket name", raw{method: "PUT", path: "/UPPER"}, 400, "InvalidBucketName"},
		{"no bucket name", raw{method: "PUT", path: "//k", body: "x"}, 400, "InvalidBucketName"},
		{"bucket that may have lock", raw{method: "PUT", path: "/locked", header: headers{"X-Amz-Bucket-Object-Lock-Enabled": "maybe"}}, 400, "InvalidArgument"},
		{"location that is not XML", raw{method: "PUT", path: "/new", body: "x"}, 400, "MalformedXML"},
		{"location of a strange name", raw{method: "PUT", path: "/new", body: "<CreateBucketConfiguration><LocationConstraint>a b</LocationConstraint></CreateBucketConfiguration>"}, 400, "InvalidLocationConstraint"},
		{"long location", raw{method: "PUT", path: "/new", body: strings.Repeat(" ", 9000)}, 400, "MaxMessageLengthExceeded"},
		{"bucket sub-resource that is unknown", raw{method: "PUT", path: "/new?other"}, 501, "NotImplemented"},
		{"removing a notification", raw{method: "DELETE", path: "/bkt?notification"}, 405, "MethodNotAllowed"},
		{"removing something unknown", raw{method: "DELETE", path: "/bkt?other"}, 501, "NotImplemented"},
		{"removing below a prefix", raw{method: "DELETE", path: "/bkt/there", header: headers{"X-Minio-Force-Delete": "true"}}, 501, "NotImplemented"},
		{"removing a version", raw{method: "DELETE", path: "/bkt/there?versionId=7"}, 400, "InvalidArgument"},
		{"removing from a missing bucket", raw{method: "DELETE", path: "/other/there"}, 404, "NoSuchBucket"},
		{"delete without MD5", raw{method: "POST", path: "/bkt?delete", body: "<Delete><Object><Key>there</Key></Object></Delete>"}, 400, "InvalidRequest"},
		{"delete with another MD5", raw{method: "POST", path: "/bkt?delete", body: "<Delete><Object><Key>there</Key></Object></Delete>", header: md5("")}, 400, "BadDigest"},
		{"delete of nothing", raw{method: "POST", path: "/bkt?delete", body: "<Delete></Delete>", header: md5("<Delete></Delete>")}, 400, "MalformedXML"},
		{"delete of too much", raw{method: "POST", path: "/bkt?delete", body: many, header: md5(many)}, 400, "MalformedXML"},
		{"delete that is not XML", raw{method: "POST", path: "/bkt?delete", body: "x", header: md5("x")}, 400, "MalformedXML"},
		{"delete in a missing bucket", raw{method: "POST", path: "/other?delete", body: "<Delete><Object><Key>k</Key></Object></Delete>", header: md5("<Delete><Object><Key>k</Key></Object></Delete>")}, 404, "NoSuchBucket"},
		{"notification without body", raw{method: "PUT", path: "/bkt?notification"}, 411, "MissingContentLength"},
		{"notification that is not XML", raw{method: "PUT", path: "/bkt?notification", body: "x"}, 400, "MalformedXML"},
		{"notification of a missing bucket", raw{method: "PUT", path: "/other?notification", body: "<NotificationConfiguration/>"}, 404, "NoSuchBucket"},
		{"list of a missing bucket", raw{method: "GET", path: "/other?list-type=2"}, 404, "NoSuchBucket"},
		{"location of a missing bucket", raw{method: "GET", path: "/other?location="}, 404, "NoSuchBucket"},
		{"uploads of a missing bucket", raw{method: "GET", path: "/other?uploads="}, 404, "NoSuchBucket"},
		{"other method", raw{method: "PATCH", path: "/bkt/there"}, 405, "MethodNotAllowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := s.do(t, tt.in)
			if a.StatusCode != tt.status || a.code(t) != tt.code {
				t.Errorf("%d %s, want %d %s: %s", a.StatusCode, a.code(t), tt.status, tt.code, a.body)
			}
		})
	}
	if keys := s.keys(t, "bkt"); len(keys) != 1 || keys[0] != "there" {
		t.Errorf("stored %q", keys)
	}
	if buckets, err := s.service.Buckets(t.Context()); len(buckets) != 1 || err != nil {
		t.Errorf("buckets %v, %v", buckets, err)
	}
}

type hasher struct{ hash.Hash }

func (hasher) Close() {}

// TestTamperedUpload sends streamed uploads with something wrong in their bytes.
func TestTamperedUpload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	data := bytes.Repeat([]byte("data"), 40_000) // three chunks, beyond what is inlined
	tests := []struct {
		name   string
		tamper func([]byte) []byte
		code   string
	}{
		{"first chunk", func(b []byte) []byte { b[200] ^= 1; return b }, "SignatureDoesNotMatch"},
		{"last chunk", func(b []byte) []byte { b[len(b)-200] ^= 1; return b }, "SignatureDoesNotMatch"},
		{"last signature", func(b []byte) []byte { b[len(b)-5] ^= 1; return b }, "SignatureDoesNotMatch"},
		{"chunk header", func(b []byte) []byte { b[0] = 'x'; return b }, "InvalidChunkSizeError"},
		{"last chunk missing", func(b []byte) []byte { return b[:bytes.LastIndex(b, []byte("0;chunk-signature"))] }, "IncompleteBody"},
		{"chunk missing", func(b []byte) []byte { return b[22+64+2+65536+2:] }, "SignatureDoesNotMatch"},
		{"something after the end", func(b []byte) []byte { return append(b, "0\r\n"...) }, "IncompleteBody"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), "PUT", s.URL+"/bkt/k", bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			r = signer.StreamingSignV4(r, accessKey, secretKey, "", "us-east-1", int64(len(data)), time.Now().UTC(), hasher{sha256.New()})
			encoded, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			encoded = tt.tamper(encoded)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(encoded)), int64(len(encoded))
			resp, err := s.transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if !strings.Contains(string(body), "<Code>"+tt.code+"</Code>") {
				t.Errorf("%d %s, want %s", resp.StatusCode, body, tt.code)
			}
			if keys := s.keys(t, "bkt"); len(keys) > 0 {
				t.Errorf("stored %q", keys)
			}
		})
	}
}

// wire sends bytes as they are and reads one answer.
func (s *site) wire(t *testing.T, text string, halfClose bool) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if halfClose {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// signedHead is the head of a PUT as it goes over the wire.
func (s *site) signedHead(t *testing.T, extra string) string {
	t.Helper()
	r := s.request(t, raw{method: "PUT", path: "/bkt/k", header: map[string]string{"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}})
	head := "PUT /bkt/k HTTP/1.1\r\nHost: " + r.Host + "\r\n"
	if r.Host == "" {
		head = "PUT /bkt/k HTTP/1.1\r\nHost: " + r.URL.Host + "\r\n"
	}
	for name := range r.Header {
		head += name + ": " + r.Header.Get(name) + "\r\n"
	}
	return head + extra + "\r\n"
}

func TestLengthsOnTheWire(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	tests := []struct {
		name, extra, body string
		status            int
		code              string
	}{
		{"length unknown", "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n", 411, "MissingContentLength"},
		{"too large", fmt.Sprintf("Content-Length: %d\r\n", 5<<30+1), "", 400, "EntityTooLarge"},
		{"cut off", "Content-Length: 100\r\n", "only this", 400, "IncompleteBody"},
		{"cut off, large", "Content-Length: 1000000\r\n", strings.Repeat("x", 100_000), 400, "IncompleteBody"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := s.wire(t, s.signedHead(t, tt.extra)+tt.body, true)
			// A client that closed its side may find the connection cut instead of
			// an answer; what matters is that nothing was stored.
			if resp != nil {
				body, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != tt.status || !strings.Contains(string(body), "<Code>"+tt.code+"</Code>") {
					t.Errorf("%d %s", resp.StatusCode, body)
				}
			} else if !strings.HasPrefix(tt.name, "cut off") {
				t.Error("no answer")
			}
			if keys := s.keys(t, "bkt"); len(keys) > 0 {
				t.Errorf("stored %q", keys)
			}
		})
	}
}
