package guide

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// noise writes a file of n bytes without repetition.
func noise(t *testing.T, name string, n int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(content) // never fails
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// TestLargeFiles moves files that the client uploads and copies in parts, and
// looks at the events that they leave.
func TestLargeFiles(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/data")
	mc.OK("mb", "myminio/other")
	for _, bucket := range []string{"data", "other"} {
		mc.OK("event", "add", "myminio/"+bucket, harness.WebhookARN("1"), "--event", "put,delete")
	}
	same := func(object string, want []byte) {
		t.Helper()
		back := filepath.Join(t.TempDir(), "back")
		mc.OK("cp", "myminio/"+object, back)
		if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s came back with %d bytes, %v; want %d", object, len(got), err, len(want))
		}
	}
	event := func(key, name string, size int) {
		t.Helper()
		d := receiver.WaitKey(t, key)
		if d.EventName != name || d.Records[0].S3.Object.Size != int64(size) && !strings.HasPrefix(name, "s3:ObjectRemoved") {
			t.Errorf("%s: %s of %d bytes, want %s of %d", key, d.EventName, d.Records[0].S3.Object.Size, name, size)
		}
	}
	const created, copied = "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectCreated:Copy"

	big, content := noise(t, "big", 40<<20)
	mc.OK("cp", "--attr", "color=blue", big, "myminio/data/big")
	event("data/big", created, len(content))
	same("data/big", content)
	if got := mc.OK("stat", "myminio/data/big"); !strings.Contains(got, "40 MiB") || !strings.Contains(got, "blue") {
		t.Errorf("mc stat: %s", got)
	}
	mc.OK("cp", "myminio/data/big", "myminio/other/copied")
	event("other/copied", copied, len(content))
	same("other/copied", content)

	// The client copies what is larger than 64 MiB in parts.
	huge, more := noise(t, "huge", 70<<20)
	mc.OK("cp", huge, "myminio/data/huge")
	mc.OK("cp", "myminio/data/huge", "myminio/other/huge")
	event("other/huge", created, len(more))
	same("other/huge", more)

	mc.OK("mv", "myminio/data/big", "myminio/other/moved")
	event("other/moved", copied, len(content))
	mc.Refused("stat", "myminio/data/big")
	same("other/moved", content)
	mc.OK("rm", "myminio/other/copied")
	same("other/moved", content)

	for name, n := range map[string]int{"empty": 0, "small": 100, "large": 40 << 20} {
		_, piped := noise(t, name, n)
		if r := mc.RunInput(bytes.NewReader(piped), "pipe", "myminio/data/piped/"+name); r.Code != 0 {
			t.Fatalf("mc pipe of %d bytes: %s", n, r.Output())
		}
		same("data/piped/"+name, piped)
	}
	if got := mc.OK("ls", "--incomplete", "-r", "myminio/data"); got != "" {
		t.Errorf("uploads are under way: %s", got)
	}
}

// TestMirror mirrors a folder with a large file there, and from bucket to bucket.
func TestMirror(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/data")
	mc.OK("mb", "myminio/mirror")
	big, content := noise(t, "big", 20<<20)
	folder := filepath.Dir(big)
	if err := os.WriteFile(filepath.Join(folder, "small"), []byte("small"), 0o600); err != nil {
		t.Fatal(err)
	}
	mc.OK("mirror", folder+"/", "myminio/data")
	mc.OK("mirror", "myminio/data", "myminio/mirror")
	if got := mc.OK("diff", folder+"/", "myminio/mirror/"); got != "" {
		t.Errorf("mc diff: %s", got)
	}
	back := t.TempDir()
	mc.OK("mirror", "myminio/mirror", back)
	if got, err := os.ReadFile(filepath.Join(back, "big")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the large file came back with %d bytes, %v", len(got), err)
	}
	mc.OK("mirror", "--remove", "--overwrite", t.TempDir()+"/", "myminio/mirror")
	if got := mc.OK("ls", "-r", "myminio/mirror"); got != "" {
		t.Errorf("after mirroring an empty folder: %s", got)
	}
}
