package s3api_test

import (
	"fmt"
	"strings"
	"testing"
)

// publicAccess is a document with some of the four settings.
func publicAccess(settings ...string) string {
	var b strings.Builder
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		fmt.Fprintf(&b, "<%s>%s</%s>", name, value, name)
	}
	return `<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + b.String() + `</PublicAccessBlockConfiguration>`
}

func TestPublicAccessBlock(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	all := publicAccess("BlockPublicAcls=true", "IgnorePublicAcls=false", "BlockPublicPolicy=true", "RestrictPublicBuckets=false")
	public, bound := grant(`"Action":"s3:GetObject"`), grant(`"Action":"s3:GetObject","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`)
	for i, step := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", "/bkt?publicAccessBlock", "", 404, "NoSuchPublicAccessBlockConfiguration", ""},
		{"DELETE", "/bkt?publicAccessBlock", "", 204, "", ""},
		{"PUT", "/bkt?publicAccessBlock", "", 400, "MalformedXML", ""},
		{"PUT", "/bkt?publicAccessBlock", publicAccess(), 400, "InvalidRequest", "Must specify at least one configuration."},
		{"PUT", "/bkt?publicAccessBlock", publicAccess("BlockPublicPolicy=yes"), 400, "MalformedXML", ""},
		{"PUT", "/bkt?publicAccessBlock", all, 200, "", ""},
		{"GET", "/bkt?publicAccessBlock", "", 200, "", all},
		{"PUT", "/bkt?policy", public, 403, "AccessDenied", "BlockPublicPolicy"},
		{"GET", "/bkt?policy", "", 404, "NoSuchBucketPolicy", ""},
		{"PUT", "/bkt?policy", bound, 204, "", ""},
		{"PUT", "/bkt?publicAccessBlock", publicAccess("RestrictPublicBuckets=true"), 200, "", ""},
		{"GET", "/bkt?publicAccessBlock", "", 200, "", "<BlockPublicPolicy>false</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>"},
		{"PUT", "/bkt?policy", public, 204, "", ""},
		{"DELETE", "/bkt?publicAccessBlock", "", 204, "", ""},
		{"GET", "/bkt?publicAccessBlock", "", 404, "NoSuchPublicAccessBlockConfiguration", ""},
		{"GET", "/nosuch?publicAccessBlock", "", 404, "NoSuchBucket", ""},
		{"PUT", "/nosuch?publicAccessBlock", all, 404, "NoSuchBucket", ""},
		{"DELETE", "/nosuch?publicAccessBlock", "", 404, "NoSuchBucket", ""},
	} {
		got := s.do(t, raw{method: step.method, path: step.path, body: step.body})
		if got.StatusCode != step.status || got.code(t) != step.code || !strings.Contains(got.body, step.want) {
			t.Errorf("%d: %s %s: %d %s", i, step.method, step.path, got.StatusCode, got.body)
		}
	}
}

// TestRestrictPublicBuckets: a public policy grants strangers nothing, one that is
// bound to addresses goes on.
func TestRestrictPublicBuckets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.store(t, "bkt", "k", "body", nil)
	public, bound := grant(`"Action":"s3:GetObject"`), grant(`"Action":"s3:GetObject","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`)
	for i, step := range []struct {
		policy, block string
		status        int
	}{
		{public, "BlockPublicPolicy=false", 200},
		{public, "RestrictPublicBuckets=false", 200},
		{public, "RestrictPublicBuckets=true", 403},
		{bound, "RestrictPublicBuckets=true", 200},
		{public, "IgnorePublicAcls=true", 200},
	} {
		if got := s.do(t, raw{method: "PUT", path: "/bkt?publicAccessBlock", body: publicAccess(step.block)}); got.StatusCode != 200 {
			t.Fatalf("%d: %d %s", i, got.StatusCode, got.body)
		}
		s.setPolicy(t, step.policy)
		if got := s.do(t, raw{method: "GET", path: "/bkt/k", unsigned: true}); got.StatusCode != step.status {
			t.Errorf("%d: anonymous: %d %s", i, got.StatusCode, got.body)
		}
		if got := s.do(t, raw{method: "GET", path: "/bkt/k"}); got.StatusCode != 200 {
			t.Errorf("%d: root: %d %s", i, got.StatusCode, got.body)
		}
	}
}
