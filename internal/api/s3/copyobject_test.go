package s3api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
)

func TestCopyObject(t *testing.T) {
	t.Parallel()
	s, ctx := newSite(t), t.Context()
	s.bucket(t, "bkt")
	s.bucket(t, "other")
	const key = "a b/déjà+vu?x=1%.txt"
	source := s.store(t, "bkt", key, "body", map[string]string{"content-type": "text/plain", "X-Amz-Meta-Color": "red"})
	to := minio.CopyDestOptions{Bucket: "other", Object: "kept"}
	info, err := s.client.CopyObject(ctx, to, minio.CopySrcOptions{Bucket: "bkt", Object: key})
	if err != nil || info.ETag != source.ETag || info.LastModified.IsZero() {
		t.Fatalf("CopyObject = %+v, %v", info, err)
	}
	if o, err := s.client.StatObject(ctx, "other", "kept", minio.StatObjectOptions{}); err != nil ||
		o.ContentType != "text/plain" || o.UserMetadata["Color"] != "red" {
		t.Errorf("the copy is %+v, %v", o, err)
	}
	to = minio.CopyDestOptions{
		Bucket: "bkt", Object: key, ReplaceMetadata: true,
		UserMetadata: map[string]string{"Content-Type": "image/png", "Shape": "round"},
	}
	if _, err := s.client.CopyObject(ctx, to, minio.CopySrcOptions{Bucket: "bkt", Object: key}); err != nil {
		t.Fatal(err)
	}
	if o, err := s.client.StatObject(ctx, "bkt", key, minio.StatObjectOptions{}); err != nil ||
		o.ContentType != "image/png" || o.UserMetadata["Shape"] != "round" || o.UserMetadata["Color"] != "" {
		t.Errorf("the replaced one is %+v, %v", o, err)
	}
}

// TestCopyObjectHeaders sends what clients write in many ways, and what must be
// refused.
func TestCopyObjectHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	source := s.store(t, "bkt", "a/k", "body", nil)
	s.store(t, "bkt", "there", "other", nil)
	quoted := `"` + source.ETag + `"`
	before := source.Modified.Add(-time.Hour).Format(http.TimeFormat)
	after := source.Modified.Add(time.Hour).Format(http.TimeFormat)
	from := func(source string, more ...string) headers {
		h := headers{"X-Amz-Copy-Source": source}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = more[i+1]
		}
		return h
	}
	const ifMatch, ifNone = "X-Amz-Copy-Source-If-Match", "X-Amz-Copy-Source-If-None-Match"
	const unmodified, modified = "X-Amz-Copy-Source-If-Unmodified-Since", "X-Amz-Copy-Source-If-Modified-Since"
	tests := []struct {
		name   string
		key    string
		header headers
		status int
		code   string
	}{
		{"plain", "to", from("bkt/a/k"), 200, ""},
		{"leading slash", "to", from("/bkt/a/k"), 200, ""},
		{"encoded", "to", from("bkt%2Fa%2Fk"), 200, ""},
		{"encoded with slash", "to", from("%2Fbkt/a%2fk"), 200, ""},
		{"null version", "to", from("bkt/a/k?versionId=null"), 200, ""},
		{"null version to itself", "a/k", from("bkt/a/k?versionId=null"), 400, "InvalidRequest"},
		{"other version", "to", from("bkt/a/k?versionId=5f7c4b1e-9d0a-4c3b-8e2f-112233445566"), 404, "NoSuchVersion"},
		{"no version id", "to", from("bkt/a/k?versionId=abc"), 400, "InvalidArgument"},
		{"no key", "to", from("bkt/"), 400, "InvalidArgument"},
		{"no bucket", "to", from("a"), 400, "InvalidArgument"},
		{"bad escape", "to", from("bkt/%zz"), 400, "InvalidArgument"},
		{"missing source", "to", from("bkt/none"), 404, "NoSuchKey"},
		{"missing source bucket", "to", from("none/k"), 404, "NoSuchBucket"},
		{"to itself", "a/k", from("bkt/a/k"), 400, "InvalidRequest"},
		{"to itself, copying metadata", "a/k", from("/bkt/a/k", "X-Amz-Metadata-Directive", "COPY"), 400, "InvalidRequest"},
		{"unknown directive", "to", from("bkt/a/k", "X-Amz-Metadata-Directive", "MOVE"), 400, "InvalidArgument"},
		{"tags kept", "to", from("bkt/a/k", "X-Amz-Tagging-Directive", "COPY"), 200, ""},
		{"tags replaced", "to", from("bkt/a/k", "X-Amz-Tagging-Directive", "REPLACE"), 200, ""},
		{"unknown tagging directive", "to", from("bkt/a/k", "X-Amz-Tagging-Directive", "ACCESS"), 400, "InvalidArgument"},
		{"bad tags replaced", "to", from("bkt/a/k", "X-Amz-Tagging-Directive", "REPLACE", "X-Amz-Tagging", "=x"), 400, "InvalidTag"},
		{"encrypted source", "to", from("bkt/a/k", "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm", "AES256"), 400, "InvalidRequest"},
		{"match", "to", from("bkt/a/k", ifMatch, quoted), 200, ""},
		{"match without quotes", "to", from("bkt/a/k", ifMatch, source.ETag), 200, ""},
		{"no match", "to", from("bkt/a/k", ifMatch, `"x"`), 412, "PreconditionFailed"},
		{"none match", "to", from("bkt/a/k", ifNone, `"x"`), 200, ""},
		{"none match fails", "to", from("bkt/a/k", ifNone, quoted), 412, "PreconditionFailed"},
		{"modified", "to", from("bkt/a/k", modified, before), 200, ""},
		{"not modified", "to", from("bkt/a/k", modified, after), 412, "PreconditionFailed"},
		{"unmodified", "to", from("bkt/a/k", unmodified, after), 200, ""},
		{"not unmodified", "to", from("bkt/a/k", unmodified, before), 412, "PreconditionFailed"},
		{"match beats unmodified", "to", from("bkt/a/k", ifMatch, quoted, unmodified, before), 200, ""},
		{"none match beats modified", "to", from("bkt/a/k", ifNone, quoted, modified, before), 412, "PreconditionFailed"},
		{"destination there", "there", from("bkt/a/k", "If-None-Match", "*"), 412, "PreconditionFailed"},
		{"destination of another ETag", "there", from("bkt/a/k", "If-Match", quoted), 412, "PreconditionFailed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := s.do(t, raw{method: "PUT", path: "/bkt/" + tt.key, header: tt.header})
			if a.StatusCode != tt.status || a.code(t) != tt.code {
				t.Fatalf("%d %s, want %d %s: %s", a.StatusCode, a.code(t), tt.status, tt.code, a.body)
			}
			if tt.status != 200 {
				return
			}
			var result struct{ ETag, LastModified string }
			mustParse(t, a, &result)
			if result.ETag != quoted {
				t.Errorf("ETag %s, want %s", result.ETag, quoted)
			}
			if _, err := time.Parse(time.RFC3339, result.LastModified); err != nil {
				t.Error(err)
			}
		})
	}
}
