package targettest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// leaveEnv names a file with the settings of a target. With it in its
// environment a test binary sends one event and kills itself.
const leaveEnv = "CARILLON_TARGETTEST_LEAVE"

// Main is the TestMain of a kind: the suite starts the test binary once more, as
// a process that ends at once.
func Main(m *testing.M, kind target.Kind) {
	if file := os.Getenv(leaveEnv); file != "" {
		fmt.Fprintln(os.Stderr, leave(kind, file))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// leave sends the first message of a session. Once it is acknowledged this
// process ends, in the middle of whatever else it does.
func leave(kind target.Kind, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var values map[string]string
	if err := json.Unmarshal(text, &values); err != nil {
		return err
	}
	c := &session{settings: kind.New()}
	if err := config.Decode(c.settings, values); err != nil {
		return err
	}
	c.traits = kind.Traits(c.settings)
	if c.target, err = kind.Open(c.settings, target.Env{}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	if err := c.target.Send(ctx, []target.Message{c.message("left", 0)}); err != nil {
		return err
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		return err
	}
	select {} // until it is delivered
}

// testProcessEnds: that Send returned nil is worth as much if its process goes
// on no further.
func testProcessEnds(t *testing.T, c *session) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	values, err := json.Marshal(c.harness.Values())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "values")
	if err := os.WriteFile(file, values, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), leaveEnv+"="+file)
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process that was to send one event: %v\n%s", err, out)
	}
	c.wantReceived(t, c.message("left", 0))
}
