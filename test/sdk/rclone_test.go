package sdk

import (
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

// envRclone names the program rclone.
const envRclone = "CARILLON_RCLONE"

// TestRclone types what users of rclone type, at a bucket with versions too.
func TestRclone(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "http", true: "https"}[secure], func(t *testing.T) {
			t.Parallel()
			walkRclone(t, startEndpoint(t, secure))
		})
	}
}

func walkRclone(t *testing.T, e endpoint) {
	c := newCommand(t, e, harness.Tool(t, envRclone, "rclone/*/rclone"), "--config", "rclone.conf", "--retries", "1", "--s3-chunk-size", "5Mi", "--s3-upload-cutoff", "5Mi")
	c.write("rclone.conf", []byte("[s]\ntype = s3\nprovider = Other\nenv_auth = true\nendpoint = "+e.URL()+"\nregion = "+region+"\nforce_path_style = true\n"))
	if e.authority != "" {
		c.words = append(c.words, "--ca-cert", e.authority)
	}
	c.fill("up")

	c.ok("mkdir", "s:clone")
	ruleFor(t, e, "clone")
	want(t, c.ok("lsd", "s:"), "clone")
	c.ok("sync", "up", "s:clone/tree")
	want(t, c.ok("lsf", "--recursive", "s:clone/tree"), "a b+c%.txt\n", "über/ä&ö\n", "dir/日本語\n", "large\n")
	c.ok("check", "up", "s:clone/tree")
	c.ok("check", "--download", "up", "s:clone/tree")
	c.ok("copy", "s:clone/tree", "down")
	sameTree(t, "copy", c.tree("down"), c.tree("up"))
	e.receiver.WaitKey(t, "clone/tree/large")

	// Copies on the server, in parts; what has not changed is not sent again.
	c.ok("copy", "--s3-copy-cutoff", "5Mi", "s:clone/tree", "s:clone/copied")
	c.ok("check", "s:clone/tree", "s:clone/copied")
	inParts(t, e, "clone", "tree/large", 3)
	before := len(e.receiver.Deliveries())
	c.ok("sync", "up", "s:clone/tree")
	c.write("up/empty", []byte("no longer"))
	c.ok("sync", "up", "s:clone/tree")
	e.receiver.Wait(t, "the one change", func(all []harness.Delivery) bool {
		return len(harness.Missing(all[before:], []string{"clone/tree/empty"})) == 0
	})
	if got := c.ok("cat", "s:clone/tree/empty"); got != "no longer" {
		t.Errorf("after the sync: %q", got)
	}
	if got := c.ok("cat", "--offset", "3", "--count", "6", "s:clone/tree/empty"); got != "longer" {
		t.Errorf("a range: %q", got)
	}
	c.ok("moveto", "s:clone/copied/empty", "s:clone/moved")
	want(t, c.ok("lsjson", "s:clone"), `"moved"`)
	link := strings.TrimSpace(c.ok("link", "--expire", "1m", "s:clone/tree/empty"))
	if e.authority == "" {
		if status, body := get(t, link); status != 200 || string(body) != "no longer" {
			t.Errorf("link %s: %d %s", link, status, body)
		}
	}

	versionsOfRclone(t, c)
	c.ok("delete", "s:clone/tree", "--include", "dir/**")
	if out := c.ok("lsf", "--recursive", "s:clone/tree"); strings.Contains(out, "dir/") {
		t.Errorf("after delete: %s", out)
	}
	uploads(t, c, e)
	c.ok("purge", "s:clone")
	if out := c.ok("lsd", "s:"); strings.Contains(out, "clone") {
		t.Errorf("after purge: %s", out)
	}
}

// versionsOfRclone overwrites and deletes in a bucket with versions, sees all
// of them and gets the old ones back.
func versionsOfRclone(t *testing.T, c *command) {
	t.Helper()
	c.ok("mkdir", "s:old")
	c.ok("backend", "versioning", "s:old", "Enabled")
	want(t, c.ok("backend", "versioning", "s:old"), "Enabled")
	for _, text := range []string{"first", "second"} {
		c.write("v/file.txt", []byte(text))
		c.ok("copy", "--ignore-times", "v", "s:old")
	}
	c.ok("deletefile", "s:old/file.txt")
	if out := c.ok("lsf", "s:old"); strings.TrimSpace(out) != "" {
		t.Errorf("after the delete: %s", out)
	}
	listed := strings.Fields(c.ok("lsf", "--s3-versions", "s:old"))
	if len(listed) != 2 || !strings.HasPrefix(listed[0], "file-v") {
		t.Fatalf("versions: %q", listed)
	}
	got := map[string]bool{}
	for _, name := range listed {
		got[c.ok("cat", "--s3-versions", "s:old/"+name)] = true
	}
	if !got["first"] || !got["second"] {
		t.Errorf("the versions hold %v", got)
	}
	want(t, c.ok("lsf", "--s3-versions", "--s3-version-deleted", "s:old"), "file-v")
	c.ok("backend", "cleanup-hidden", "s:old")
	if out := c.ok("lsf", "--s3-versions", "s:old"); strings.TrimSpace(out) != "" {
		t.Errorf("after cleanup-hidden: %s", out)
	}
	c.ok("rmdir", "s:old")
}

// uploads that somebody broke off are listed and given up.
func uploads(t *testing.T, c *command, e endpoint) {
	t.Helper()
	if _, err := newCore(t, e).NewMultipartUpload(t.Context(), "clone", "broken off", minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	want(t, c.ok("backend", "list-multipart-uploads", "s:clone"), "broken off")
	c.ok("backend", "cleanup", "-o", "max-age=0s", "s:clone")
	if out := c.ok("backend", "list-multipart-uploads", "s:clone"); strings.Contains(out, "broken off") {
		t.Errorf("after cleanup: %s", out)
	}
}
