package guide

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestLockCommands types the commands of the client that have to do with object
// lock.
func TestLockCommands(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	shows := func(want string, args ...string) {
		t.Helper()
		if got := mc.OK(args...); !strings.Contains(got, want) {
			t.Errorf("mc %s shows %q, want %q in it", strings.Join(args, " "), got, want)
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if got := mc.Refused(args...); !strings.Contains(got, want) {
			t.Errorf("mc %s says %q, want %q in it", strings.Join(args, " "), got, want)
		}
	}
	const locked = "object protected by object lock"
	mc.OK("mb", "myminio/plain")
	mc.OK("version", "enable", "myminio/plain")
	refused("does not support locking", "retention", "set", "--default", "governance", "1d", "myminio/plain")
	mc.OK("mb", "--with-lock", "myminio/docs")
	shows("versioning is enabled", "version", "info", "myminio/docs")
	refused("versioning state cannot be changed", "version", "suspend", "myminio/docs")

	mc.OK("retention", "set", "--default", "compliance", "1y", "myminio/docs")
	shows("'COMPLIANCE' is configured for 1YEARS", "retention", "info", "--default", "myminio/docs")
	mc.OK("retention", "set", "--default", "governance", "30d", "myminio/docs")
	shows("'GOVERNANCE' is configured for 30DAYS", "retention", "info", "--default", "myminio/docs")
	mc.OK("cp", write(t, "note.txt", "by default\n"), "myminio/docs/default.txt")
	shows("GOVERNANCE, expiring in 29 days", "retention", "info", "myminio/docs/default.txt")
	mc.OK("retention", "clear", "--default", "myminio/docs")
	shows("not enabled", "retention", "info", "--default", "myminio/docs")

	const key = "myminio/docs/a/note.txt"
	mc.OK("cp", write(t, "note.txt", "first\n"), key)
	mc.OK("cp", write(t, "note.txt", "second\n"), key)
	listed := versions(t, mc, key)
	first := listed[1].VersionID
	mc.OK("retention", "set", "governance", "2d", key)
	shows("GOVERNANCE", "stat", key)
	if got := retentionMode(t, mc, "--version-id", first, key); got != "" {
		t.Errorf("the older version is retained too: %q", got)
	}
	mc.OK("retention", "set", "--recursive", "--versions", "governance", "3d", "myminio/docs/a/")
	if got := retentionMode(t, mc, "--version-id", first, key); got != "GOVERNANCE" {
		t.Errorf("the older version is retained as %q", got)
	}
	if got := mc.OK("retention", "info", "--recursive", "--versions", "myminio/docs/a/"); strings.Count(got, "GOVERNANCE") != 2 {
		t.Errorf("retention info of both versions: %s", got)
	}
	mc.OK("retention", "clear", "--version-id", first, key)
	mc.OK("legalhold", "set", "--version-id", first, key)
	shows("ON", "legalhold", "info", "--version-id", first, key)
	refused(locked, "rm", "--version-id", first, key)
	refused(locked, "rm", "--bypass", "--version-id", first, key)
	mc.OK("legalhold", "clear", "--version-id", first, key)
	mc.OK("rm", "--version-id", first, key)
	refused(locked, "rm", "--versions", "--force", key)
	mc.OK("rm", key) // a marker
	mc.OK("undo", key)
	shows("second\n", "cat", key)
	mc.OK("rm", "--versions", "--force", "--bypass", key)
	if listed := versions(t, mc, key); len(listed) != 0 {
		t.Errorf("after rm --bypass: %+v", listed)
	}

	const kept = "myminio/docs/kept.txt"
	mc.OK("cp", "--retention-mode", "compliance", "--retention-duration", "2d", "--legal-hold", "on", write(t, "note.txt", "kept\n"), kept)
	for _, want := range []string{"COMPLIANCE", "X-Amz-Object-Lock-Legal-Hold", "X-Amz-Object-Lock-Retain-Until-Date"} {
		shows(want, "stat", kept)
	}
	mc.OK("legalhold", "clear", kept)
	mc.OK("retention", "set", "compliance", "3d", kept)
	refused(locked, "retention", "set", "--bypass", "compliance", "1d", kept)
	refused(locked, "retention", "clear", kept)
	refused(locked, "rb", "--force", "myminio/docs")
	shows("kept\n", "cat", kept)
	mc.OK("cp", kept, "myminio/docs/copy.txt")
	if got := retentionMode(t, mc, "myminio/docs/copy.txt"); got != "" {
		t.Errorf("a copy is retained as its source: %q", got)
	}
}

// retentionMode is what `mc retention info` shows.
func retentionMode(t *testing.T, mc *harness.MC, args ...string) string {
	t.Helper()
	var out struct{ Mode string }
	text := mc.OK(append([]string{"retention", "info", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out.Mode
}
