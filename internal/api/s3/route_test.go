package s3api

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample makes the plainest request that is a row's.
func sample(row route) *request {
	path := []string{"/", "/bkt", "/bkt/key"}[row.scope]
	hr := httptest.NewRequestWithContext(context.Background(), row.method, path, nil)
	if row.query != "" {
		hr.URL.RawQuery = row.query + "="
	}
	if row.header != "" {
		hr.Header.Set(row.header, "value")
	}
	return &request{Request: hr}
}

func TestEveryRouteIsReachable(t *testing.T) {
	t.Parallel()
	rows := routes()
	rt := newRouter(rows)
	seen := map[string]bool{}
	for _, row := range rows {
		if seen[row.operation] {
			t.Errorf("%s is there twice", row.operation)
		}
		seen[row.operation] = true
		if row.action == "" || row.handler == nil {
			t.Errorf("%s has no action or no handler", row.operation)
		}
		r := sample(row)
		if err := r.parse(nil); err != nil {
			t.Fatal(err)
		}
		got, err := rt.match(r)
		if err != nil || got.operation != row.operation {
			t.Errorf("the sample of %s goes to %+v, %v", row.operation, got, err)
		}
	}
}

// TestNoTwoRoutesClaimOneRequest: rows of one method and scope differ in their
// marks, and one that has less marks than another comes after it.
func TestNoTwoRoutesClaimOneRequest(t *testing.T) {
	t.Parallel()
	rows := routes()
	for i, a := range rows {
		for j, b := range rows {
			if i == j || a.method != b.method || a.scope != b.scope {
				continue
			}
			if a.query == b.query && a.header == b.header {
				t.Errorf("%s and %s have the same marks", a.operation, b.operation)
			}
			if a.query == b.query && a.header == "" && b.header != "" && i < j {
				t.Errorf("%s hides %s", a.operation, b.operation)
			}
		}
	}
}

// TestRoutesGolden shows every change of the table in its diff.
func TestRoutesGolden(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, row := range routes() {
		b.WriteString(strings.TrimRight(strings.Join([]string{
			row.method, []string{"/", "/bucket", "/bucket/key"}[row.scope], "?" + row.query, row.header, row.operation, string(row.action),
		}, " "), " ") + "\n")
	}
	name := filepath.Join("testdata", "routes.golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("UPDATE_GOLDEN=1 rewrites the table: %s", diff)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, target, header string
		want                   string
		err                    error
	}{
		{method: "GET", target: "/", want: "ListBuckets"},
		{method: "GET", target: "/?events=s3:ObjectCreated:*&ping=10", want: "ListenNotification"},
		{method: "GET", target: "/?x-id=ListBuckets", want: "ListBuckets"},
		{method: "GET", target: "/bkt/", want: "ListObjects"},
		{method: "GET", target: "/bkt/?location=", want: "GetBucketLocation"},
		{method: "GET", target: "/bkt?prefix=location", want: "ListObjects"},
		{method: "GET", target: "/bkt?list-type=2&prefix=a", want: "ListObjectsV2"},
		{method: "GET", target: "/bkt?versions&prefix=a", want: "ListObjectVersions"},
		{method: "GET", target: "/bkt?lifecycle=&withUpdatedAt=true", want: "GetBucketLifecycle"},
		{method: "PUT", target: "/bkt/", want: "CreateBucket"},
		{method: "PUT", target: "/bkt/?x-id=CreateBucket&X-Amz-Signature=1", want: "CreateBucket"},
		{method: "PUT", target: "/bkt?unheard-of", err: errNotImplemented},
		{method: "PUT", target: "/bkt?location", err: errMethodNotAllowed},
		{method: "DELETE", target: "/bkt", want: "DeleteBucket"},
		{method: "DELETE", target: "/bkt?notification", err: errMethodNotAllowed},
		{method: "DELETE", target: "/bkt?notification=", err: errMethodNotAllowed},
		{method: "DELETE", target: "/bkt?location", err: errMethodNotAllowed},
		{method: "DELETE", target: "/bkt?unheard-of", err: errNotImplemented},
		{method: "DELETE", target: "/bkt?tagging", want: "DeleteBucketTagging"},
		{method: "POST", target: "/bkt?delete", want: "DeleteObjects"},
		{method: "POST", target: "/bkt", want: "PostObject"},
		{method: "POST", target: "/", err: errMethodNotAllowed},
		{method: "PUT", target: "/bkt/key", want: "PutObject"},
		{method: "PUT", target: "/bkt//", want: "PutObject"},
		{method: "PUT", target: "/bkt/key", header: "X-Amz-Copy-Source", want: "CopyObject"},
		{method: "PUT", target: "/bkt/key?uploadId=1&partNumber=1", header: "X-Amz-Copy-Source", want: "UploadPartCopy"},
		{method: "PUT", target: "/bkt/key?uploadId=1&partNumber=1", want: "UploadPart"},
		{method: "PUT", target: "/bkt/key?tagging", header: "X-Amz-Copy-Source", want: "PutObjectTagging"},
		{method: "PUT", target: "/bkt/key?torrent", err: errMethodNotAllowed},
		{method: "DELETE", target: "/bkt/key?uploadId=1", want: "AbortMultipartUpload"},
		{method: "DELETE", target: "/bkt/key?versionId=null", want: "DeleteObject"},
		{method: "DELETE", target: "/bkt/key", header: "X-Minio-Force-Delete", want: "ForceDeleteObject"},
		{method: "DELETE", target: "/bkt/key?acl", err: errMethodNotAllowed},
		{method: "PATCH", target: "/bkt/key", err: errMethodNotAllowed},
		{method: "OPTIONS", target: "/", err: errMethodNotAllowed},
	}
	rt := newRouter(routes())
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.target+" "+tt.header, func(t *testing.T) {
			t.Parallel()
			hr := httptest.NewRequestWithContext(t.Context(), tt.method, tt.target, nil)
			if tt.header != "" {
				hr.Header.Set(tt.header, "x")
			}
			r := &request{Request: hr}
			if err := r.parse(nil); err != nil {
				t.Fatal(err)
			}
			got, err := rt.match(r)
			if err != tt.err { //nolint:errorlint // the very value
				t.Fatalf("err = %v, want %v", err, tt.err)
			}
			if err == nil && got.operation != tt.want {
				t.Errorf("matched %s, want %s", got.operation, tt.want)
			}
		})
	}
}

// FuzzMatch: no path or query panics, and one request has one answer.
func FuzzMatch(f *testing.F) {
	f.Add("GET", "/bkt/key", "versionId=null")
	f.Add("DELETE", "/bkt", "notification")
	f.Add("PUT", "//", "a=%zz&&=&;")
	f.Add("", "", "%")
	rt := newRouter(routes())
	f.Fuzz(func(t *testing.T, method, path, query string) {
		hr := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		hr.Method, hr.URL.Path, hr.URL.RawQuery = method, path, query
		r := &request{Request: hr}
		if r.parse(nil) != nil {
			return
		}
		first, err := rt.match(r)
		again, errAgain := rt.match(r)
		if first != again || err != errAgain { //nolint:errorlint // the very values
			t.Fatalf("%v, %v and then %v, %v", first, err, again, errAgain)
		}
		if err == nil && first.operation == "DeleteBucket" && (r.key != "" || r.has("notification")) {
			t.Fatalf("%s %q %q would delete a bucket", method, path, query)
		}
	})
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]error{
		"k": nil, "a//b/../c": nil, strings.Repeat("k", 1024): nil,
		strings.Repeat("k", 1025): errKeyTooLong, "\xff": errXMinioInvalidObjectName, "a\x00": errXMinioInvalidObjectName,
	} {
		if got := checkKey(key); got != want { //nolint:errorlint // the very value
			t.Errorf("%q: %v, want %v", key, got, want)
		}
	}
}
