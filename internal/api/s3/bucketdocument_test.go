package s3api_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/object"
)

const lifecycleDocument = `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><Status>Enabled</Status><ID>logs</ID>` +
	`<Filter><Prefix>logs/</Prefix></Filter><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>`

// TestLifecycleDocument: what is put comes back as it was sent, in the order in
// which it was sent.
func TestLifecycleDocument(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	const path = "/bkt?lifecycle"
	for i, step := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", path, "", 404, "NoSuchLifecycleConfiguration", ""},
		{"DELETE", path, "", 204, "", ""},
		{"PUT", path, "", 400, "MalformedXML", ""},
		{"PUT", path, "<LifecycleConfiguration/>", 400, "MalformedXML", ""},
		{"PUT", path, `<!DOCTYPE x [<!ENTITY a "b">]>` + lifecycleDocument, 400, "MalformedXML", ""},
		{"PUT", path, strings.Replace(lifecycleDocument, "30", "0", 1), 400, "InvalidArgument", "must be a positive integer"},
		{"PUT", path, strings.Repeat(" ", 2<<20), 400, "MaxMessageLengthExceeded", ""},
		{"GET", path, "", 404, "NoSuchLifecycleConfiguration", ""},
		{"PUT", path, lifecycleDocument, 200, "", ""},
		{"GET", path, "", 200, "", lifecycleDocument},
		{"PUT", path, strings.Replace(lifecycleDocument, "30", "-1", 1), 400, "InvalidArgument", ""},
		{"GET", path, "", 200, "", lifecycleDocument},
		{"DELETE", path, "", 204, "", ""},
		{"GET", path, "", 404, "NoSuchLifecycleConfiguration", ""},
		{"GET", "/nosuch?lifecycle", "", 404, "NoSuchBucket", ""},
		{"PUT", "/nosuch?lifecycle", lifecycleDocument, 404, "NoSuchBucket", ""},
		{"DELETE", "/nosuch?lifecycle", "", 404, "NoSuchBucket", ""},
	} {
		got := s.do(t, raw{method: step.method, path: step.path, body: step.body})
		if got.StatusCode != step.status || got.code(t) != step.code || !strings.Contains(got.body, step.want) {
			t.Errorf("%d: %s %s: %d %s", i, step.method, step.path, got.StatusCode, got.body)
		}
	}
}

// TestLifecycleHeaders: the smallest size comes back, and the time for who asks.
func TestLifecycleHeaders(t *testing.T) {
	t.Parallel()
	const header = "X-Amz-Transition-Default-Minimum-Object-Size"
	s := newSite(t)
	s.bucket(t, "bkt")
	put := func(size string) answer {
		t.Helper()
		r := raw{method: "PUT", path: "/bkt?lifecycle", body: lifecycleDocument, header: map[string]string{}}
		if size != "" {
			r.header[header] = size
		}
		return s.do(t, r)
	}
	for size, want := range map[string]string{"": "all_storage_classes_128K", "varies_by_storage_class": "varies_by_storage_class"} {
		if got := put(size); got.StatusCode != http.StatusOK || got.Header.Get(header) != want {
			t.Errorf("put %q: %d %q", size, got.StatusCode, got.Header.Get(header))
		}
		got := s.do(t, raw{method: "GET", path: "/bkt?lifecycle"})
		if got.Header.Get(header) != want || got.Header.Get("X-Minio-LifecycleConfig-UpdatedAt") != "" {
			t.Errorf("get after %q: %v", size, got.Header)
		}
	}
	if got := put("1TB"); got.code(t) != "InvalidRequest" {
		t.Errorf("an unknown size: %d %s", got.StatusCode, got.body)
	}
	got := s.do(t, raw{method: "GET", path: "/bkt?lifecycle=&withUpdatedAt=true"})
	at, err := time.Parse("20060102T150405Z", got.Header.Get("X-Minio-LifecycleConfig-UpdatedAt"))
	if err != nil || at.IsZero() {
		t.Errorf("updated at %v, %v", at, err)
	}
}

// TestRuleIDs: a rule without an ID gets one, and nothing else changes.
func TestRuleIDs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	without := `<?xml version="1.0"?> <LifecycleConfiguration><Rule><Prefix>a&amp;b</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule> <!-- then -->` +
		`<Rule><ID>mine</ID><Filter><Tag><Key>ID</Key><Value>v</Value></Tag></Filter><Status>Disabled</Status><Expiration><Days>2</Days></Expiration></Rule></LifecycleConfiguration>`
	if got := s.do(t, raw{method: "PUT", path: "/bkt?lifecycle", body: without}); got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	got := s.do(t, raw{method: "GET", path: "/bkt?lifecycle"}).body
	id := regexp.MustCompile(`<ID>[0-9a-f-]{36}</ID>`)
	if n := len(id.FindAllString(got, -1)); n != 1 || id.ReplaceAllString(got, "") != without {
		t.Errorf("%d ids in %s", n, got)
	}
}

// TestReplicationDocument: it needs versions, and a bucket that has it keeps them.
func TestReplicationDocument(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	const path = "/bkt?replication"
	const document = `<ReplicationConfiguration><Role>arn:minio:replication::1:there</Role><Rule><ID>all</ID><Status>Enabled</Status><Priority>1</Priority>` +
		`<Filter><Prefix></Prefix></Filter><Destination><Bucket>arn:minio:replication::1:there</Bucket></Destination></Rule></ReplicationConfiguration>`
	versioning := func(status string) string {
		return "<VersioningConfiguration><Status>" + status + "</Status></VersioningConfiguration>"
	}
	for i, step := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", path, "", 404, "ReplicationConfigurationNotFoundError", ""},
		{"PUT", path, document, 400, "InvalidRequest", "Versioning must be &#39;Enabled&#39;"},
		{"PUT", "/bkt?versioning", versioning("Enabled"), 200, "", ""},
		{"PUT", path, strings.Replace(document, "<Rule>", "<Rule><Rule/>", 1), 400, "MalformedXML", ""},
		{"PUT", path, document, 200, "", ""},
		{"GET", path, "", 200, "", document},
		{"PUT", "/bkt?versioning", versioning("Suspended"), 409, "InvalidBucketState", "A replication configuration is present"},
		{"DELETE", path, "", 204, "", ""},
		{"PUT", "/bkt?versioning", versioning("Suspended"), 200, "", ""},
		{"GET", path, "", 404, "ReplicationConfigurationNotFoundError", ""},
	} {
		got := s.do(t, raw{method: step.method, path: step.path, body: step.body})
		want := strings.ReplaceAll(step.want, "&#39;", "'")
		if got.StatusCode != step.status || got.code(t) != step.code || !strings.Contains(strings.ReplaceAll(got.body, "&#39;", "'"), want) {
			t.Errorf("%d: %s %s: %d %s", i, step.method, step.path, got.StatusCode, got.body)
		}
	}
}

// TestDocumentsGoWithTheirBucket: a bucket of the same name inherits none.
func TestDocumentsGoWithTheirBucket(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.do(t, raw{method: "PUT", path: "/bkt?lifecycle", body: lifecycleDocument})
	if got := s.do(t, raw{method: "DELETE", path: "/bkt"}); got.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	s.bucket(t, "bkt")
	if doc, err := s.service.Document(t.Context(), "bkt", object.LifecycleDocument); doc != nil || err != nil {
		t.Errorf("%v, %v", doc, err)
	}
}
