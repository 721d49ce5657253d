package sdk

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestS3cmd types what users of s3cmd type.
func TestS3cmd(t *testing.T) {
	t.Parallel()
	python := harness.Tool(t, envPython, "pysdk/*/bin/python3")
	e := startEndpoint(t, false)
	c := newCommand(t, e, python, filepath.Join(filepath.Dir(python), "s3cmd"), "--config", "s3cfg", "--no-progress")
	c.env = append(c.env, "PYTHONDONTWRITEBYTECODE=1")
	c.write("s3cfg", []byte("[default]\nhost_base = "+e.Address+"\nhost_bucket = "+e.Address+"\nuse_https = False\n"+
		"bucket_location = "+region+"\naccess_key = "+harness.RootUser+"\nsecret_key = "+harness.RootPassword+"\n"))
	c.fill("up")

	c.ok("mb", "s3://cmd")
	c.refused("BucketAlreadyOwnedByYou", "mb", "s3://cmd")
	ruleFor(t, e, "cmd")
	want(t, c.ok("ls"), "s3://cmd")
	c.ok("put", "--add-header=x-amz-meta-color:red", "up/a b+c%.txt", "s3://cmd/a b+c%.txt")
	c.ok("get", "s3://cmd/a b+c%.txt", "back")
	if c.read("back") != c.read("up/a b+c%.txt") {
		t.Error("the small file came back as another")
	}
	want(t, c.ok("info", "s3://cmd/a b+c%.txt"), "File size: 100", "x-amz-meta-color: red")
	// In parts; broken off parts are listed and given up.
	c.ok("put", "--multipart-chunk-size-mb=5", "up/large", "s3://cmd/large")
	inParts(t, e, "cmd", "large", 3)
	c.ok("get", "s3://cmd/large", "large")
	if c.read("large") != c.read("up/large") {
		t.Error("the large file came back as another")
	}
	core := newCore(t, e)
	id, err := core.NewMultipartUpload(t.Context(), "cmd", "broken off", minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want(t, c.ok("multipart", "s3://cmd"), "broken off", id)
	c.ok("abortmp", "s3://cmd/broken off", id)
	if out := c.ok("multipart", "s3://cmd"); strings.Contains(out, id) {
		t.Errorf("after the abort: %s", out)
	}

	c.ok("sync", "up/", "s3://cmd/tree/")
	want(t, c.ok("ls", "--recursive", "s3://cmd/tree/"), "s3://cmd/tree/über/ä&ö", "s3://cmd/tree/dir/日本語")
	want(t, c.ok("ls", "s3://cmd/tree/"), "DIR", "s3://cmd/tree/dir/")
	c.ok("sync", "s3://cmd/tree/", "down/")
	sameTree(t, "sync", c.tree("down"), c.tree("up"))
	want(t, c.ok("du", "s3://cmd/tree/"), "6 objects")
	c.ok("cp", "s3://cmd/a b+c%.txt", "s3://cmd/copied")
	c.ok("mv", "s3://cmd/copied", "s3://cmd/moved")
	c.ok("modify", "--add-header=x-amz-meta-color:blue", "s3://cmd/moved")
	want(t, c.ok("info", "s3://cmd/moved"), "x-amz-meta-color: blue")
	c.refused("404", "info", "s3://cmd/copied")

	configureS3cmd(t, c, e)
	c.ok("del", "s3://cmd/moved")
	e.receiver.WaitKey(t, "cmd/moved")
	c.ok("rb", "--recursive", "--force", "s3://cmd")
	if out := c.ok("ls"); strings.Contains(out, "cmd") {
		t.Errorf("buckets left: %s", out)
	}
}

// configureS3cmd sets what s3cmd can of a bucket's configuration.
func configureS3cmd(t *testing.T, c *command, e endpoint) {
	t.Helper()
	plain := e.URL() + "/cmd/moved"
	if status, _ := get(t, plain); status != http.StatusForbidden {
		t.Errorf("unsigned before a policy: %d", status)
	}
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::cmd/moved",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	c.write("policy", policy)
	c.ok("setpolicy", "policy", "s3://cmd")
	if status, _ := get(t, plain); status != http.StatusOK {
		t.Errorf("unsigned after it: %d", status)
	}
	want(t, c.ok("info", "s3://cmd"), "s3:GetObject")
	c.ok("delpolicy", "s3://cmd")
	c.write("cors", []byte("<CORSConfiguration><CORSRule><AllowedOrigin>https://app.example.org</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"))
	c.ok("setcors", "cors", "s3://cmd")
	want(t, c.ok("info", "s3://cmd"), "app.example.org")
	c.ok("delcors", "s3://cmd")
	c.ok("settagging", "s3://cmd/moved", "color=red&size=1")
	want(t, c.ok("gettagging", "s3://cmd/moved"), "color", "red", "size")
	c.ok("deltagging", "s3://cmd/moved")
	// It shows no versions: in a bucket of its own, which it can remove.
	c.ok("mb", "s3://versioned")
	c.ok("setversioning", "s3://versioned", "enable")
	if got, err := e.Client(t).GetBucketVersioning(t.Context(), "versioned"); err != nil || !got.Enabled() {
		t.Errorf("versioning: %+v, %v", got, err)
	}
	c.ok("rb", "s3://versioned")
	url := strings.TrimSpace(c.ok("signurl", "s3://cmd/moved", "+60"))
	if status, body := get(t, url); status != http.StatusOK || len(body) != 100 {
		t.Errorf("signurl %s: %d, %d bytes", url, status, len(body))
	}
}

// get sends a request without a signature of its own.
func get(t *testing.T, url string) (status int, body []byte) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}
