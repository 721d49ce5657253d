package admin

import (
	"net/http"
	"strings"
	"testing"
)

func TestBucketQuota(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	const get, set = prefix + "get-bucket-quota?bucket=", prefix + "set-bucket-quota?bucket="
	for i, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", get + "bucket", "", 200, `{"quota":0,"size":0,"rate":0,"requests":0}`},
		{"GET", get + "none", "", 404, "NoSuchBucket"},
		{"PUT", set + "none", `{"size":1}`, 404, "NoSuchBucket"},
		{"PUT", set + "bucket", "", 400, "InvalidArgument"},
		{"PUT", set + "bucket", `{"size":-1}`, 400, "InvalidArgument"},
		{"PUT", set + "bucket", `{"size":2000000000000000000}`, 400, "larger than any store"},
		{"PUT", set + "bucket", `{"size":1,"quotatype":"fifo"}`, 400, "InvalidArgument"},
		{"PUT", set + "bucket", `{"size":1,"rate":7}`, 400, "InvalidArgument"},
		{"PUT", set + "bucket", `{"quota":70,"size":70,"rate":0,"requests":0,"quotatype":"hard"}`, 200, ""},
		{"GET", get + "bucket", "", 200, `{"quota":70,"size":70,"rate":0,"requests":0,"quotatype":"hard"}`},
		{"PUT", set + "bucket", `{"quota":80,"quotatype":"hard"}`, 200, ""}, // of older clients
		{"GET", get + "bucket", "", 200, `"size":80`},
		{"PUT", set + "bucket", `{"quota":0,"size":0,"rate":0,"requests":0}`, 200, ""},
		{"GET", get + "bucket", "", 200, `"size":0`},
	} {
		r := s.send(s.request(step.method, step.path, []byte(step.body)), testAccess, testSecret)
		if r.status != step.status || !strings.Contains(string(r.body), step.want) {
			t.Errorf("%d: %s %s: %d %s", i, step.method, step.path, r.status, r.body)
		}
	}
	if r := s.send(s.request("GET", get+"bucket", nil), guest, testSecret); r.status != http.StatusForbidden {
		t.Errorf("a guest: %d", r.status)
	}
}
