package s3api_test

import (
	"context"
	"encoding/xml"
	"net/http"
	"testing"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/object"
)

// TestExpirationHeader: every answer about a key's latest version tells when it
// expires, and no other.
func TestExpirationHeader(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *s3api.Config) {
		c.Expiration = func(_ context.Context, info *object.Info) string {
			if info.Key == "stays" {
				return ""
			}
			return "of " + info.Bucket + "/" + info.Key
		}
	})
	s.versioned(t, "bkt")
	upload := func() string {
		var created struct {
			UploadID string `xml:"UploadId"`
		}
		got := s.do(t, raw{method: "POST", path: "/bkt/parts?uploads"})
		if err := xml.Unmarshal([]byte(got.body), &created); err != nil || got.Header.Get("X-Amz-Expiration") != "" {
			t.Fatalf("%v, %v", err, got.Header)
		}
		return created.UploadID
	}()
	part := s.do(t, raw{method: "PUT", path: "/bkt/parts?partNumber=1&uploadId=" + upload, body: "x"})
	complete := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + part.Header.Get("Etag") + "</ETag></Part></CompleteMultipartUpload>"
	put := s.do(t, raw{method: "PUT", path: "/bkt/k", body: "x"})
	posted := s.post(t, s.formOf(t, nothing), "x.txt", "x")
	for name, tt := range map[string]struct {
		got  answer
		want string
	}{
		"put":               {put, "of bkt/k"},
		"get":               {s.do(t, raw{method: "GET", path: "/bkt/k"}), "of bkt/k"},
		"range":             {s.do(t, raw{method: "GET", path: "/bkt/k", header: headers{"Range": "bytes=0-0"}}), "of bkt/k"},
		"head":              {s.do(t, raw{method: "HEAD", path: "/bkt/k"}), "of bkt/k"},
		"copy":              {s.do(t, raw{method: "PUT", path: "/bkt/copy", header: headers{"X-Amz-Copy-Source": "bkt/k"}}), "of bkt/copy"},
		"upload":            {s.do(t, raw{method: "POST", path: "/bkt/parts?uploadId=" + upload, body: complete}), "of bkt/parts"},
		"form":              {posted, "of bkt/photo.txt"},
		"by version":        {s.do(t, raw{method: "GET", path: "/bkt/k?versionId=" + put.Header.Get("X-Amz-Version-Id")}), ""},
		"what stays":        {s.do(t, raw{method: "PUT", path: "/bkt/stays", body: "x"}), ""},
		"what is not there": {s.do(t, raw{method: "GET", path: "/bkt/none"}), ""},
	} {
		if got := tt.got.Header.Get("X-Amz-Expiration"); got != tt.want || tt.want != "" && tt.got.StatusCode >= http.StatusBadRequest {
			t.Errorf("%s: %q, %d %s", name, got, tt.got.StatusCode, tt.got.body)
		}
	}
}
