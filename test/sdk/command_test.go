package sdk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

// command is a client that users type.
type command struct {
	t *testing.T
	// words are the program and what stands before every line.
	words []string
	home  string
	env   []string
}

// newCommand is a client with a home of its own, which is its working folder.
func newCommand(t *testing.T, e endpoint, words ...string) *command {
	t.Helper()
	home := t.TempDir()
	return &command{t: t, words: words, home: home, env: e.environ(home)}
}

// ok types a line that must succeed and returns its stdout.
func (c *command) ok(args ...string) string {
	c.t.Helper()
	out, errs, err := c.run(args)
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s%s", filepath.Base(c.words[0]), strings.Join(args, " "), err, out, errs)
	}
	return out
}

// refused types a line that must fail with words like these.
func (c *command) refused(want string, args ...string) {
	c.t.Helper()
	out, errs, err := c.run(args)
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || !strings.Contains(out+errs, want) {
		c.t.Fatalf("%s %s: %v, want %s\n%s%s", filepath.Base(c.words[0]), strings.Join(args, " "), err, want, out, errs)
	}
}

func (c *command) run(args []string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), walkthroughLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.words[0], append(c.words[1:len(c.words):len(c.words)], args...)...)
	cmd.Dir, cmd.Env = c.home, c.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// path is a file of the home.
func (c *command) path(elem ...string) string {
	return filepath.Join(append([]string{c.home}, elem...)...)
}

// write writes a file of the home, with its folders.
func (c *command) write(name string, content []byte) {
	c.t.Helper()
	if err := os.MkdirAll(filepath.Dir(c.path(name)), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(c.path(name), content, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// read reads a file of the home.
func (c *command) read(name string) string {
	c.t.Helper()
	content, err := os.ReadFile(c.path(name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(content)
}

// tree is what the files of a folder hold.
func (c *command) tree(name string) map[string]string {
	c.t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(c.path(name)), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files[path] = c.read(filepath.Join(name, path))
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return files
}

// fill writes a folder of small and large files with odd names.
func (c *command) fill(folder string) {
	c.t.Helper()
	for name, size := range map[string]int{
		"empty": 0, "a b+c%.txt": 100, "über/ä&ö": 1000, "dir/日本語": 40_000, "dir/sub/blob": 200_000, "large": 12<<20 + 7,
	} {
		c.write(filepath.Join(folder, name), noise(size))
	}
}

// noise is size bytes without repetition, the same in every run.
func noise(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte{byte(size), byte(size >> 8), byte(size >> 16)})).Read(data)
	return data
}

// want fails the test unless what was printed holds all of these.
func want(t *testing.T, printed string, all ...string) {
	t.Helper()
	for _, text := range all {
		if !strings.Contains(printed, text) {
			t.Fatalf("%q is not in what was printed:\n%s", text, printed)
		}
	}
}

// sameTree compares two folders without printing what they hold.
func sameTree(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, content := range want {
		if other, ok := got[name]; !ok || other != content {
			t.Errorf("%s: %s has %d bytes, want %d others", what, name, len(other), len(content))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d files, want %d", what, len(got), len(want))
	}
}

// ruleFor has the events of a bucket sent to the webhook, for clients that have
// no word for that.
func ruleFor(t *testing.T, e endpoint, bucket string) {
	t.Helper()
	harness.SetRules(t, e.Client(t), bucket, harness.Rule{ARN: harness.WebhookARN("1"), Events: harness.AllChanges()})
}

// newCore is a client for single calls.
func newCore(t *testing.T, e endpoint) *minio.Core {
	t.Helper()
	return &minio.Core{Client: e.Client(t)}
}

// inParts wants an object to have been uploaded in so many parts.
func inParts(t *testing.T, e endpoint, bucket, key string, parts int) {
	t.Helper()
	info, err := e.Client(t).StatObject(t.Context(), bucket, key, minio.StatObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(info.ETag, "-"+strconv.Itoa(parts)) {
		t.Errorf("%s has the ETag %s, not one of %d parts", key, info.ETag, parts)
	}
}
