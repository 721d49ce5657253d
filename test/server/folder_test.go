package server

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/test/harness"
)

// refuse starts a server that must refuse, and returns what it said.
func refuse(t *testing.T, env []string, args ...string) string {
	t.Helper()
	r := harness.Command(t, env, append([]string{"server", "--address", harness.FreeAddress(t)}, args...)...)
	if r.Code == 0 {
		t.Fatalf("%v: exit code 0", args)
	}
	if strings.Contains(r.Output(), "goroutine ") {
		t.Errorf("%v: a stack trace instead of a sentence:\n%s", args, r.Output())
	}
	return r.Output()
}

// tree lists the files of a folder with their contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			files[path] = ""
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFolderInUseIsRefused(t *testing.T) {
	t.Parallel()
	first := harness.Start(t, harness.Options{})
	if got := refuse(t, nil, first.Dir); !strings.Contains(got, "in use") || !strings.Contains(got, first.Dir) {
		t.Errorf("the refusal says: %s", got)
	}
	client := first.Client(t)
	harness.MakeBucket(t, client, "still-works")
	harness.Put(t, client, "still-works", "k", []byte("x"))
	// A server that died leaves no lock behind.
	first.Kill()
	first.Restart()
}

func TestFolderOfAnotherServerIsUntouched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, ".minio.sys", "buckets"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".minio.sys", "format.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	if got := refuse(t, nil, dir); !strings.Contains(got, "MinIO") || !strings.Contains(got, "mc mirror") {
		t.Errorf("the refusal does not say how to move over: %s", got)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("the folder changed:\n%s", diff)
	}
}

func TestSeveralFoldersAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := map[string][]string{
		"a pattern":       {dir + "/data{1...4}"},
		"several folders": {dir + "/one", dir + "/two"},
		"an address":      {"http://host1/data"},
		"none":            nil,
	}
	for name, args := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := refuse(t, nil, args...)
			if !strings.Contains(got, "folder") {
				t.Errorf("the refusal does not say what to give: %s", got)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("something was made: %v, %v", left, err)
			}
		})
	}
}

func TestTakenPortIsRefused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	r := harness.Command(t, nil, "server", "--address", l.Addr().String(), t.TempDir())
	if r.Code == 0 || !strings.Contains(r.Output(), l.Addr().String()) {
		t.Errorf("exit code %d: %s", r.Code, r.Output())
	}
}

func TestUnwritableFolderIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := refuse(t, nil, filepath.Join(file, "below")); !strings.Contains(got, file) {
		t.Errorf("the refusal does not name the folder: %s", got)
	}
}

// TestFolderFromEnvironment: MINIO_VOLUMES names the folder, as packages do.
func TestFolderFromEnvironment(t *testing.T) {
	t.Parallel()
	if got := refuse(t, []string{"MINIO_VOLUMES=/data{1...4}"}); !strings.Contains(got, "/data{1...4}") {
		t.Errorf("MINIO_VOLUMES was not read: %s", got)
	}
}
