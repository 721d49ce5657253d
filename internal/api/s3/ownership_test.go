package s3api_test

import (
	"strings"
	"testing"
)

func TestOwnershipControls(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	const path = "/bkt?ownershipControls"
	const enforced = `<OwnershipControls xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>`
	for i, step := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", path, "", 404, "OwnershipControlsNotFoundError", ""},
		{"DELETE", path, "", 204, "", ""},
		{"PUT", path, "", 400, "MalformedXML", ""},
		{"PUT", path, "<OwnershipControls/>", 400, "MalformedXML", ""},
		{"PUT", path, strings.Replace(enforced, "BucketOwnerEnforced", "Nobody", 1), 400, "MalformedXML", ""},
		{"PUT", path, strings.Replace(enforced, "BucketOwnerEnforced", "ObjectWriter", 1), 501, "NotImplemented", ""},
		{"GET", path, "", 404, "OwnershipControlsNotFoundError", ""},
		{"PUT", path, enforced, 200, "", ""},
		{"GET", path, "", 200, "", enforced},
		{"DELETE", path, "", 204, "", ""},
		{"GET", path, "", 404, "OwnershipControlsNotFoundError", ""},
		{"GET", "/nosuch?ownershipControls", "", 404, "NoSuchBucket", ""},
		{"PUT", "/nosuch?ownershipControls", enforced, 404, "NoSuchBucket", ""},
		{"DELETE", "/nosuch?ownershipControls", "", 404, "NoSuchBucket", ""},
	} {
		got := s.do(t, raw{method: step.method, path: step.path, body: step.body})
		if got.StatusCode != step.status || got.code(t) != step.code || !strings.Contains(got.body, step.want) {
			t.Errorf("%d: %s %s: %d %s", i, step.method, step.path, got.StatusCode, got.body)
		}
	}
}
