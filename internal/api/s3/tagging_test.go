package s3api_test

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

// taggingXML is a document of tags, whose values follow their keys.
func taggingXML(pairs ...string) string {
	var b strings.Builder
	for pair := range slices.Chunk(pairs, 2) {
		fmt.Fprintf(&b, "<Tag><Key>%s</Key><Value>%s</Value></Tag>", pair[0], pair[1])
	}
	return `<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>` + b.String() + "</TagSet></Tagging>"
}

// manyTags are so many pairs.
func manyTags(n int) (pairs []string) {
	for i := range n {
		pairs = append(pairs, fmt.Sprint("k", i), "v")
	}
	return pairs
}

// wantTags compares the answer to GET ?tagging.
func (s *site) wantTags(t *testing.T, path string, pairs ...string) {
	t.Helper()
	if a := s.do(t, raw{method: "GET", path: path}); a.StatusCode != 200 || a.body != xml.Header+taggingXML(pairs...) {
		t.Errorf("GET %s: %d %s, want %v", path, a.StatusCode, a.body, pairs)
	}
}

// TestTaggingDocuments: what is refused changes nothing.
func TestTaggingDocuments(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.store(t, "bkt", "k", "body", nil)
	long := strings.Repeat
	for _, tt := range []struct {
		name, document, code, message string
		// ofBucket says that a bucket's tags are refused too.
		ofBucket bool
	}{
		{"not XML", "tags", "MalformedXML", "", true},
		{"another root", "<Tags/>", "MalformedXML", "", true},
		{"no set", "<Tagging/>", "MalformedXML", "", true},
		{"no value", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", "MalformedXML", "", true},
		{"no key", "<Tagging><TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>", "MalformedXML", "", true},
		{"empty key", taggingXML("", "v"), "InvalidTag", "The TagKey you have provided is invalid", true},
		{"too long a key", taggingXML(long("k", 129), "v"), "InvalidTag", "The TagKey you have provided is invalid", true},
		{"other signs in a key", taggingXML("a*", "v"), "InvalidTag", "The TagKey you have provided is invalid", true},
		{"too long a value", taggingXML("k", long("v", 257)), "InvalidTag", "The TagValue you have provided is invalid", true},
		{"other signs in a value", taggingXML("k", "a?"), "InvalidTag", "The TagValue you have provided is invalid", true},
		{"a key twice", taggingXML("k", "1", "k", "2"), "InvalidTag", "Cannot provide multiple Tags with the same key", true},
		{"reserved", taggingXML("aws:k", "1"), "InvalidTag", "System tags cannot be added/updated by requester", true},
		{"eleven of an object", taggingXML(manyTags(11)...), "BadRequest", "Object tags cannot be greater than 10", false},
		{"51 of a bucket", taggingXML(manyTags(51)...), "BadRequest", "Bucket tag count cannot be greater than 50", true},
		{"too large", taggingXML("k", long("v", 300<<10)), "MaxMessageLengthExceeded", "", true},
	} {
		paths := []string{"/bkt/k?tagging"}
		if tt.ofBucket {
			paths = append(paths, "/bkt?tagging")
		}
		if strings.HasPrefix(tt.message, "Bucket") {
			paths = paths[1:]
		}
		for _, path := range paths {
			a := s.do(t, raw{method: "PUT", path: path, body: tt.document, header: headers{"Content-Md5": contentMD5(tt.document)}})
			if a.StatusCode != 400 || a.code(t) != tt.code || !strings.Contains(a.body, tt.message) {
				t.Errorf("%s of %s: %d %s", tt.name, path, a.StatusCode, a.body)
			}
		}
	}
	s.wantTags(t, "/bkt/k?tagging")
	if a := s.do(t, raw{method: "GET", path: "/bkt?tagging"}); a.StatusCode != 404 || a.code(t) != "NoSuchTagSet" {
		t.Errorf("bucket: %d %s", a.StatusCode, a.body)
	}
	for _, step := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"PUT", "/bkt?tagging", taggingXML(manyTags(50)...), 204, ""},
		{"PUT", "/bkt?tagging", taggingXML("b", "2", "a", "1 &lt;"), 400, "InvalidTag"},
		{"PUT", "/bkt?tagging", taggingXML("b", "2", "a", "1"), 204, ""},
		{"PUT", "/bkt/k?tagging", taggingXML(manyTags(10)...), 200, ""},
		{"PUT", "/nosuch?tagging", taggingXML("a", "b"), 404, "NoSuchBucket"},
		{"GET", "/nosuch?tagging", "", 404, "NoSuchBucket"},
		{"DELETE", "/nosuch?tagging", "", 404, "NoSuchBucket"},
		{"PUT", "/bkt/none?tagging", taggingXML("a", "b"), 404, "NoSuchKey"},
		{"GET", "/bkt/none?tagging", "", 404, "NoSuchKey"},
		{"DELETE", "/bkt/none?tagging", "", 404, "NoSuchKey"},
	} {
		if a := s.do(t, raw{method: step.method, path: step.path, body: step.body}); a.StatusCode != step.status || a.code(t) != step.code {
			t.Errorf("%s %s: %d %s", step.method, step.path, a.StatusCode, a.body)
		}
	}
	s.wantTags(t, "/bkt?tagging", "b", "2", "a", "1")
	s.wantTags(t, "/bkt/k?tagging", manyTags(10)...)
	for _, path := range []string{"/bkt?tagging", "/bkt?tagging", "/bkt/k?tagging", "/bkt/k?tagging"} {
		if a := s.do(t, raw{method: "DELETE", path: path}); a.StatusCode != 204 {
			t.Errorf("DELETE %s: %d %s", path, a.StatusCode, a.body)
		}
	}
	s.wantTags(t, "/bkt/k?tagging")
}

// TestTaggingOfVersions: each answer names its version; markers and what is not
// there are answered as GET answers them.
func TestTaggingOfVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.versioned(t, "bkt")
	first := s.store(t, "bkt", "k", "first", nil)
	second := s.store(t, "bkt", "k", "second", nil)
	s.store(t, "bkt", "marked", "body", nil)
	marker := s.mark(t, "bkt", "marked")
	for _, tt := range []struct {
		name, path string
		status     int
		code       string
		header     headers
	}{
		{"the latest", "/bkt/k?tagging", 200, "", headers{versionHeader: second.VersionID}},
		{"an older one", "/bkt/k?tagging&versionId=" + first.VersionID, 200, "", headers{versionHeader: first.VersionID}},
		{"marker", "/bkt/marked?tagging", 404, "NoSuchKey", headers{markerHeader: "true", versionHeader: marker}},
		{"marker by its id", "/bkt/marked?tagging&versionId=" + marker, 405, "MethodNotAllowed", headers{markerHeader: "true", versionHeader: marker}},
		{"no such version", "/bkt/k?tagging&versionId=" + noVersion, 404, "NoSuchVersion", headers{versionHeader: ""}},
		{"no version id", "/bkt/k?tagging&versionId=7", 400, "InvalidArgument", nil},
	} {
		for _, method := range []string{"PUT", "GET", "DELETE"} {
			in := raw{method: method, path: tt.path}
			status := tt.status
			switch {
			case method == "PUT":
				in.body = taggingXML("name", tt.name)
			case method == "DELETE" && status == 200:
				status = 204
			}
			a := s.do(t, in)
			if a.StatusCode != status || a.code(t) != tt.code {
				t.Errorf("%s of %s: %d %s", method, tt.name, a.StatusCode, a.body)
			}
			wantHeaders(t, method+" of "+tt.name, a, tt.header)
			if method == "GET" && status == 200 {
				s.wantTags(t, tt.path, "name", tt.name)
			}
		}
	}
	for _, v := range []object.Info{first, second} {
		in := object.GetInput{Bucket: "bkt", Key: "k", VersionID: v.VersionID}
		if got, err := s.service.Head(t.Context(), in); err != nil || got.Stamp != v.Stamp {
			t.Errorf("version %s: %+v, %v", v.VersionID, got, err)
		}
	}
}

// TestTagsOfNewObjects: tags that come with an object, and what copies have.
func TestTagsOfNewObjects(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	tags := headers{"X-Amz-Tagging": "b=2&a=1%2B1"}
	ok := func(in raw) answer {
		t.Helper()
		a := s.do(t, in)
		if a.StatusCode != 200 {
			t.Fatalf("%s %s: %d %s", in.method, in.path, a.StatusCode, a.body)
		}
		return a
	}
	ok(raw{method: "PUT", path: "/bkt/put", body: "x", header: tags})
	s.wantTags(t, "/bkt/put?tagging", "b", "2", "a", "1+1")
	for _, method := range []string{"GET", "HEAD"} {
		wantHeaders(t, method, ok(raw{method: method, path: "/bkt/put"}), headers{"X-Amz-Tagging-Count": "2"})
	}
	var upload struct{ UploadId string }
	mustParse(t, ok(raw{method: "POST", path: "/bkt/upload?uploads", header: tags}), &upload)
	part := ok(raw{method: "PUT", path: "/bkt/upload?partNumber=1&uploadId=" + upload.UploadId, body: "x"})
	ok(raw{method: "POST", path: "/bkt/upload?uploadId=" + upload.UploadId, body: "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
		part.Header.Get("Etag") + "</ETag></Part></CompleteMultipartUpload>"})
	s.wantTags(t, "/bkt/upload?tagging", "b", "2", "a", "1+1")

	for _, tt := range []struct {
		name, directive, header string
		want                    []string
	}{
		{"default", "", "", []string{"b", "2", "a", "1+1"}},
		{"copied, header ignored", "COPY", "c=3", []string{"b", "2", "a", "1+1"}},
		{"replaced", "REPLACE", "c=3", []string{"c", "3"}},
		{"replaced by none", "REPLACE", "", nil},
	} {
		header := headers{"X-Amz-Copy-Source": "bkt/put"}
		if tt.directive != "" {
			header["X-Amz-Tagging-Directive"] = tt.directive
		}
		if tt.header != "" {
			header["X-Amz-Tagging"] = tt.header
		}
		ok(raw{method: "PUT", path: "/bkt/copy", header: header})
		s.wantTags(t, "/bkt/copy?tagging", tt.want...)
	}
	wantHeaders(t, "no tags", ok(raw{method: "HEAD", path: "/bkt/copy"}), headers{"X-Amz-Tagging-Count": ""})

	policy := `{"expiration":` + later + `,"conditions":[{"bucket":"bkt"},{"key":"form"},["starts-with","$tagging",""]]}`
	if a := s.post(t, version2(policy, map[string]string{"key": "form", "tagging": taggingXML("a", "b")}), "f", "x"); a.StatusCode != 204 {
		t.Fatalf("form: %d %s", a.StatusCode, a.body)
	}
	s.wantTags(t, "/bkt/form?tagging", "a", "b")
}

// TestTagsInPolicies: who may read and give tags, and rights that depend on them.
func TestTagsInPolicies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	info := s.store(t, "bkt", "plain", "body", nil)
	for _, key := range []string{"public", "secret"} {
		s.store(t, "bkt", key, "body", nil)
		in := object.TagsInput{Bucket: "bkt", Key: key, Tags: []s3.Tag{{Key: "Class", Value: key}}}
		if _, err := s.service.SetTags(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	condition := func(key, value string) string {
		return `,"Condition":{"StringEquals":{"` + key + `":"` + value + `"}}`
	}
	keys := `,"Condition":{"ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["Class"]}}`
	existing, requested := condition("s3:ExistingObjectTag/Class", "public"), condition("s3:RequestObjectTag/Class", "public")
	hidden := grant(`"Action":"s3:GetObject"`, `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bkt/*"`+condition("s3:ExistingObjectTag/class", "secret")+`}`)
	copying := func(key string) headers { return headers{"X-Amz-Copy-Source": "bkt/" + key} }
	tagged := headers{"X-Amz-Tagging": "Class=public"}
	for name, tt := range map[string]struct {
		policy string
		in     raw
		status int
		count  string
	}{
		"count, tags not readable":   {grant(`"Action":"s3:GetObject"`), raw{method: "GET", path: "/bkt/public"}, 200, ""},
		"count, tags readable":       {grant(`"Action":["s3:GetObject","s3:GetObjectTagging"]`), raw{method: "GET", path: "/bkt/public"}, 200, "1"},
		"tags of a version":          {grant(`"Action":"s3:GetObjectTagging"`), raw{method: "GET", path: "/bkt/public?tagging&versionId=null"}, 403, ""},
		"the tag allows":             {grant(`"Action":"s3:GetObject"` + existing), raw{method: "GET", path: "/bkt/public"}, 200, ""},
		"another tag":                {grant(`"Action":"s3:GetObject"` + existing), raw{method: "GET", path: "/bkt/secret"}, 403, ""},
		"no tag":                     {grant(`"Action":"s3:GetObject"` + existing), raw{method: "GET", path: "/bkt/plain"}, 403, ""},
		"no object":                  {grant(`"Action":"s3:GetObject"` + existing), raw{method: "GET", path: "/bkt/none"}, 403, ""},
		"the tag denies":             {hidden, raw{method: "GET", path: "/bkt/secret"}, 403, ""},
		"the tag does not deny":      {hidden, raw{method: "GET", path: "/bkt/plain"}, 200, ""},
		"put with tags":              {grant(`"Action":"s3:PutObject"`), raw{method: "PUT", path: "/bkt/new", header: tagged}, 403, ""},
		"put with granted tags":      {grant(`"Action":["s3:PutObject","s3:PutObjectTagging"]` + requested), raw{method: "PUT", path: "/bkt/new", header: tagged}, 200, ""},
		"upload with tags":           {grant(`"Action":"s3:PutObject"`), raw{method: "POST", path: "/bkt/new?uploads", header: tagged}, 403, ""},
		"put with other tags":        {grant(`"Action":["s3:PutObject","s3:PutObjectTagging"]` + requested), raw{method: "PUT", path: "/bkt/new", header: headers{"X-Amz-Tagging": "Class=x"}}, 403, ""},
		"tagging, granted":           {grant(`"Action":"s3:PutObjectTagging"` + requested), raw{method: "PUT", path: "/bkt/plain?tagging", body: taggingXML("Class", "public")}, 200, ""},
		"tagging, other value":       {grant(`"Action":"s3:PutObjectTagging"` + requested), raw{method: "PUT", path: "/bkt/plain?tagging", body: taggingXML("Class", "x")}, 403, ""},
		"tagging, known keys":        {grant(`"Action":"s3:PutObjectTagging"` + keys), raw{method: "PUT", path: "/bkt/plain?tagging", body: taggingXML("Class", "x")}, 200, ""},
		"tagging, another key":       {grant(`"Action":"s3:PutObjectTagging"` + keys), raw{method: "PUT", path: "/bkt/plain?tagging", body: taggingXML("Class", "x", "b", "y")}, 403, ""},
		"tagging, bad and denied":    {grant(`"Action":"s3:GetObject"`), raw{method: "PUT", path: "/bkt/plain?tagging", body: "bad"}, 403, ""},
		"copy of tags, not readable": {grant(`"Action":["s3:GetObject","s3:PutObject","s3:PutObjectTagging"]`), raw{method: "PUT", path: "/bkt/new", header: copying("public")}, 403, ""},
		"copy of tags, not given":    {grant(`"Action":["s3:GetObject","s3:PutObject","s3:GetObjectTagging"]`), raw{method: "PUT", path: "/bkt/new", header: copying("public")}, 403, ""},
		"copy of tags":               {grant(`"Action":["s3:GetObject","s3:PutObject","s3:GetObjectTagging","s3:PutObjectTagging"]`), raw{method: "PUT", path: "/bkt/new", header: copying("public")}, 200, ""},
		"copy without tags":          {grant(`"Action":["s3:GetObject","s3:PutObject"]`), raw{method: "PUT", path: "/bkt/new", header: copying("untagged")}, 200, ""},
		"copy of what the tag hides": {strings.ReplaceAll(hidden, `"s3:GetObject"`, `"s3:*"`), raw{method: "PUT", path: "/bkt/new2", header: copying("secret")}, 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s.store(t, "bkt", "untagged", "body", nil)
			in := object.TagsInput{Bucket: "bkt", Key: "plain", VersionID: info.VersionID}
			if _, err := s.service.DeleteTags(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			s.setPolicy(t, tt.policy)
			tt.in.unsigned = true
			a := s.do(t, tt.in)
			if a.StatusCode != tt.status || a.Header.Get("X-Amz-Tagging-Count") != tt.count {
				t.Errorf("%d, count %q: %s", a.StatusCode, a.Header.Get("X-Amz-Tagging-Count"), a.body)
			}
		})
	}
}
