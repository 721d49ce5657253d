package s3api_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/internal/object"
)

// noVersion is an id that no version has.
const noVersion = "5f7c4b1e-9d0a-4c3b-8e2f-112233445566"

// versioned makes a bucket with versioning enabled.
func (s *site) versioned(t *testing.T, name string) {
	t.Helper()
	s.bucket(t, name)
	s.setVersioning(t, name, object.VersioningEnabled)
}

func (s *site) setVersioning(t *testing.T, bucket string, state object.Versioning) {
	t.Helper()
	if err := s.service.SetVersioning(t.Context(), bucket, state); err != nil {
		t.Fatal(err)
	}
}

// mark deletes a key and returns the marker's version id.
func (s *site) mark(t *testing.T, bucket, key string) string {
	t.Helper()
	d, err := s.service.Delete(t.Context(), object.DeleteInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return d.VersionID
}

func TestBucketVersioning(t *testing.T) {
	t.Parallel()
	const ns = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	tests := []struct {
		name, document string
		status         int
		code           string
		// state is what GET shows then.
		state string
	}{
		{"enabled", "<Status>Enabled</Status>", 200, "", "<Status>Enabled</Status>"},
		{"suspended", "<Status>Suspended</Status>", 200, "", "<Status>Suspended</Status>"},
		{"no folders excluded", "<Status>Enabled</Status><ExcludeFolders>false</ExcludeFolders>", 200, "", "<Status>Enabled</Status>"},
		{"MFA delete disabled", "<Status>Enabled</Status><MfaDelete>Disabled</MfaDelete>", 200, "", "<Status>Enabled</Status>"},
		{"MFA delete", "<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>", 403, "AccessDenied", ""},
		{"MFA delete of another value", "<Status>Enabled</Status><MfaDelete>Yes</MfaDelete>", 400, "MalformedXML", ""},
		{"prefixes excluded", "<Status>Enabled</Status><ExcludedPrefixes><Prefix>a</Prefix></ExcludedPrefixes>", 501, "NotImplemented", ""},
		{"folders excluded", "<Status>Enabled</Status><ExcludeFolders>true</ExcludeFolders>", 501, "NotImplemented", ""},
		{"no status", "", 400, "IllegalVersioningConfigurationException", ""},
		{"another status", "<Status>enabled</Status>", 400, "MalformedXML", ""},
		{"not closed", "<Status>Enabled", 400, "MalformedXML", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.bucket(t, "bkt")
			a := s.do(t, raw{method: "PUT", path: "/bkt?versioning=", body: "<VersioningConfiguration" + ns + ">" + tt.document + "</VersioningConfiguration>"})
			if a.StatusCode != tt.status || a.code(t) != tt.code {
				t.Errorf("status %d %s, want %d %s", a.StatusCode, a.code(t), tt.status, tt.code)
			}
			a = s.do(t, raw{method: "GET", path: "/bkt?versioning="})
			if want := xml.Header + "<VersioningConfiguration" + ns + ">" + tt.state + "</VersioningConfiguration>"; a.body != want {
				t.Errorf("GET gives %s, want %s", a.body, want)
			}
		})
	}
	s := newSite(t)
	for _, method := range []string{"GET", "PUT"} {
		a := s.do(t, raw{method: method, path: "/none?versioning=", body: map[string]string{"PUT": "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"}[method]})
		if a.code(t) != "NoSuchBucket" {
			t.Errorf("%s of a missing bucket: %d %s", method, a.StatusCode, a.body)
		}
	}
}

// wantHeaders compares headers of an answer; empty means absent.
func wantHeaders(t *testing.T, what string, a answer, want headers) {
	t.Helper()
	for name, value := range want {
		if got := a.Header.Get(name); got != value {
			t.Errorf("%s: %s is %q, want %q", what, name, got, value)
		}
	}
}

const versionHeader, markerHeader = "X-Amz-Version-Id", "X-Amz-Delete-Marker"

// TestVersionsOverHTTP writes and deletes a key, and reads all that came of it.
func TestVersionsOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	put := func(body string) string {
		a := s.do(t, raw{method: "PUT", path: "/bkt/k", body: body})
		if a.StatusCode != http.StatusOK {
			t.Fatalf("PUT: %d %s", a.StatusCode, a.body)
		}
		return a.Header.Get(versionHeader)
	}
	if id := put("null"); id != "" {
		t.Errorf("without versioning a PUT makes version %q", id)
	}
	s.setVersioning(t, "bkt", object.VersioningEnabled)
	first, second := put("first"), put("second")
	a := s.do(t, raw{method: "DELETE", path: "/bkt/k"})
	marker := a.Header.Get(versionHeader)
	if a.StatusCode != http.StatusNoContent || a.Header.Get(markerHeader) != "true" {
		t.Errorf("DELETE: %d %v", a.StatusCode, a.Header)
	}
	ids := []string{first, second, marker}
	if slices.Sort(ids); len(slices.Compact(ids)) != 3 || slices.Contains(ids, "") || slices.Contains(ids, "null") {
		t.Errorf("version ids %v", ids)
	}
	tests := []struct {
		name, version string
		status        int
		code, body    string
		header        headers
	}{
		{"the latest", "", 404, "NoSuchKey", "", headers{markerHeader: "true", versionHeader: marker}},
		{"the marker", marker, 405, "MethodNotAllowed", "", headers{markerHeader: "true", versionHeader: marker, "Allow": "DELETE"}},
		{"second", second, 200, "", "second", headers{versionHeader: second, markerHeader: ""}},
		{"first", first, 200, "", "first", headers{versionHeader: first}},
		{"in upper case", strings.ToUpper(first), 200, "", "first", headers{versionHeader: first}},
		{"null", "null", 200, "", "null", headers{versionHeader: "null"}},
		{"missing", noVersion, 404, "NoSuchVersion", "", headers{markerHeader: "", versionHeader: ""}},
		{"no id", "abc", 400, "InvalidArgument", "", nil},
		{"the nil UUID", "00000000-0000-0000-0000-000000000000", 400, "InvalidArgument", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			query := ""
			if tt.version != "" {
				query = "?versionId=" + tt.version
			}
			for _, method := range []string{"GET", "HEAD", "attributes"} {
				in := raw{method: method, path: "/bkt/k" + query}
				if method == "attributes" {
					in = raw{method: "GET", path: "/bkt/k?attributes=&" + strings.TrimPrefix(query, "?"), header: headers{"X-Amz-Object-Attributes": "ObjectSize"}}
				}
				a := s.do(t, in)
				if a.StatusCode != tt.status || a.code(t) != tt.code {
					t.Errorf("%s: %d %s, want %d %s", method, a.StatusCode, a.code(t), tt.status, tt.code)
				}
				wantHeaders(t, method, a, tt.header)
				if method == "GET" && tt.code == "" && a.body != tt.body {
					t.Errorf("GET gives %q", a.body)
				}
				if hasTime := a.Header.Get("Last-Modified") != ""; hasTime != (tt.status == 200 || tt.status == 405) {
					t.Errorf("%s: Last-Modified is %q", method, a.Header.Get("Last-Modified"))
				}
				if method == "attributes" && tt.code == "" && !strings.Contains(a.body, fmt.Sprintf("<ObjectSize>%d<", len(tt.body))) {
					t.Errorf("attributes: %s", a.body)
				}
			}
		})
	}
}

// TestDeletesOfVersions deletes by version, one by one.
func TestDeletesOfVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.versioned(t, "bkt")
	old := s.store(t, "bkt", "k", "old", nil).VersionID
	latest := s.store(t, "bkt", "k", "latest", nil).VersionID
	marker := s.mark(t, "bkt", "k")
	shows := func(want string) {
		t.Helper()
		if a := s.do(t, raw{method: "GET", path: "/bkt/k"}); a.StatusCode == 200 && a.body != want || a.StatusCode == 404 && want != "" {
			t.Errorf("GET shows %d %q, want %q", a.StatusCode, a.body, want)
		}
	}
	for _, step := range []struct {
		version string
		header  headers
		shows   string
	}{
		{noVersion, headers{versionHeader: noVersion, markerHeader: ""}, ""},
		{"null", headers{versionHeader: "null", markerHeader: ""}, ""},
		{marker, headers{versionHeader: marker, markerHeader: "true"}, "latest"},
		{latest, headers{versionHeader: latest, markerHeader: ""}, "old"},
		{old, headers{versionHeader: old, markerHeader: ""}, ""},
		{old, headers{versionHeader: old, markerHeader: ""}, ""},
	} {
		a := s.do(t, raw{method: "DELETE", path: "/bkt/k?versionId=" + step.version})
		if a.StatusCode != http.StatusNoContent {
			t.Errorf("DELETE %s: %d %s", step.version, a.StatusCode, a.body)
		}
		wantHeaders(t, "DELETE "+step.version, a, step.header)
		shows(step.shows)
	}
	if err := s.client.RemoveBucket(t.Context(), "bkt"); err != nil {
		t.Error(err)
	}
}

// TestSuspendedVersioning: writes and markers take the place of the null version.
func TestSuspendedVersioning(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.versioned(t, "bkt")
	kept := s.store(t, "bkt", "k", "kept", nil).VersionID
	s.setVersioning(t, "bkt", object.VersioningSuspended)
	wantHeaders(t, "PUT", s.do(t, raw{method: "PUT", path: "/bkt/k", body: "one"}), headers{versionHeader: "null"})
	wantHeaders(t, "PUT", s.do(t, raw{method: "PUT", path: "/bkt/k", body: "two"}), headers{versionHeader: "null"})
	wantHeaders(t, "GET", s.do(t, raw{method: "GET", path: "/bkt/k"}), headers{versionHeader: "null"})
	a := s.do(t, raw{method: "DELETE", path: "/bkt/k"})
	wantHeaders(t, "DELETE", a, headers{versionHeader: "null", markerHeader: "true"})
	if a := s.do(t, raw{method: "GET", path: "/bkt/k?versionId=null"}); a.code(t) != "MethodNotAllowed" {
		t.Errorf("the null marker: %d %s", a.StatusCode, a.body)
	}
	if a := s.do(t, raw{method: "GET", path: "/bkt/k?versionId=" + kept}); a.body != "kept" {
		t.Errorf("the version from before: %d %s", a.StatusCode, a.body)
	}
	if err := s.client.RemoveBucket(t.Context(), "bkt"); minio.ToErrorResponse(err).Code != "BucketNotEmpty" {
		t.Errorf("RemoveBucket with a version and a marker left: %v", err)
	}
}

func TestDeleteObjectsOfVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.versioned(t, "bkt")
	version := s.store(t, "bkt", "version", "x", nil).VersionID
	s.store(t, "bkt", "plain", "x", nil)
	s.store(t, "bkt", "marked", "x", nil)
	marker := s.mark(t, "bkt", "marked")
	body := `<Delete><Object><Key>version</Key><VersionId>` + version + `</VersionId></Object>` +
		`<Object><Key>marked</Key><VersionId>` + marker + `</VersionId></Object>` +
		`<Object><Key>plain</Key></Object>` +
		`<Object><Key>plain</Key><VersionId>` + noVersion + `</VersionId></Object>` +
		`<Object><Key>plain</Key><VersionId>abc</VersionId></Object></Delete>`
	type entry struct {
		Key, VersionId, DeleteMarkerVersionId, Code string
		DeleteMarker                                bool
	}
	var got struct {
		Deleted []entry
		Error   []entry
	}
	mustParse(t, s.do(t, raw{method: "POST", path: "/bkt?delete=", body: body, header: headers{"Content-Md5": contentMD5(body)}}), &got)
	if len(got.Deleted) != 4 || len(got.Error) != 1 {
		t.Fatalf("answer %+v", got)
	}
	made := got.Deleted[2].DeleteMarkerVersionId
	want := []entry{
		{Key: "version", VersionId: version},
		{Key: "marked", VersionId: marker, DeleteMarker: true, DeleteMarkerVersionId: marker},
		{Key: "plain", DeleteMarker: true, DeleteMarkerVersionId: made},
		{Key: "plain", VersionId: noVersion},
	}
	if diff := cmp.Diff(want, got.Deleted); diff != "" || made == "" || made == marker {
		t.Errorf("marker %q: %s", made, diff)
	}
	if diff := cmp.Diff([]entry{{Key: "plain", VersionId: "abc", Code: "InvalidArgument"}}, got.Error); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"marked"}, s.keys(t, "bkt")); diff != "" {
		t.Error(diff)
	}
}

// listedVersions is a ListVersionsResult.
type listedVersions struct {
	IsTruncated                                      bool
	NextKeyMarker, NextVersionIdMarker, EncodingType string
	Entries                                          []listedEntry `xml:",any"`
}

type listedEntry struct {
	XMLName        xml.Name
	Key, VersionId string
	ETag           string
	Size           string
	StorageClass   string
	LastModified   string
	IsLatest       bool
	Owner          struct{ ID string }
	Prefix         string
}

// text leaves out what does not repeat, and all that is not of the list.
func (l *listedVersions) text() []string {
	var out []string
	for _, e := range l.Entries {
		switch e.XMLName.Local {
		case "Version", "DeleteMarker":
			whole := e.LastModified != "" && e.Owner.ID != "" && (e.ETag != "" && e.Size != "" && e.StorageClass != "") == (e.XMLName.Local == "Version")
			out = append(out, fmt.Sprintf("%s %s %s latest %v whole %v", e.XMLName.Local, e.Key, e.VersionId, e.IsLatest, whole))
		case "CommonPrefixes":
			out = append(out, "CommonPrefixes "+e.Prefix)
		}
	}
	return out
}

func TestListObjectVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.store(t, "bkt", "a b", "null", nil)
	s.versioned(t, "other") // whose versions are not listed
	s.store(t, "other", "a b", "x", nil)
	s.setVersioning(t, "bkt", object.VersioningEnabled)
	a2 := s.store(t, "bkt", "a b", "new", nil).VersionID
	c1 := s.store(t, "bkt", "c/1", "x", nil).VersionID
	c1m := s.mark(t, "bkt", "c/1")
	d := s.mark(t, "bkt", "d")
	line := func(element, key, id string, latest bool) string {
		return fmt.Sprintf("%s %s %s latest %v whole true", element, key, id, latest)
	}
	all := []string{
		line("Version", "a b", a2, true), line("Version", "a b", "null", false),
		line("DeleteMarker", "c/1", c1m, true), line("Version", "c/1", c1, false),
		line("DeleteMarker", "d", d, true),
	}
	for name, tt := range map[string]struct {
		query string
		want  []string
		next  string
	}{
		"all":                        {"", all, ""},
		"encoded":                    {"&encoding-type=url&max-keys=1", []string{line("Version", "a%20b", a2, true)}, "a%20b " + a2},
		"delimiter":                  {"&delimiter=/", []string{all[0], all[1], all[4], "CommonPrefixes c/"}, ""},
		"prefix":                     {"&prefix=c", all[2:4], ""},
		"prefix and delimiter":       {"&prefix=c/&delimiter=/", all[2:4], ""},
		"first page":                 {"&max-keys=2", all[:2], "a b null"},
		"a page that ends in a key":  {"&max-keys=3", all[:3], "c/1 " + c1m},
		"goes on in the key":         {"&key-marker=c/1&version-id-marker=" + c1m, all[3:], ""},
		"goes on behind the key":     {"&key-marker=c/1", all[4:], ""},
		"goes on behind its newest":  {"&key-marker=a+b&version-id-marker=" + a2 + "&max-keys=1", all[1:2], "a b null"},
		"goes on behind its last":    {"&key-marker=a+b&version-id-marker=null", all[2:], ""},
		"the marker is gone":         {"&key-marker=c/1&version-id-marker=" + noVersion, all[2:], ""},
		"a page that ends in prefix": {"&delimiter=/&max-keys=3", []string{all[0], all[1], "CommonPrefixes c/"}, "c/ "},
		"goes on behind the prefix":  {"&delimiter=/&key-marker=c/", all[4:], ""},
		"nothing is asked for":       {"&max-keys=0", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got listedVersions
			mustParse(t, s.do(t, raw{method: "GET", path: "/bkt?versions=" + tt.query}), &got)
			if diff := cmp.Diff(tt.want, got.text()); diff != "" {
				t.Error(diff)
			}
			next := strings.TrimSuffix(got.NextKeyMarker+" "+got.NextVersionIdMarker, "\n")
			if got.IsTruncated != (tt.next != "") || got.IsTruncated && next != tt.next {
				t.Errorf("truncated %v, next %q, want %q", got.IsTruncated, next, tt.next)
			}
		})
	}
	for query, want := range map[string]string{
		"&version-id-marker=" + a2:               "InvalidArgument",
		"&key-marker=a&version-id-marker=abc":    "InvalidArgument",
		"&key-marker=" + url.QueryEscape("\xff"): "InvalidArgument",
		"&prefix=a&max-keys=-1":                  "InvalidArgument",
		"&prefix=a&encoding-type=base64":         "InvalidArgument",
	} {
		if a := s.do(t, raw{method: "GET", path: "/bkt?versions=" + query}); a.code(t) != want {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.body)
		}
	}
	var keys []string
	for o := range s.client.ListObjects(t.Context(), "bkt", minio.ListObjectsOptions{Recursive: true}) {
		keys = append(keys, o.Key)
	}
	if diff := cmp.Diff([]string{"a b"}, keys); diff != "" {
		t.Errorf("keys whose latest is a marker are listed: %s", diff)
	}
}

// TestCopyOfVersions copies older versions, whole and as a part.
func TestCopyOfVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.versioned(t, "bkt")
	s.bucket(t, "plain")
	old := s.store(t, "bkt", "k", "old", nil).VersionID
	latest := s.store(t, "bkt", "k", "latest", nil).VersionID
	s.store(t, "bkt", "gone", "x", nil)
	marker := s.mark(t, "bkt", "gone")
	const sourceHeader = "X-Amz-Copy-Source-Version-Id"
	upload, err := s.service.CreateUpload(t.Context(), object.CreateUploadInput{Bucket: "bkt", Key: "parts"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, to, source string
		status           int
		code, copied     string
	}{
		{"latest", "/bkt/copy", "bkt/k", 200, "", latest},
		{"old", "/bkt/copy", "bkt/k?versionId=" + old, 200, "", old},
		{"to a bucket without versions", "/plain/copy", "bkt/k?versionId=" + old, 200, "", old},
		{"missing", "/bkt/copy", "bkt/k?versionId=" + noVersion, 404, "NoSuchVersion", ""},
		{"a marker", "/bkt/copy", "bkt/gone?versionId=" + marker, 400, "InvalidRequest", ""},
		{"a key with a marker", "/bkt/copy", "bkt/gone", 404, "NoSuchKey", ""},
		{"old, as a part", "/bkt/parts?partNumber=1&uploadId=" + upload, "bkt/k?versionId=" + old, 200, "", old},
		{"a marker, as a part", "/bkt/parts?partNumber=1&uploadId=" + upload, "bkt/gone?versionId=" + marker, 400, "InvalidRequest", ""},
	} {
		a := s.do(t, raw{method: "PUT", path: tt.to, header: headers{"X-Amz-Copy-Source": tt.source}})
		if a.StatusCode != tt.status || a.code(t) != tt.code {
			t.Errorf("%s: %d %s", tt.name, a.StatusCode, a.body)
		}
		wantHeaders(t, tt.name, a, headers{sourceHeader: tt.copied, markerHeader: ""})
		if made := a.Header.Get(versionHeader); (made != "") != (tt.to == "/bkt/copy" && tt.code == "") {
			t.Errorf("%s made version %q", tt.name, made)
		}
		if tt.to == "/bkt/copy" && tt.copied == old {
			if a := s.do(t, raw{method: "GET", path: tt.to}); a.body != "old" {
				t.Errorf("%s: the copy is %q", tt.name, a.body)
			}
		}
	}
	// An older version takes the place of the latest by a copy onto its own key.
	a := s.do(t, raw{method: "PUT", path: "/bkt/k", header: headers{"X-Amz-Copy-Source": "/bkt/k?versionId=" + old}})
	if a.StatusCode != 200 {
		t.Errorf("restoring: %d %s", a.StatusCode, a.body)
	}
	if a := s.do(t, raw{method: "GET", path: "/bkt/k"}); a.body != "old" {
		t.Errorf("after restoring: %q", a.body)
	}
	sum := "149603e6c03516362a8da23f624db945"
	body := `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>` + sum + `</ETag></Part></CompleteMultipartUpload>`
	if a = s.do(t, raw{method: "POST", path: "/bkt/parts?uploadId=" + upload, body: body}); a.StatusCode != 200 || a.Header.Get(versionHeader) == "" {
		t.Errorf("completing: %d %s, version %q", a.StatusCode, a.body, a.Header.Get(versionHeader))
	}
}
