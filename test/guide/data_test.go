package guide

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestDataCommands types the everyday commands of the client.
func TestDataCommands(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	shows := func(want string, args ...string) {
		t.Helper()
		if got := mc.OK(args...); !strings.Contains(got, want) {
			t.Errorf("mc %s shows %q, want %q in it", strings.Join(args, " "), got, want)
		}
	}
	mc.OK("mb", "myminio/data")
	mc.Refused("mb", "myminio/data")
	mc.OK("mb", "--ignore-existing", "myminio/data")
	shows("data/", "ls", "myminio")

	hello := write(t, "hello.txt", "hello, world\n")
	mc.OK("cp", hello, "myminio/data/a/hello.txt")
	mc.OK("cp", "--attr", "color=blue", hello, "myminio/data/a/blue.txt")
	mc.OK("cp", hello, "myminio/data/b/copy.txt")
	mc.OK("mv", write(t, "moved.txt", "hello, world\n"), "myminio/data/b/")
	shows("hello.txt", "ls", "myminio/data/a/")
	shows("b/moved.txt", "ls", "-r", "myminio/data")
	mc.OK("rm", "myminio/data/b/copy.txt")
	if got := mc.OK("ls", "-r", "myminio/data"); strings.Contains(got, "copy.txt") {
		t.Errorf("what was removed is still there: %s", got)
	}
	shows("hello, world\n", "cat", "myminio/data/b/moved.txt")
	shows("hello", "head", "-n", "1", "myminio/data/a/hello.txt")
	shows("13 B", "stat", "myminio/data/a/hello.txt")
	shows("blue", "stat", "myminio/data/a/blue.txt")
	shows("data", "stat", "myminio/data")
	shows("39B", "du", "myminio/data")
	shows("a/blue.txt", "find", "myminio/data", "--name", "blue*")
	shows("moved.txt", "tree", "--files", "myminio/data")

	got := filepath.Join(t.TempDir(), "got.txt")
	mc.OK("get", "myminio/data/a/hello.txt", got)
	if b, err := os.ReadFile(got); err != nil || string(b) != "hello, world\n" {
		t.Errorf("mc get gave %q, %v", b, err)
	}
	mc.OK("put", hello, "myminio/data/a/put.txt")
	mc.Refused("cat", "myminio/data/missing")
	mc.Refused("ls", "myminio/no-such-bucket")
	mc.OK("rm", "myminio/data/a/put.txt")
	mc.Refused("stat", "myminio/data/a/put.txt")
	mc.Refused("rb", "myminio/data")
	mc.OK("rm", "-r", "--force", "myminio/data")
	mc.OK("rb", "myminio/data")
	mc.Refused("ls", "myminio/data")
	mc.OK("mb", "myminio/data")
	if got := mc.OK("ls", "-r", "myminio/data"); got != "" {
		t.Errorf("a bucket made anew holds %q", got)
	}
	mc.OK("cp", hello, "myminio/data/again")
	mc.OK("rb", "--force", "myminio/data")
}

// TestDirectories copies a folder there and back.
func TestDirectories(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/data")
	source := t.TempDir()
	files := map[string]string{"one.txt": "1", "sub/two words.txt": "22", "sub/déjà+vu.txt": "333", "sub/deep/empty": ""}
	for name, content := range files {
		path := filepath.Join(source, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mc.OK("cp", "-r", source+"/", "myminio/data/")
	back := t.TempDir()
	mc.OK("cp", "-r", "myminio/data/", back+"/")
	for name, content := range files {
		if b, err := os.ReadFile(filepath.Join(back, filepath.FromSlash(name))); err != nil || string(b) != content {
			t.Errorf("%s came back as %q, %v", name, b, err)
		}
	}
	if got := mc.OK("diff", source+"/", "myminio/data/"); got != "" {
		t.Errorf("mc diff: %s", got)
	}
}
