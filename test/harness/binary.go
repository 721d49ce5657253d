// Package harness drives the built server from outside, as its users do: real
// processes, real `mc`, real sockets on the loopback interface. Nothing in it
// imports the server's packages.
//
// Waiting is for signals (a line of log, a delivery, an exit), bounded by
// Patience; where the outside world can only be asked, Poll asks.
package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Patience bounds every wait. It is far above what anything takes, because a
// busy machine is no defect; a test that gets there has failed.
const Patience = 2 * time.Minute

// Variables that say what to test with.
const (
	// EnvBinary names a built server; without it Main builds one.
	EnvBinary = "CARILLON_BINARY"
	// EnvBuildFlags are flags for that build, for example -race.
	EnvBuildFlags = "CARILLON_BUILD_FLAGS"
	// EnvReport names a file to which Report appends.
	EnvReport = "CARILLON_REPORT"
)

// Main builds the server, once for all tests of a package, and runs them. It is
// the body of TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
func Main(m *testing.M) int {
	if os.Getenv(EnvBinary) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "carillon-test-")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "carillon")
	if err := build(binary); err != nil {
		return fail(err)
	}
	if err := os.Setenv(EnvBinary, binary); err != nil {
		return fail(err)
	}
	return m.Run()
}

func fail(err error) int {
	_, _ = fmt.Fprintln(os.Stderr, "harness:", err)
	return 1
}

func build(binary string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	args := append([]string{"build", "-o", binary}, strings.Fields(os.Getenv(EnvBuildFlags))...)
	cmd := exec.Command("go", append(args, "./cmd/carillon")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return nil
}

// moduleRoot is the folder of go.mod, above the folder of the test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}

// ModulePath returns the path of a file of this repository.
func ModulePath(t testing.TB, elem ...string) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

// Report logs a line of figures, and appends it to the file that
// CARILLON_REPORT names, since a passing test's log is not shown.
func Report(t testing.TB, format string, args ...any) {
	t.Helper()
	line := fmt.Sprintf(format, args...)
	t.Log(line)
	name := os.Getenv(EnvReport)
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := fmt.Fprintln(f, line); err != nil {
		t.Fatal(err)
	}
}
