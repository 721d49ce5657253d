package guide

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestOldSignatures: aliases that were set for Signature Version 2 work, and so
// do the URLs that they share.
func TestOldSignatures(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t)
	mc.OK("alias", "set", "old", server.URL(), harness.RootUser, harness.RootPassword, "--api", "S3v2")
	file := filepath.Join(t.TempDir(), "a b+c&d.txt")
	if err := os.WriteFile(file, []byte("signed with version 2"), 0o600); err != nil {
		t.Fatal(err)
	}
	mc.OK("mb", "old/pictures")
	mc.OK("cp", file, "old/pictures/sub/")
	key := "old/pictures/sub/a b+c&d.txt"
	if got := mc.OK("cat", key); got != "signed with version 2" {
		t.Errorf("cat printed %q", got)
	}
	if got := mc.OK("ls", "old/pictures/sub/"); !strings.Contains(got, "a b+c&d.txt") {
		t.Errorf("ls printed %q", got)
	}
	mc.OK("rm", key)
	mc.OK("rb", "old/pictures")
}
