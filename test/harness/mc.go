package harness

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// EnvMC names the `mc` program.
const EnvMC = "CARILLON_MC"

// MC runs the real client with a configuration of its own.
type MC struct {
	t      testing.TB
	binary string
	home   string
	env    []string
}

// NewMC returns a client without aliases.
func NewMC(t testing.TB) *MC {
	t.Helper()
	return &MC{t: t, binary: Tool(t, EnvMC, "mc/*/mc"), home: t.TempDir()}
}

// Alias types `mc alias set` for the server and returns the client.
func (m *MC) Alias(name string, s *Server) *MC {
	m.t.Helper()
	m.OK("alias", "set", name, s.URL(), RootUser, RootPassword)
	return m
}

// Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Output is what a user sees: stdout, then stderr.
func (r Result) Output() string { return r.Stdout + r.Stderr }

// Setenv adds variables of its environment and returns the client.
func (m *MC) Setenv(variables ...string) *MC {
	m.env = append(m.env, variables...)
	return m
}

// Trust has the client trust an authority, as its users do it, and returns it.
func (m *MC) Trust(a *Authority) *MC {
	m.t.Helper()
	folder := filepath.Join(m.home, ".mc", "certs", "CAs")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "test.crt"), a.PEM, 0o600); err != nil {
		m.t.Fatal(err)
	}
	return m
}

func (m *MC) command(args []string) (*exec.Cmd, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	cmd := exec.CommandContext(ctx, m.binary, args...)
	cmd.Env = append(PlainEnv(), "HOME="+m.home, "MC_CONFIG_DIR="+m.home+"/.mc", "TERM=dumb")
	cmd.Env = append(cmd.Env, m.env...)
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = 10 * time.Second
	return cmd, cancel
}

// Run types a command.
func (m *MC) Run(args ...string) Result {
	m.t.Helper()
	return m.RunInput(nil, args...)
}

// RunInput types a command that reads stdin.
func (m *MC) RunInput(stdin io.Reader, args ...string) Result {
	m.t.Helper()
	cmd, cancel := m.command(args)
	defer cancel()
	cmd.Stdin = stdin
	return m.finish(cmd, "mc "+strings.Join(args, " "))
}

// OK types a command that must succeed and returns its stdout.
func (m *MC) OK(args ...string) string {
	m.t.Helper()
	r := m.Run(args...)
	if r.Code != 0 {
		m.t.Fatalf("mc %s: exit %d\n%s", strings.Join(args, " "), r.Code, r.Output())
	}
	return r.Stdout
}

// Refused types a command that must fail and returns what it printed.
func (m *MC) Refused(args ...string) string {
	m.t.Helper()
	r := m.Run(args...)
	if r.Code == 0 {
		m.t.Fatalf("mc %s succeeded:\n%s", strings.Join(args, " "), r.Output())
	}
	return r.Output()
}

// Terminal types a command at a terminal, as some need one, and returns what it
// showed and the exit code.
func (m *MC) Terminal(args ...string) Result {
	m.t.Helper()
	cmd, cancel := m.command(args)
	defer cancel()
	cmd.SysProcAttr = nil // pty makes its own: a session with a controlling terminal
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 200})
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = tty.Close() }()
	screen := newLog()
	_, _ = io.Copy(screen, answeringTerminal{tty}) // ends with an error when the process does
	_ = cmd.Wait()
	return Result{Stdout: screen.String(), Code: cmd.ProcessState.ExitCode()}
}

// answeringTerminal answers what a program asks a terminal at its start: the
// cursor's position and the background colour. A program waits for that answer.
type answeringTerminal struct{ tty *os.File }

func (a answeringTerminal) Read(p []byte) (int, error) {
	n, err := a.tty.Read(p)
	if bytes.Contains(p[:n], []byte("\x1b]11;?")) {
		_, _ = a.tty.WriteString("\x1b]11;rgb:0000/0000/0000\x1b\\")
	}
	if bytes.Contains(p[:n], []byte("\x1b[6n")) {
		_, _ = a.tty.WriteString("\x1b[1;1R")
	}
	return n, err
}

// Stream is a command that goes on, as `mc watch` does.
type Stream struct {
	// Lines gets what it prints, and is closed when it ends.
	Lines <-chan string
	// Stderr holds what it complains about.
	Stderr *Log
}

// Stream starts a command that prints lines until the test ends.
func (m *MC) Stream(args ...string) *Stream {
	m.t.Helper()
	cmd, cancel := m.command(args)
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	errs := newLog()
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	lines := make(chan string, 1024)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(lines)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			lines <- sc.Text()
		}
		_ = cmd.Wait()
	}()
	m.t.Cleanup(func() { cancel(); <-ended })
	return &Stream{Lines: lines, Stderr: errs}
}

// Next waits for a line that holds substr.
func (s *Stream) Next(t testing.TB, substr string) string {
	t.Helper()
	deadline := time.After(Patience)
	for {
		select {
		case line, ok := <-s.Lines:
			if !ok {
				t.Fatalf("the command ended before it printed %q: %s", substr, s.Stderr)
			}
			if strings.Contains(line, substr) {
				return line
			}
		case <-deadline:
			t.Fatalf("waited %s in vain for a line with %q: %s", Patience, substr, s.Stderr)
		}
	}
}

// Shell types a whole line at a shell that finds `mc`, as guides print it.
func (m *MC) Shell(line string) Result {
	m.t.Helper()
	cmd, cancel := m.command(nil)
	defer cancel()
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", line}
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(m.binary)+":"+os.Getenv("PATH"))
	return m.finish(cmd, line)
}

// finish runs a command to its end.
func (m *MC) finish(cmd *exec.Cmd, line string) Result {
	m.t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		m.t.Fatalf("%s: %v", line, err)
	}
	return Result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}
