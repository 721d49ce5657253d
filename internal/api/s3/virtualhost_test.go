package s3api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
)

func TestBucketOfHost(t *testing.T) {
	t.Parallel()
	d, err := s3api.NewDomains(" s3.test, Example.ORG. ,deep.s3.test,", "console.example.org", "elsewhere.test")
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"b.s3.test":                           "b",
		"b.s3.test:9000":                      "b",
		"b.s3.test.":                          "b",
		"MyBucket.S3.Test":                    "mybucket",
		"a.b.c.s3.test":                       "a.b.c",
		"b.example.org":                       "b",
		"b.deep.s3.test":                      "b", // the longest domain, and not deep.s3.test's b.deep
		"s3.test":                             "",
		"s3.test:443":                         "",
		"deep.s3.test":                        "", // a domain itself, though below another
		"minio.s3.test":                       "",
		"carillon.s3.test":                    "",
		"console.example.org":                 "",
		".s3.test":                            "",
		"xs3.test":                            "",
		"s3.test.invalid":                     "",
		"elsewhere.test":                      "",
		"127.0.0.1":                           "",
		"127.0.0.1:9000":                      "",
		"[::1]":                               "",
		"[::1]:9000":                          "",
		"::1":                                 "",
		"localhost:9000":                      "",
		"":                                    "",
		strings.Repeat("a", 300) + ".s3.test": "",
	} {
		if got := d.Bucket(host); got != want {
			t.Errorf("%q names the bucket %q, want %q", host, got, want)
		}
	}
	if none, err := s3api.NewDomains(" , "); err != nil || none.Bucket("b.s3.test") != "" {
		t.Errorf("no domains: %v", err)
	}
	for _, bad := range []string{"http://s3.test", "s3.test:9000", "s3.test/x", "10.0.0.1", "::1", "*.s3.test", "s3..test", "-a.test", "a b.test", strings.Repeat("a.", 200) + "test"} {
		if _, err := s3api.NewDomains("good.test," + bad); err == nil || !strings.Contains(err.Error(), bad[:min(5, len(bad))]) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestHostStyle: what the host names and what the path names mean the same, and
// the signature is over what was sent.
func TestHostStyle(t *testing.T) {
	t.Parallel()
	domains, err := s3api.NewDomains("s3.test")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(c *s3api.Config) { c.Domains = domains })
	s.bucket(t, "bkt")
	for key, path := range map[string]string{"k": "/k", "bkt/k": "/bkt/k", "/k": "//k", "a b": "/a%20b", "minio/health/live": "/minio/health/live"} {
		if a := s.doHost(t, raw{method: "PUT", path: path, body: key}, "bkt.s3.test:9000"); a.StatusCode != http.StatusOK {
			t.Fatalf("%q: %d %s", key, a.StatusCode, a.body)
		}
		if a := s.do(t, raw{method: "GET", path: "/bkt" + path}); a.body != key {
			t.Errorf("%q by its path: %d %s", key, a.StatusCode, a.body)
		}
	}
	for name, tt := range map[string]struct {
		method, path, host string
		status             int
		code               string
	}{
		"list":                  {"GET", "/?list-type=2", "bkt.s3.test", 200, ""},
		"head bucket":           {"HEAD", "/", "bkt.s3.test", 200, ""},
		"upper case":            {"HEAD", "/k", "BKT.S3.TEST", 200, ""},
		"no such bucket":        {"GET", "/k", "none.s3.test", 404, "NoSuchBucket"},
		"not a bucket's name":   {"PUT", "/", "a_b.s3.test", 400, "InvalidBucketName"},
		"buckets of the domain": {"GET", "/", "s3.test", 200, ""},
		"path on the domain":    {"HEAD", "/bkt/k", "s3.test", 200, ""},
		"path on unknown host":  {"HEAD", "/bkt/k", "unknown.invalid", 200, ""},
		"make a bucket":         {"PUT", "/", "new.s3.test", 200, ""},
		"upload":                {"POST", "/big?uploads", "bkt.s3.test", 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.doHost(t, raw{method: tt.method, path: tt.path}, tt.host)
			if a.StatusCode != tt.status || a.code(t) != tt.code {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	// Version 2 signs the bucket, which the path does not hold.
	v2 := s.hostRequest(t, raw{method: "GET", path: "/a%20b?acl-of-nothing=1"}, "bkt.s3.test")
	v2.Header = http.Header{}
	resp2, err := s.transport.RoundTrip(signer.SignV2(*v2, accessKey, secretKey, true))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp2.Body.Close()
	if resp2.StatusCode != http.StatusOK {
		t.Errorf("version 2 over the host: %d", resp2.StatusCode)
	}
	// What was signed for one host is not good for another bucket's.
	r := s.hostRequest(t, raw{method: "GET", path: "/k"}, "bkt.s3.test")
	r.Host = "new.s3.test"
	resp, err := s.transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a signature for another host: %d", resp.StatusCode)
	}
}

// hostRequest signs a request for a host that does not resolve.
func (s *site) hostRequest(t testing.TB, in raw, host string) *http.Request {
	t.Helper()
	in.unsigned = true
	r := s.request(t, in)
	r.Host = host
	return signer.SignV4(*r, accessKey, secretKey, "", "us-east-1")
}

func (s *site) doHost(t testing.TB, in raw, host string) answer {
	t.Helper()
	resp, err := s.transport.RoundTrip(s.hostRequest(t, in, host))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(body)}
}

// FuzzBucketOfHost: a bucket is found only in front of a domain.
func FuzzBucketOfHost(f *testing.F) {
	d, err := s3api.NewDomains("s3.test")
	if err != nil {
		f.Fatal(err)
	}
	for _, host := range []string{"b.s3.test", "b.s3.test:1", "[::1]:1", "s3.test", "..s3.test", ":"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if b := d.Bucket(host); b != "" && !strings.HasPrefix(strings.ToLower(host), b+".s3.test") {
			t.Errorf("%q names %q", host, b)
		}
	})
}
