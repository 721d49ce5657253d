package harness

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// FreeSpace is how many bytes an unprivileged user may still write to the file
// system of a folder.
func FreeSpace(t testing.TB, dir string) uint64 {
	t.Helper()
	// POSIX: a line of titles, then device, blocks, used, available, …
	out, err := exec.Command("df", "-Pk", dir).Output()
	if err != nil {
		t.Fatalf("df: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	const available = 3
	fields := strings.Fields(lines[len(lines)-1])
	if len(fields) <= available {
		t.Fatalf("df printed %q", out)
	}
	kilobytes, err := strconv.ParseUint(fields[available], 10, 64)
	if err != nil {
		t.Fatalf("df printed %q", out)
	}
	return kilobytes << 10
}

// Occupy takes n bytes of the file system of a folder, until give is called or
// the test ends, in whatever way: the file that holds them has no name.
func Occupy(t testing.TB, dir string, n int64) (give func()) {
	t.Helper()
	f, err := os.CreateTemp(dir, "occupied-")
	if err != nil {
		t.Fatal(err)
	}
	give = func() { _ = f.Close() } // the second time it is closed
	t.Cleanup(give)
	if err := errors.Join(os.Remove(f.Name()), allocate(f, n)); err != nil {
		t.Fatalf("occupy %d bytes of %s: %v", n, dir, err)
	}
	return give
}
