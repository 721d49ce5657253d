package s3api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
)

// grant is a policy of the bucket bkt with one statement for everybody on the
// bucket and all of its keys.
func grant(element string, more ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},%s,`+
		`"Resource":["arn:aws:s3:::bkt","arn:aws:s3:::bkt/*"]}%s]}`, element, strings.Join(append([]string{""}, more...), ","))
}

// setPolicy puts a policy past the HTTP surface.
func (s *site) setPolicy(t testing.TB, document string) {
	t.Helper()
	if err := s.service.SetPolicy(t.Context(), "bkt", []byte(document)); err != nil {
		t.Fatal(err)
	}
}

func TestBucketPolicy(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	document := grant(`"Action":["s3:GetObject"]`)
	for i, step := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", "/bkt?policy", "", 404, "NoSuchBucketPolicy", ""},
		{"GET", "/bkt?policyStatus", "", 404, "NoSuchBucketPolicy", ""},
		{"DELETE", "/bkt?policy", "", 204, "", ""},
		{"PUT", "/bkt?policy", "", 400, "MalformedPolicy", ""},
		{"PUT", "/bkt?policy", "{}", 400, "MalformedPolicy", "Statement"},
		{"PUT", "/bkt?policy", strings.ReplaceAll(document, "bkt", "other"), 400, "MalformedPolicy", "Policy has invalid resource"},
		{"PUT", "/bkt?policy", "{" + strings.Repeat(" ", 20<<10) + "}", 400, "MaxMessageLengthExceeded", ""},
		{"GET", "/bkt?policy", "", 404, "NoSuchBucketPolicy", ""},
		{"PUT", "/bkt?policy", document, 204, "", ""},
		{"GET", "/bkt?policy", "", 200, "", document},
		{"GET", "/bkt?policyStatus", "", 200, "", "<IsPublic>true</IsPublic>"},
		{"PUT", "/bkt?policy", strings.Replace(document, `"*"`, `"bob"`, 1), 204, "", ""},
		{"GET", "/bkt?policyStatus", "", 200, "", "<IsPublic>false</IsPublic>"},
		{"DELETE", "/bkt?policy", "", 204, "", ""},
		{"GET", "/bkt?policy", "", 404, "NoSuchBucketPolicy", ""},
		{"GET", "/nosuch?policy", "", 404, "NoSuchBucket", ""},
		{"PUT", "/nosuch?policy", strings.ReplaceAll(document, "bkt", "nosuch"), 404, "NoSuchBucket", ""},
		{"DELETE", "/nosuch?policy", "", 404, "NoSuchBucket", ""},
	} {
		got := s.do(t, raw{method: step.method, path: step.path, body: step.body})
		if got.StatusCode != step.status || got.code(t) != step.code || !strings.Contains(got.body, step.want) {
			t.Errorf("%d: %s %s: %d %s", i, step.method, step.path, got.StatusCode, got.body)
		}
	}
}

// TestAnonymous: what a policy grants everybody, and nothing beside it.
func TestAnonymous(t *testing.T) {
	t.Parallel()
	const noVersion = "2f1b7f7e-5c0a-4c55-9a5d-0b6f6d3b7a11"
	const list = `{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::bkt","Condition":{"StringEquals":{"s3:prefix":"public/"}}}`
	s := newSite(t)
	s.bucket(t, "bkt")
	s.bucket(t, "private")
	s.store(t, "bkt", "k", "body", nil)
	s.store(t, "bkt", "secret/k", "body", nil)
	s.store(t, "private", "k", "body", nil)
	deleting := `<Delete><Object><Key>k2</Key></Object><Object><Key>secret/k2</Key></Object></Delete>`
	for name, c := range map[string]struct {
		policy     string
		request    raw
		status     int
		code, want string
	}{
		"read":                    {grant(`"Action":"s3:GetObject"`), raw{method: "GET", path: "/bkt/k"}, 200, "", "body"},
		"read a head":             {grant(`"Action":"s3:GetObject"`), raw{method: "HEAD", path: "/bkt/k"}, 200, "", ""},
		"read attributes":         {grant(`"Action":"s3:GetObject"`), raw{method: "GET", path: "/bkt/k?attributes", header: map[string]string{"X-Amz-Object-Attributes": "ETag"}}, 403, "AccessDenied", ""},
		"read a version":          {grant(`"Action":"s3:GetObject"`), raw{method: "GET", path: "/bkt/k?versionId=null"}, 403, "AccessDenied", ""},
		"read, version granted":   {grant(`"Action":"s3:GetObjectVersion"`), raw{method: "GET", path: "/bkt/k?versionId=null"}, 200, "", "body"},
		"write, read granted":     {grant(`"Action":"s3:GetObject"`), raw{method: "PUT", path: "/bkt/new", body: "x"}, 403, "AccessDenied", ""},
		"write":                   {grant(`"Action":"s3:PutObject"`), raw{method: "PUT", path: "/bkt/new", body: "x"}, 200, "", ""},
		"delete":                  {grant(`"Action":"s3:DeleteObject"`), raw{method: "DELETE", path: "/bkt/other"}, 204, "", ""},
		"list":                    {grant(`"Action":"s3:ListBucket"`), raw{method: "GET", path: "/bkt?list-type=2"}, 200, "", "<Key>secret/k</Key>"},
		"list another prefix":     {grant(`"Action":"s3:GetObject"`, list), raw{method: "GET", path: "/bkt?list-type=2&prefix=secret/"}, 403, "AccessDenied", ""},
		"list the granted prefix": {grant(`"Action":"s3:GetObject"`, list), raw{method: "GET", path: "/bkt?list-type=2&prefix=public/"}, 200, "", ""},
		"another bucket":          {grant(`"Action":"s3:*"`), raw{method: "GET", path: "/private/k"}, 403, "AccessDenied", ""},
		"a bucket that is not":    {grant(`"Action":"s3:*"`), raw{method: "GET", path: "/nosuch/k"}, 403, "AccessDenied", ""},
		"all buckets":             {grant(`"Action":"s3:*"`), raw{method: "GET", path: "/"}, 403, "AccessDenied", ""},
		"missing, may list":       {grant(`"Action":["s3:GetObject","s3:ListBucket"]`), raw{method: "GET", path: "/bkt/missing"}, 404, "NoSuchKey", ""},
		"missing, may not list":   {grant(`"Action":"s3:GetObject"`), raw{method: "GET", path: "/bkt/missing"}, 403, "AccessDenied", ""},
		"no version, may list":    {grant(`"Action":["s3:GetObjectVersion","s3:ListBucketVersions"]`), raw{method: "GET", path: "/bkt/k?versionId=" + noVersion}, 404, "NoSuchVersion", ""},
		"no version, may not":     {grant(`"Action":["s3:GetObjectVersion","s3:ListBucket"]`), raw{method: "GET", path: "/bkt/k?versionId=" + noVersion}, 403, "AccessDenied", ""},
		"copy of a missing key":   {grant(`"Action":"s3:*"`), raw{method: "PUT", path: "/bkt/copy", header: map[string]string{"X-Amz-Copy-Source": "/bkt/missing"}}, 404, "NoSuchKey", ""},
		"copy, may not list":      {grant(`"Action":["s3:GetObject","s3:PutObject"]`), raw{method: "PUT", path: "/bkt/copy", header: map[string]string{"X-Amz-Copy-Source": "/bkt/missing"}}, 403, "AccessDenied", ""},
		"copy of another bucket":  {grant(`"Action":"s3:*"`), raw{method: "PUT", path: "/bkt/copy", header: map[string]string{"X-Amz-Copy-Source": "/private/k"}}, 403, "AccessDenied", ""},
		"copy within":             {grant(`"Action":"s3:*"`), raw{method: "PUT", path: "/bkt/copy", header: map[string]string{"X-Amz-Copy-Source": "/bkt/k"}}, 200, "", ""},
		"copy of a secret": {
			grant(`"Action":"s3:*"`, `{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/secret/*"}`),
			raw{method: "PUT", path: "/bkt/copy", header: map[string]string{"X-Amz-Copy-Source": "/bkt/secret/k"}},
			403, "AccessDenied", "",
		},
		"deletes, one denied": {
			grant(`"Action":"s3:DeleteObject"`, `{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::bkt/secret/*"}`),
			raw{method: "POST", path: "/bkt?delete", body: deleting, header: map[string]string{"Content-Md5": contentMD5(deleting)}},
			200, "", "<Error><Key>secret/k2</Key><Code>AccessDenied</Code>",
		},
		"from here":      {grant(`"Action":"s3:GetObject","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`), raw{method: "GET", path: "/bkt/k"}, 200, "", ""},
		"from elsewhere": {grant(`"Action":"s3:GetObject","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), raw{method: "GET", path: "/bkt/k"}, 403, "AccessDenied", ""},
		"without TLS":    {grant(`"Action":"s3:GetObject","Condition":{"Bool":{"aws:SecureTransport":"true"}}`), raw{method: "GET", path: "/bkt/k"}, 403, "AccessDenied", ""},
		"by a header":    {grant(`"Action":"s3:PutObject","Condition":{"StringEquals":{"s3:x-amz-storage-class":"STANDARD"}}`), raw{method: "PUT", path: "/bkt/new", body: "x"}, 403, "AccessDenied", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s.setPolicy(t, c.policy)
			c.request.unsigned = true
			got := s.do(t, c.request)
			if got.StatusCode != c.status || got.code(t) != c.code || !strings.Contains(got.body, c.want) {
				t.Errorf("%d %s %s", got.StatusCode, got.code(t), got.body)
			}
		})
	}
}

// TestEveryRouteIsGuarded walks the table: each operation refuses who may do
// everything but its action, and takes no notice of a right to anything else.
func TestEveryRouteIsGuarded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	ask := func(route s3api.RouteForTest) answer {
		if route.Operation == "PostObject" { // its right is read after its form
			return s.post(t, map[string]string{"key": "key"}, "file", "x")
		}
		in := raw{method: route.Method, path: route.Path, unsigned: true, header: map[string]string{}}
		if route.Header != "" {
			in.header[route.Header] = "bkt/key"
		}
		return s.do(t, in)
	}
	for _, route := range s3api.RoutesForTest() {
		action, err := json.Marshal(route.Action)
		if err != nil {
			t.Fatal(err)
		}
		s.setPolicy(t, grant(`"NotAction":`+string(action)))
		if got := ask(route); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s without %s: %d %s", route.Operation, route.Action, got.StatusCode, got.body)
		}
		if !route.OfBucket || strings.HasPrefix(route.Operation, "Listen") {
			continue // a bucket's policy cannot grant it, or its answer has no end
		}
		actions := string(action)
		if route.Header == "X-Amz-Copy-Source" {
			actions = `[` + actions + `,"s3:GetObject"]`
		}
		s.setPolicy(t, grant(`"Action":[`+strings.Trim(actions, "[]")+`,"s3:ListBucket"]`))
		if got := ask(route); got.StatusCode == http.StatusForbidden {
			t.Errorf("%s with %s: %s", route.Operation, route.Action, got.body)
		}
		if route.Operation == "DeleteBucket" {
			s.bucket(t, "bkt")
		}
	}
}
