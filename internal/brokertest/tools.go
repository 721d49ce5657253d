package brokertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// Credentials that the brokers know, where they ask for any.
const (
	Login    = "carillon"
	Password = "broker-pass-1"
)

const hint = "run `test/tools/tools brokers`, which gets or names it"

// program finds a program on the PATH or in one of the folders where packages
// put servers.
func program(t T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/lib/rabbitmq/bin"} {
		if path := filepath.Join(dir, name); executable(path) {
			return path
		}
	}
	t.Fatalf("there is no %s here: %s", name, hint)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// cached finds what test/tools/tools put into its cache: the newest match of
// pattern below it.
func cached(t T, pattern string) string {
	t.Helper()
	dir, err := cacheDir()
	if err != nil {
		t.Fatalf("find the cache of tools: %v", err)
	}
	found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil || len(found) == 0 {
		t.Fatalf("there is no %s in %s: %s", pattern, dir, hint)
		return ""
	}
	return slices.Max(found)
}

func cacheDir() (string, error) {
	if dir := os.Getenv("CARILLON_CACHE"); dir != "" {
		return dir, nil
	}
	if os.Geteuid() == 0 {
		return "/var/cache/carillon", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("CARILLON_CACHE is not set: %w", err)
	}
	return filepath.Join(dir, "carillon"), nil
}
