package harness

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Command runs the program under test with these arguments to its end, with
// variables added to an environment without any of its own.
func Command(t testing.TB, env []string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(EnvBinary), args...)
	cmd.Env = append(PlainEnv(), env...)
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = 10 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", args, err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%v did not end within %s:\n%s%s", args, Patience, &out, &errs)
	}
	return Result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}
