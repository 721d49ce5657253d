package harness

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// EnvCache names the folder of the tools that tests use.
const EnvCache = "CARILLON_CACHE"

// CacheDir is the folder of tools.
func CacheDir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv(EnvCache); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/cache/carillon"
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "carillon")
}

// Tool returns the path of a tool: what the variable names, or the newest in
// the cache, at pattern below it. A test without its tool fails.
func Tool(t testing.TB, variable, pattern string) string {
	t.Helper()
	if path := os.Getenv(variable); path != "" {
		return path
	}
	full := filepath.Join(CacheDir(t), filepath.FromSlash(pattern))
	found, err := filepath.Glob(full)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("nothing at %s: run `make tools`, or set %s", full, variable)
	}
	return slices.MaxFunc(found, func(a, b string) int { return made(t, a).Compare(made(t, b)) })
}

// made is when a tool, or the link to it, came into the cache: not all versions
// are numbers that grow.
func made(t testing.TB, path string) time.Time {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}
