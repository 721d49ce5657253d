package s3api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"
)

const loggingNamespace = `<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`

func loggingDocument(elements string) string {
	return loggingNamespace + "<LoggingEnabled>" + elements + "</LoggingEnabled></BucketLoggingStatus>"
}

func TestBucketLogging(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.bucket(t, "logs")
	const path, off = "/bkt?logging", loggingNamespace + "</BucketLoggingStatus>"
	const to = "<TargetBucket>logs</TargetBucket><TargetPrefix>bkt/</TargetPrefix>"
	const format = "<TargetObjectKeyFormat><SimplePrefix></SimplePrefix></TargetObjectKeyFormat>"
	for i, step := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", path, "", 200, "", off},
		{"PUT", path, "", 400, "MalformedXML", ""},
		{"PUT", path, loggingDocument("<TargetBucket>logs</TargetBucket>"), 400, "MalformedXML", ""},
		{"PUT", path, loggingDocument("<TargetBucket>none</TargetBucket><TargetPrefix/>"), 400, "InvalidTargetBucketForLogging", ""},
		{"PUT", path, loggingDocument("<TargetBucket>a/b</TargetBucket><TargetPrefix/>"), 400, "InvalidTargetBucketForLogging", ""},
		{"PUT", path, loggingDocument(to + "<TargetGrants><Grant><Permission>READ</Permission></Grant></TargetGrants>"), 400, "AccessControlListNotSupported", ""},
		{"PUT", path, loggingDocument(to + "<TargetObjectKeyFormat><PartitionedPrefix/></TargetObjectKeyFormat>"), 501, "NotImplemented", ""},
		{"PUT", path, loggingDocument("<TargetBucket>logs</TargetBucket><TargetPrefix>" + strings.Repeat("x", 1000) + "</TargetPrefix>"), 400, "InvalidArgument", ""},
		{"GET", path, "", 200, "", off},
		{"PUT", path, loggingDocument(to), 200, "", ""},
		{"GET", path, "", 200, "", loggingDocument(to)},
		{"PUT", path, loggingDocument(to + format), 200, "", ""},
		{"GET", path, "", 200, "", loggingDocument(to + format)},
		{"PUT", path, off, 200, "", ""},
		{"GET", path, "", 200, "", off},
		{"DELETE", path, "", 501, "NotImplemented", ""},
		{"GET", "/nosuch?logging", "", 404, "NoSuchBucket", ""},
		{"PUT", "/nosuch?logging", loggingDocument(to), 404, "NoSuchBucket", ""},
	} {
		got := s.do(t, raw{method: step.method, path: step.path, body: step.body})
		if got.StatusCode != step.status || got.code(t) != step.code || !strings.Contains(got.body, step.want) {
			t.Errorf("%d: %s %s: %d %s", i, step.method, step.path, got.StatusCode, got.body)
		}
	}
}

// TestBucketLoggingNeedsItsTarget: nobody has logs written where they may not write.
func TestBucketLoggingNeedsItsTarget(t *testing.T) {
	t.Parallel()
	s := newUserSite(t)
	s.bucket(t, "logs")
	document := loggingDocument("<TargetBucket>logs</TargetBucket><TargetPrefix>bkt/</TargetPrefix>")
	for actions, want := range map[string]int{`"Action":"s3:PutBucketLogging"`: http.StatusForbidden, `"Action":["s3:PutBucketLogging","s3:PutObject"]`: http.StatusOK} {
		s.rights(t, actions)
		r := s.request(t, raw{method: "PUT", path: "/bkt?logging", body: document, unsigned: true})
		resp, err := s.transport.RoundTrip(signer.SignV4(*r, "bob", secretKey, "", "us-east-1"))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d", actions, resp.StatusCode)
		}
	}
}
