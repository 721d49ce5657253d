package s3api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestGetConditionsAndRanges(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	info := s.store(t, "bkt", "k", "0123456789", nil)
	s.store(t, "bkt", "empty", "", nil)
	etag, modified := `"`+info.ETag+`"`, info.Modified.Format(http.TimeFormat)
	before, after := info.Modified.Add(-time.Hour).Format(http.TimeFormat), info.Modified.Add(time.Hour).Format(http.TimeFormat)
	tests := []struct {
		name, path string
		header     headers
		status     int
		body       string
		code       string
		want       headers
	}{
		{name: "whole", status: 200, body: "0123456789", want: headers{"Content-Length": "10", "Etag": etag, "Last-Modified": modified, "Accept-Ranges": "bytes", "Content-Range": ""}},
		{name: "range", header: headers{"Range": "bytes=2-4"}, status: 206, body: "234", want: headers{"Content-Range": "bytes 2-4/10", "Content-Length": "3"}},
		{name: "suffix", header: headers{"Range": "bytes=-2"}, status: 206, body: "89", want: headers{"Content-Range": "bytes 8-9/10"}},
		{name: "past the end", header: headers{"Range": "bytes=10-"}, status: 416, code: "InvalidRange", want: headers{"Content-Range": "bytes */10", "Etag": ""}},
		{name: "of an empty object", path: "empty", header: headers{"Range": "bytes=0-"}, status: 416, code: "InvalidRange"},
		{name: "malformed range is ignored", header: headers{"Range": "bytes=x"}, status: 200, body: "0123456789"},
		{name: "two ranges are ignored", header: headers{"Range": "bytes=0-1,3-4"}, status: 200, body: "0123456789"},
		{name: "If-Range of this version", header: headers{"Range": "bytes=0-1", "If-Range": etag}, status: 206, body: "01"},
		{name: "If-Range of another version", header: headers{"Range": "bytes=0-1", "If-Range": `"x"`}, status: 200, body: "0123456789"},
		{name: "If-Range by date", header: headers{"Range": "bytes=0-1", "If-Range": modified}, status: 206, body: "01"},
		{name: "If-Range of another date", header: headers{"Range": "bytes=0-1", "If-Range": before}, status: 200, body: "0123456789"},
		{name: "If-Match", header: headers{"If-Match": etag}, status: 200, body: "0123456789"},
		{name: "If-Match without quotes", header: headers{"If-Match": info.ETag}, status: 200, body: "0123456789"},
		{name: "If-Match of several", header: headers{"If-Match": `"x", ` + etag}, status: 200, body: "0123456789"},
		{name: "If-Match of any", header: headers{"If-Match": "*"}, status: 200, body: "0123456789"},
		{name: "If-Match fails", header: headers{"If-Match": `"x"`}, status: 412, code: "PreconditionFailed"},
		{name: "If-None-Match", header: headers{"If-None-Match": `"x"`}, status: 200, body: "0123456789"},
		{name: "If-None-Match holds", header: headers{"If-None-Match": etag}, status: 304, want: headers{"Etag": etag, "Last-Modified": modified}},
		{name: "If-None-Match of any", header: headers{"If-None-Match": "*"}, status: 304},
		{name: "weak If-None-Match", header: headers{"If-None-Match": "W/" + etag}, status: 304},
		{name: "modified since", header: headers{"If-Modified-Since": before}, status: 200, body: "0123456789"},
		{name: "not modified since", header: headers{"If-Modified-Since": modified}, status: 304},
		{name: "unmodified since", header: headers{"If-Unmodified-Since": after}, status: 200, body: "0123456789"},
		{name: "unmodified since the same second", header: headers{"If-Unmodified-Since": modified}, status: 200, body: "0123456789"},
		{name: "modified after all", header: headers{"If-Unmodified-Since": before}, status: 412, code: "PreconditionFailed"},
		{name: "unreadable date is ignored", header: headers{"If-Unmodified-Since": "yesterday"}, status: 200, body: "0123456789"},
		{name: "If-Match beats If-Unmodified-Since", header: headers{"If-Match": etag, "If-Unmodified-Since": before}, status: 200, body: "0123456789"},
		{name: "If-None-Match beats If-Modified-Since", header: headers{"If-None-Match": `"x"`, "If-Modified-Since": modified}, status: 200, body: "0123456789"},
		{name: "If-None-Match and If-Modified-Since", header: headers{"If-None-Match": etag, "If-Modified-Since": before}, status: 304},
		{name: "condition before range", header: headers{"If-None-Match": etag, "Range": "bytes=99-"}, status: 304},
		{name: "null version", path: "k?versionId=null", status: 200, body: "0123456789"},
		{name: "empty version", path: "k?versionId=", status: 200, body: "0123456789"},
		{name: "another version", path: "k?versionId=5f7c4b1e-9d0a-4c3b-8e2f-112233445566", status: 404, code: "NoSuchVersion"},
		{name: "no version id", path: "k?versionId=123", status: 400, code: "InvalidArgument"},
		{name: "part 1", path: "k?partNumber=1", status: 206, body: "0123456789", want: headers{"Content-Range": "bytes 0-9/10"}},
		{name: "part 1 of an empty object", path: "empty?partNumber=1", status: 200},
		{name: "part 2", path: "k?partNumber=2", status: 416, code: "InvalidPartNumber"},
		{name: "part 0", path: "k?partNumber=0", status: 400, code: "InvalidArgument"},
		{name: "part and range", path: "k?partNumber=1", header: headers{"Range": "bytes=0-1"}, status: 400, code: "InvalidRequest"},
		{name: "missing key", path: "other", status: 404, code: "NoSuchKey"},
		{name: "missing bucket", path: "../other/k", status: 404, code: "NoSuchBucket"},
	}
	for _, tt := range tests {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(tt.name+" "+method, func(t *testing.T) {
				t.Parallel()
				path := "/bkt/" + tt.path
				if tt.path == "" {
					path = "/bkt/k"
				}
				if strings.HasPrefix(tt.path, "../") {
					path = tt.path[2:]
				}
				a := s.do(t, raw{method: method, path: path, header: tt.header})
				if a.StatusCode != tt.status || a.code(t) != tt.code {
					t.Fatalf("%d %s, want %d %s: %s", a.StatusCode, a.code(t), tt.status, tt.code, a.body)
				}
				if tt.code == "" && method == "GET" && a.body != tt.body {
					t.Errorf("body %q, want %q", a.body, tt.body)
				}
				if method == "HEAD" && a.body != "" {
					t.Errorf("HEAD has body %q", a.body)
				}
				for name, want := range tt.want {
					if got := a.Header.Get(name); got != want {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
			})
		}
	}
}

func TestRangeErrorSaysWhat(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.store(t, "bkt", "k", "0123456789", nil)
	a := s.do(t, raw{method: "GET", path: "/bkt/k", header: map[string]string{"Range": "bytes=10-"}})
	if !strings.Contains(a.body, "<ActualObjectSize>10</ActualObjectSize><RangeRequested>bytes=10-</RangeRequested>") {
		t.Error(a.body)
	}
}

func TestListParameters(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	for _, key := range []string{"a", "b/1", "b/2", "c"} {
		s.store(t, "bkt", key, "x", nil)
	}
	tests := []struct {
		name, query string
		status      int
		contains    []string
		lacks       []string
	}{
		{"v1 empty", "prefix=zzz", 200, []string{"<Name>bkt</Name><Prefix>zzz</Prefix><Marker></Marker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"}, nil},
		{"v1 without delimiter has no NextMarker", "max-keys=1", 200, []string{"<IsTruncated>true", "<Key>a</Key>"}, []string{"NextMarker"}},
		{"v1 with delimiter has one", "max-keys=2&delimiter=/", 200, []string{"<NextMarker>b/</NextMarker>", "<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>"}, nil},
		{"v1 after a group", "delimiter=/&marker=b/", 200, []string{"<Marker>b/</Marker>", "<Key>c</Key>"}, []string{"<Key>a</Key>", "CommonPrefixes"}},
		{"v2 counts groups", "list-type=2&delimiter=/", 200, []string{"<KeyCount>3</KeyCount>", "<Delimiter>/</Delimiter>"}, []string{"Owner", "Marker", "EncodingType"}},
		{"v2 with owner", "list-type=2&fetch-owner=true", 200, []string{"<Owner><ID>"}, nil},
		{"v2 start-after", "list-type=2&start-after=b/1", 200, []string{"<StartAfter>b/1</StartAfter>", "<Key>b/2</Key>"}, []string{"<Key>b/1</Key>"}},
		{"v2 nothing wanted", "list-type=2&max-keys=0", 200, []string{"<KeyCount>0</KeyCount><MaxKeys>0</MaxKeys><IsTruncated>false"}, []string{"Contents"}},
		{"more than a page", "max-keys=5000", 200, []string{"<MaxKeys>1000</MaxKeys>"}, nil},
		{"encoded", "list-type=2&encoding-type=url&prefix=b%2F&delimiter=%26", 200, []string{"<EncodingType>url</EncodingType>", "<Delimiter>%26</Delimiter>", "<Prefix>b/</Prefix>"}, nil},
		{"versions", "versions&max-keys=1", 200, []string{"<ListVersionsResult", "<NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>", "<VersionId>null</VersionId>", "<IsLatest>true"}, nil},
		{"versions after a key", "versions&key-marker=b/2", 200, []string{"<Key>c</Key>"}, []string{"<Key>b/2</Key>"}},
		{"uploads", "uploads&prefix=p", 200, []string{"<ListMultipartUploadsResult", "<Bucket>bkt</Bucket>", "<Prefix>p</Prefix>", "<IsTruncated>false"}, []string{"<Upload>"}},
		{"v3", "list-type=3", 400, []string{"<Code>InvalidArgument</Code>"}, nil},
		{"negative size", "max-keys=-1", 400, []string{"<Code>InvalidArgument</Code>"}, nil},
		{"size in words", "list-type=2&max-keys=many", 400, []string{"<Code>InvalidArgument</Code>"}, nil},
		{"unknown encoding", "encoding-type=base64", 400, []string{"<Code>InvalidArgument</Code>"}, nil},
		{"empty token", "list-type=2&continuation-token=", 400, []string{"<Code>InvalidArgument</Code>"}, nil},
		{"token of another make", "list-type=2&continuation-token=%21", 400, []string{"<Code>InvalidArgument</Code>"}, nil},
		{"version marker alone", "versions&version-id-marker=null", 400, []string{"<Code>InvalidArgument</Code>"}, nil},
		{"prefix not text", "prefix=%ff", 400, []string{"<Code>InvalidArgument</Code>"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := s.do(t, raw{method: "GET", path: "/bkt/?" + tt.query})
			if a.StatusCode != tt.status {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			for _, want := range tt.contains {
				if !strings.Contains(a.body, want) {
					t.Errorf("%q is missing in %s", want, a.body)
				}
			}
			for _, not := range tt.lacks {
				if strings.Contains(a.body, not) {
					t.Errorf("%q is in %s", not, a.body)
				}
			}
		})
	}
}
