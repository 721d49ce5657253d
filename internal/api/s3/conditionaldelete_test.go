package s3api_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/internal/object"
)

func TestConditionalDelete(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	info := s.store(t, "bkt", "k", "body", nil)
	quoted := `"` + info.ETag + `"`
	for i, step := range []struct {
		key, header, value string
		status             int
		code               string
	}{
		{"k", "If-Match", `"another"`, 412, "PreconditionFailed"},
		{"k", "If-Match", `"a", "b"`, 501, "NotImplemented"},
		{"missing", "If-Match", quoted, 404, "NoSuchKey"},
		{"missing", "If-Match", "*", 404, "NoSuchKey"},
		{"k", "X-Amz-If-Match-Size", "4", 501, "NotImplemented"},
		{"k", "X-Amz-If-Match-Last-Modified-Time", "Thu, 01 Jan 2026 00:00:00 GMT", 501, "NotImplemented"},
		{"k", "If-Match", quoted, 204, ""},
		{"k", "If-Match", quoted, 404, "NoSuchKey"},
	} {
		got := s.do(t, raw{method: "DELETE", path: "/bkt/" + step.key, header: map[string]string{step.header: step.value}})
		if got.StatusCode != step.status || got.code(t) != step.code {
			t.Errorf("%d: %d %s", i, got.StatusCode, got.body)
		}
	}
	if got := s.keys(t, "bkt"); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

// TestConditionalDeleteOfVersions: the condition is on the latest version, and no
// marker is made where it fails.
func TestConditionalDeleteOfVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	if err := s.service.SetVersioning(t.Context(), "bkt", object.VersioningEnabled); err != nil {
		t.Fatal(err)
	}
	old, latest := s.store(t, "bkt", "k", "old", nil), s.store(t, "bkt", "k", "latest", nil)
	for i, step := range []struct {
		path, etag string
		status     int
	}{
		{"/bkt/k", old.ETag, 412},
		{"/bkt/k?versionId=" + old.VersionID, old.ETag, 412},
		{"/bkt/k?versionId=" + old.VersionID, latest.ETag, 204},
		{"/bkt/k", latest.ETag, 204},
		{"/bkt/k", "*", 404},
	} {
		got := s.do(t, raw{method: "DELETE", path: step.path, header: map[string]string{"If-Match": step.etag}})
		if got.StatusCode != step.status {
			t.Errorf("%d: %d %s", i, got.StatusCode, got.body)
		}
	}
	page, err := s.service.ListVersions(t.Context(), object.ListVersionsInput{Bucket: "bkt", MaxKeys: 10})
	if err != nil || len(page.Versions) != 2 || !page.Versions[0].Marker {
		t.Errorf("left: %+v, %v", page.Versions, err)
	}
}

func TestConditionalDeleteObjects(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	for _, key := range []string{"a", "b", "c", "d"} {
		s.store(t, "bkt", key, "body", nil)
	}
	etag := s.store(t, "bkt", "e", "body", nil).ETag
	body := `<Delete><Object><Key>a</Key><ETag>&quot;` + etag + `&quot;</ETag></Object><Object><Key>b</Key><ETag>x</ETag></Object>` +
		`<Object><Key>missing</Key><ETag>*</ETag></Object><Object><Key>c</Key></Object><Object><Key>d</Key><Size>4</Size></Object></Delete>`
	got := s.do(t, raw{method: "POST", path: "/bkt?delete", body: body, header: map[string]string{"Content-MD5": contentMD5(body)}})
	for _, want := range []string{
		"<Deleted><Key>a</Key></Deleted>", "<Error><Key>b</Key><Code>PreconditionFailed</Code>", "<Error><Key>missing</Key><Code>NoSuchKey</Code>",
		"<Deleted><Key>c</Key></Deleted>", "<Error><Key>d</Key><Code>NotImplemented</Code>",
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("no %s in %s", want, got.body)
		}
	}
	if keys := strings.Join(s.keys(t, "bkt"), ""); keys != "bde" {
		t.Errorf("left: %s", keys)
	}
}

// TestConditionalDeleteNeedsReading: who may not read an object cannot learn its
// ETag by deleting it.
func TestConditionalDeleteNeedsReading(t *testing.T) {
	t.Parallel()
	s := newUserSite(t)
	etag := s.store(t, "bkt", "k", "body", nil).ETag
	s.rights(t, `"Action":"s3:DeleteObject"`)
	if got := s.as(t, "bob", "DELETE", "/bkt/k", map[string]string{"If-Match": etag}); got != http.StatusForbidden {
		t.Errorf("without reading: %d", got)
	}
	s.rights(t, `"Action":["s3:DeleteObject","s3:GetObject"],"Condition":{"Null":{"s3:if-match":"false"}}`)
	if got := s.as(t, "bob", "DELETE", "/bkt/k", nil); got != http.StatusForbidden {
		t.Errorf("without the condition that the policy wants: %d", got)
	}
	if got := s.as(t, "bob", "DELETE", "/bkt/k", map[string]string{"If-Match": etag}); got != http.StatusNoContent {
		t.Errorf("with it: %d", got)
	}
}

// TestConditionalDeletesRace: of writers and deleters that all go by one ETag, one
// succeeds.
func TestConditionalDeletesRace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	for round := range 20 {
		etag := s.store(t, "bkt", "k", "body", nil).ETag
		var done atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = s.service.Delete(t.Context(), object.DeleteInput{Bucket: "bkt", Key: "k", IfMatch: etag})
				} else {
					_, err = s.service.Put(t.Context(), object.PutInput{Bucket: "bkt", Key: "k", Body: strings.NewReader("other"), Size: 5, IfMatch: etag})
				}
				if err == nil {
					done.Add(1)
				}
			})
		}
		wg.Wait()
		if n := done.Load(); n != 1 {
			t.Fatalf("round %d: %d succeeded", round, n)
		}
	}
}

// TestListingTellsMetadataToReaders: metadata=true shows what the caller may read.
func TestListingTellsMetadataToReaders(t *testing.T) {
	t.Parallel()
	s := newUserSite(t)
	if got := s.as(t, "bob", "PUT", "/bkt/k", map[string]string{"X-Amz-Meta-Colour": "red", "X-Amz-Tagging": "a%20b=c%3Dd&e=", "Content-Type": "text/x"}); got != 200 {
		t.Fatal(got)
	}
	const metadata, tags = "<X-Amz-Meta-Colour>red</X-Amz-Meta-Colour>", "<UserTags>a+b=c%3Dd&amp;e=</UserTags>"
	for _, path := range []string{"/bkt?list-type=2&metadata=true", "/bkt?versions&metadata=true", "/bkt?metadata=true"} {
		if got := s.do(t, raw{method: "GET", path: path}); !strings.Contains(got.body, metadata) || !strings.Contains(got.body, tags) {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	for actions, want := range map[string][2]bool{
		`"Action":"s3:ListBucket"`:                                        {false, false},
		`"Action":["s3:ListBucket","s3:GetObject"]`:                       {true, false},
		`"Action":["s3:ListBucket","s3:GetObjectTagging"]`:                {false, true},
		`"Action":["s3:ListBucket","s3:GetObject","s3:GetObjectTagging"]`: {true, true},
	} {
		s.rights(t, actions)
		body := s.listAs(t, "bob")
		if got := [2]bool{strings.Contains(body, metadata), strings.Contains(body, "UserTags>")}; got != want {
			t.Errorf("%s: %v in %s", actions, got, body)
		}
	}
}

// listAs is a listing with metadata for a user.
func (s *userSite) listAs(t *testing.T, who string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/bkt?list-type=2&metadata=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Content-Sha256", emptyHash)
	resp, err := s.transport.RoundTrip(signer.SignV4(*r, who, secretKey, "", "us-east-1"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
