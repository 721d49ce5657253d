package harness

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

// EnvConsumers names a Python with the packages of test/guide/requirements.txt.
const EnvConsumers = "CARILLON_CONSUMERS"

// StartConsumer starts a Python program, given as its path in this module, that
// reads a broker. It returns the program's output once that holds ready, and
// ends the program with the test.
func StartConsumer(t testing.TB, program, ready string, env ...string) *Log {
	t.Helper()
	output := newLog()
	cmd := exec.Command(Tool(t, EnvConsumers, "consumers/*/bin/python3"), "-u", ModulePath(t, program))
	cmd.Env = append(append(PlainEnv(), "PYTHONDONTWRITEBYTECODE=1"), env...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Logf("the output of %s:\n%s", program, output)
		}
	})
	output.WaitFor(t, ready)
	return output
}
