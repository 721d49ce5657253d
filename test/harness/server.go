package harness

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The credential of servers that tests start, unless Options.Env says another.
const (
	RootUser     = "carillon-root"
	RootPassword = "carillon-secret-42"
)

// Options say how to start a server.
type Options struct {
	// Binary is the program; empty is the one under test.
	Binary string
	// Dir is the folder to serve; empty is a new one.
	Dir string
	// Env is added to an environment without any MINIO_ or CARILLON_ variable.
	// A root credential is added unless BareEnv.
	Env     []string
	BareEnv bool
	// Args go before the folder.
	Args []string
	// Authority, if not nil, issued the server's certificates: it is reached
	// over TLS, by clients that trust it. Args say where they are.
	Authority *Authority
}

// Server is a server process, its folder and its ports. It is stopped at the
// end of the test. It is for one goroutine, but for Kill.
type Server struct {
	t       testing.TB
	options Options
	// Address is host and port of the S3 interface.
	Address string
	console string
	Dir     string
	// Stdout and Stderr hold the output of all starts; Output holds both.
	Stdout, Stderr, Output *Log

	cmd *exec.Cmd
	// banners is how many of them stood in Output before the last start: other
	// servers print theirs to Stderr.
	banners int
	exited  chan struct{}
}

// Start starts a server and waits until it is ready.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := Launch(t, o)
	s.WaitReady()
	return s
}

// Launch starts a server and does not wait.
func Launch(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Binary == "" {
		o.Binary = os.Getenv(EnvBinary)
	}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s := &Server{
		t: t, options: o, Dir: o.Dir,
		Address: FreeAddress(t), console: FreeAddress(t),
		Stdout: newLog(), Stderr: newLog(), Output: newLog(),
	}
	s.start()
	t.Cleanup(s.cleanup)
	return s
}

func (s *Server) start() {
	s.t.Helper()
	args := []string{"server", "--address", s.Address, "--console-address", s.console}
	args = append(append(args, s.options.Args...), s.Dir)
	s.cmd = exec.Command(s.options.Binary, args...)
	s.cmd.Env = s.environ()
	s.cmd.Stdout = tee{s.Stdout, s.Output}
	s.cmd.Stderr = tee{s.Stderr, s.Output}
	s.cmd.SysProcAttr = childAttributes()
	s.cmd.WaitDelay = 10 * time.Second
	s.banners = s.Output.Count(banner)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // the exit code is read from ProcessState
		close(exited)
	}(s.cmd)
}

func (s *Server) environ() []string {
	env := append(PlainEnv(), s.options.Env...)
	if !s.options.BareEnv && !slices.ContainsFunc(s.options.Env, func(v string) bool {
		return strings.HasPrefix(v, "MINIO_ROOT_USER") || strings.HasPrefix(v, "CARILLON_ROOT_USER")
	}) {
		env = append(env, "MINIO_ROOT_USER="+RootUser, "MINIO_ROOT_PASSWORD="+RootPassword)
	}
	return env
}

// PlainEnv is the environment without what servers and clients would read.
func PlainEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MINIO_") || strings.HasPrefix(v, "CARILLON_") || strings.HasPrefix(v, "MC_")
	})
}

type tee [2]*Log

func (w tee) Write(p []byte) (int, error) {
	for _, l := range w {
		_, _ = l.Write(p) // a Log never fails
	}
	return len(p), nil
}

// URL is the base address of the S3 interface.
func (s *Server) URL() string {
	if s.options.Authority != nil {
		return "https://" + s.Address
	}
	return "http://" + s.Address
}

// banner is in what every start prints, once.
const banner = "API: "

// WaitReady waits until the server answers that it is ready, and has said so; it fails the test
// at once if the process exits instead.
func (s *Server) WaitReady() {
	s.t.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: s.options.Authority.ClientTLS()}}
	Poll(s.t, "the server to be ready", func() error {
		select {
		case <-s.exited:
			s.t.Fatalf("the server exited (%s) instead of becoming ready:\n%s", s.cmd.ProcessState, tail(s.Output.String()))
		default:
		}
		resp, err := client.Get(s.URL() + "/minio/health/cluster")
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("health: %s", resp.Status)
		}
		return nil
	})
	// It is printed before the first answer, and arrives by another way.
	s.Output.Wait(s.t, "the banner", func(text string) bool { return strings.Count(text, banner) > s.banners })
}

// Kill ends the process at once, as kill -9 does, and waits until it is gone.
func (s *Server) Kill() {
	s.signal(syscall.SIGKILL)
	<-s.exited
}

// Terminate asks the process to stop, waits until it is gone, and returns its
// exit code.
func (s *Server) Terminate() int {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	return s.WaitExit()
}

// StopSignal is a signal that asks a process to stop.
type StopSignal = syscall.Signal

// Signals to stop.
const (
	Term      = syscall.SIGTERM
	Interrupt = syscall.SIGINT
)

// Signal sends a signal and does not wait.
func (s *Server) Signal(sig StopSignal) { s.signal(sig) }

// WaitExit waits until the process ends by itself and returns its exit code.
func (s *Server) WaitExit() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(Patience):
		s.Kill()
		s.t.Fatalf("the server did not exit within %s:\n%s", Patience, tail(s.Output.String()))
	}
	return s.cmd.ProcessState.ExitCode()
}

// Restarting calls ask, which makes the running server start anew by itself,
// and waits until it has.
func (s *Server) Restarting(ask func()) {
	s.t.Helper()
	before := s.Stdout.Count(banner)
	ask()
	s.Stdout.Wait(s.t, "the banner of a new start", func(text string) bool {
		return strings.Count(text, banner) > before
	})
	s.WaitReady()
}

// Freeze stops the process from running; its sockets stay open. Thaw lets it
// run on.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

// Pid is the process id.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Restart starts the ended server anew on its folder and ports, and waits until
// it is ready.
func (s *Server) Restart(env ...string) {
	s.t.Helper()
	s.Relaunch(env...)
	s.WaitReady()
}

// Relaunch is Restart without the wait. Variables are added to those it had.
func (s *Server) Relaunch(env ...string) {
	s.t.Helper()
	select {
	case <-s.exited:
	default:
		s.t.Fatal("the server is still running")
	}
	s.options.Env = append(s.options.Env, env...)
	s.start()
}

func (s *Server) signal(sig syscall.Signal) {
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("signal %s: %v", sig, err)
	}
}

func (s *Server) cleanup() {
	s.Kill()
	if s.t.Failed() {
		s.t.Logf("the server's output:\n%s", tail(s.Output.String()))
	}
}
