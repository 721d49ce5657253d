package harness

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// OnTerminal runs the program under test at a terminal until it has shown
// want, stops it, and returns all that it has shown.
func OnTerminal(t testing.TB, env []string, want string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(EnvBinary), args...)
	cmd.Env = append(PlainEnv(), env...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	screen := newLog()
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(screen, tty) // ends with an error when the process does
	}()
	defer func() {
		_ = cmd.Process.Kill() // no harm if it has ended
		_ = cmd.Wait()
		<-copied
	}()
	screen.Wait(t, want, func(text string) bool { return strings.Contains(text, want) })
	return screen.String()
}
