package sdk

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestMC types what users of mc type of objects. What they type of events, users
// and settings is in test/guide, and over TLS in test/https.
func TestMC(t *testing.T) {
	t.Parallel()
	e := startEndpoint(t, false)
	mc := harness.NewMC(t).Alias("s", e.Server)
	// The files are filled and compared as other clients' are.
	files := newCommand(t, e, "mc")
	files.fill("up")
	up := files.path("up")

	mc.OK("mb", "s/typed", "s/other")
	want(t, mc.Refused("mb", "s/typed"), "already own it")
	mc.OK("event", "add", "s/typed", harness.WebhookARN("1"), "--event", "put,delete", "--prefix", "seen ")
	mc.OK("mirror", up, "s/typed/tree")
	want(t, mc.OK("ls", "--recursive", "s/typed/tree"), "a b+c%.txt", "über/ä&ö", "dir/日本語")
	if out := mc.OK("diff", up, "s/typed/tree"); strings.TrimSpace(out) != "" {
		t.Errorf("diff after mirror: %s", out)
	}
	mc.OK("cp", "--recursive", "s/typed/tree/", files.path("down")+"/")
	sameTree(t, "mirror", files.tree("down"), files.tree("up"))
	want(t, mc.OK("find", "s/typed", "--name", "*.txt"), "a b+c%.txt")
	want(t, mc.OK("du", "s/typed"), "6 objects")
	mc.OK("mirror", "s/typed/tree", "s/other")
	want(t, mc.OK("stat", "s/other/large"), "large")

	// Large, in parts of 16 MiB; a range; a stream whose length is not known.
	files.write("larger", noise(40<<20))
	mc.OK("cp", "--attr", "color=red", files.path("larger"), "s/typed/larger")
	inParts(t, e, "typed", "larger", 3)
	mc.OK("cp", "s/typed/larger", "s/typed/copied")
	mc.OK("cp", "s/typed/copied", files.path("back"))
	if files.read("back") != files.read("larger") {
		t.Error("the large file came back as another")
	}
	if got := mc.OK("cat", "--offset", "16777210", "--tail", "0", "s/typed/larger"); got != files.read("larger")[16777210:] {
		t.Errorf("a tail of %d bytes", len(got))
	}
	if r := mc.RunInput(strings.NewReader("piped"), "pipe", "--tags", "color=red", "s/typed/piped"); r.Code != 0 {
		t.Fatal(r.Output())
	}
	want(t, mc.OK("tag", "list", "s/typed/piped"), "color", "red")
	mc.OK("tag", "remove", "s/typed/piped")
	mc.OK("mv", "s/typed/piped", "s/typed/seen a+ü")
	mc.OK("rm", "s/typed/seen a+ü")
	e.receiver.Wait(t, "both events", func(all []harness.Delivery) bool { return len(all) >= 2 })

	sharesOfMC(t, mc, files)
	versionsOfMC(t, mc, files)
	configurationOfMC(t, mc, e, files)
	locksOfMC(t, mc, files)
	encryptionOfMC(t, mc, files)
	mc.OK("rb", "--force", "s/typed", "s/other")
}

// sharesOfMC: presigned downloads, and the form of an upload, typed as printed.
func sharesOfMC(t *testing.T, mc *harness.MC, files *command) {
	t.Helper()
	var shared struct{ Share string }
	decode(t, mc.OK("share", "download", "--json", "--expire", "1m", "s/typed/tree/a b+c%.txt"), &shared)
	if status, body := get(t, shared.Share); status != http.StatusOK || string(body) != files.read("up/a b+c%.txt") {
		t.Errorf("share download %s: %d", shared.Share, status)
	}
	decode(t, mc.OK("share", "upload", "--json", "--expire", "1m", "s/typed/uploaded"), &shared)
	if r := mc.Shell(strings.ReplaceAll(shared.Share, "<FILE>", filepath.Join(files.home, "up", "empty"))); r.Code != 0 {
		t.Errorf("%s: %s", shared.Share, r.Output())
	}
	mc.OK("stat", "s/typed/uploaded")
}

func decode(t *testing.T, line string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), into); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
}

// versionsOfMC overwrites, deletes and undoes.
func versionsOfMC(t *testing.T, mc *harness.MC, files *command) {
	t.Helper()
	mc.OK("mb", "--with-versioning", "s/versions")
	want(t, mc.OK("version", "info", "s/versions"), "enabled")
	for _, text := range []string{"one", "two"} {
		files.write("version", []byte(text))
		mc.OK("cp", files.path("version"), "s/versions/k")
	}
	mc.OK("rm", "s/versions/k")
	if n := strings.Count(mc.OK("ls", "--versions", "s/versions"), " k"); n != 3 {
		t.Errorf("%d versions are listed, want 3", n)
	}
	mc.OK("undo", "s/versions/k", "--force")
	if got := mc.OK("cat", "s/versions/k"); got != "two" {
		t.Errorf("after undo of the delete: %q", got)
	}
	mc.OK("undo", "s/versions/k", "--force")
	if got := mc.OK("cat", "s/versions/k"); got != "one" {
		t.Errorf("after undo of the put: %q", got)
	}
	mc.OK("rm", "--versions", "--force", "--recursive", "s/versions")
	mc.OK("rb", "s/versions")
}

// configurationOfMC: anonymous access and CORS.
func configurationOfMC(t *testing.T, mc *harness.MC, e endpoint, files *command) {
	t.Helper()
	mc.OK("anonymous", "set", "download", "s/typed/tree")
	if status, _ := get(t, e.URL()+"/typed/tree/empty"); status != http.StatusOK {
		t.Errorf("anonymous: %d", status)
	}
	mc.OK("anonymous", "set", "private", "s/typed")
	files.write("cors.xml", []byte("<CORSConfiguration><CORSRule><AllowedOrigin>https://app.example.org</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"))
	mc.OK("cors", "set", "s/typed", files.path("cors.xml"))
	want(t, mc.OK("cors", "get", "s/typed"), "app.example.org")
	mc.OK("cors", "remove", "s/typed")
	want(t, mc.OK("event", "list", "s/typed"), harness.WebhookARN("1"), "seen ")
}

// locksOfMC: a default retention, one of an object, and a legal hold.
func locksOfMC(t *testing.T, mc *harness.MC, files *command) {
	t.Helper()
	mc.OK("mb", "--with-lock", "s/locked")
	mc.OK("retention", "set", "--default", "GOVERNANCE", "1d", "s/locked")
	want(t, mc.OK("retention", "info", "--default", "s/locked"), "GOVERNANCE")
	mc.OK("cp", files.path("up", "empty"), "s/locked/k")
	want(t, mc.OK("retention", "info", "s/locked/k"), "GOVERNANCE")
	mc.OK("legalhold", "set", "s/locked/k")
	want(t, mc.OK("legalhold", "info", "s/locked/k"), "ON")
	mc.Refused("rm", "--versions", "--force", "s/locked/k")
	mc.OK("legalhold", "clear", "s/locked/k")
	mc.OK("retention", "clear", "s/locked/k")
	mc.OK("rm", "--versions", "--force", "s/locked/k")
	mc.OK("rb", "s/locked")
}

// encryptionOfMC: keys of the server; those of the client need TLS.
func encryptionOfMC(t *testing.T, mc *harness.MC, files *command) {
	t.Helper()
	mc.OK("mb", "s/encrypted")
	mc.OK("cp", "--enc-s3", "s/encrypted", files.path("up", "large"), "s/encrypted/k")
	want(t, mc.OK("stat", "s/encrypted/k"), "SSE-S3")
	mc.OK("encrypt", "set", "sse-s3", "s/encrypted")
	want(t, mc.OK("encrypt", "info", "s/encrypted"), "sse-s3")
	mc.OK("cp", "s/encrypted/k", files.path("decrypted"))
	if files.read("decrypted") != files.read("up/large") {
		t.Error("what was encrypted came back as another")
	}
	mc.OK("rb", "--force", "s/encrypted")
}
