package brokertest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// Patience is how long a broker may take to start or to stop on a machine
	// that is busy with other tests: those in Java take seconds of a core.
	Patience = 3 * time.Minute
	// readyEvery is how often a starting broker is asked whether it is ready.
	readyEvery = 50 * time.Millisecond
)

// T is what brokers use of a test. *testing.T is one.
type T interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Process is a broker in processes of its own. Its methods are for one
// goroutine.
type Process struct {
	t    T
	name string
	// Dir holds data, configuration and log. It belongs to user.
	Dir string
	// Account runs the broker, for programs that refuse root.
	account account
	// command makes the command of one start.
	command func() *exec.Cmd
	// ready says why the broker does not answer yet, or nil.
	ready func(ctx context.Context) error
	// stopSignal asks it to end.
	stopSignal syscall.Signal

	cmd    *exec.Cmd
	exited chan struct{}
}

// newProcess prepares a broker; start starts it.
func newProcess(t T, name string) *Process {
	t.Helper()
	p := &Process{t: t, name: name, Dir: tempDir(t), stopSignal: syscall.SIGTERM}
	t.Cleanup(func() { p.end() })
	return p
}

// Start starts a broker that was killed or stopped, with what it keeps, and
// returns when it answers.
func (p *Process) Start() {
	p.t.Helper()
	if p.cmd != nil {
		return
	}
	log, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	defer func() { _ = log.Close() }() // the broker has it
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = p.account.attributes()
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	p.cmd, p.exited = cmd, make(chan struct{})
	exited := p.exited
	go func() {
		_ = cmd.Wait() // how it ended shows in its log
		close(exited)
	}()
	p.waitReady()
}

func (p *Process) waitReady() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		err := p.ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-p.exited:
			p.cmd = nil
			p.t.Fatalf("%s ended while it started:\n%s", p.name, p.LogTail())
			return
		case <-ctx.Done():
			p.t.Fatalf("%s was not ready within %s: %v\n%s", p.name, Patience, err, p.LogTail())
			return
		case <-tick.C:
		}
	}
}

// Kill ends all its processes at once, as a crash does.
func (p *Process) Kill() {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	tree := processTree(p.cmd.Process.Pid)
	signal(tree, syscall.SIGSTOP) // none of them gets to tidy up after another
	signal(tree, syscall.SIGKILL)
	p.reap(tree)
}

// Stop asks it to end, and kills it if it does not.
func (p *Process) Stop() {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	tree := processTree(p.cmd.Process.Pid)
	signal(tree, syscall.SIGCONT)
	_ = p.cmd.Process.Signal(p.stopSignal) // it may have ended
	select {
	case <-p.exited:
		signal(tree[1:], syscall.SIGTERM)
	case <-time.After(Patience):
		p.t.Logf("%s did not stop within %s", p.name, Patience)
	}
	signal(tree, syscall.SIGKILL)
	p.reap(tree)
}

// Freeze stops it without ending its connections; Thaw has it go on. It returns
// when it has stopped: the signal alone leaves time for an answer.
func (p *Process) Freeze() {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	Freeze(p.t, p.cmd.Process.Pid)
}

// Freeze stops a process and its descendants, and returns when they have stopped.
// SIGCONT has them go on.
func Freeze(t T, pid int) {
	t.Helper()
	tree := processTree(pid)
	signal(tree, syscall.SIGSTOP)
	deadline := time.Now().Add(Patience)
	for _, pid := range tree {
		for !stopped(pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d does not stop", pid)
				return
			}
			time.Sleep(time.Millisecond) // there is no signal for it
		}
	}
}

// Thaw undoes Freeze.
func (p *Process) Thaw() {
	p.t.Helper()
	if p.cmd != nil {
		signal(processTree(p.cmd.Process.Pid), syscall.SIGCONT)
	}
}

// Pid is the process id of the broker, 0 while it does not run.
func (p *Process) Pid() int {
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Tree is the process ids of the broker, with those of all processes below it;
// none while it does not run.
func (p *Process) Tree() []int {
	if p.cmd == nil {
		return nil
	}
	return processTree(p.cmd.Process.Pid)
}

// reap waits until all processes are gone, not only dead: a database takes a
// zombie's id in its lock file for a live server.
func (p *Process) reap(tree []int) {
	deadline := time.Now().Add(Patience)
	<-p.exited
	p.cmd = nil
	for _, pid := range tree {
		for !gone(pid) {
			if time.Now().After(deadline) {
				p.t.Fatalf("%s: process %d does not end", p.name, pid)
				return
			}
			time.Sleep(5 * time.Millisecond) // there is no signal for a process that is not our child
		}
	}
}

func (p *Process) end() {
	if p.cmd != nil {
		p.Kill()
	}
}

// tempDir makes a folder that every account can enter, which a test's own cannot
// be, and removes it with the test.
func tempDir(t T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "broker-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatalf("make a folder: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Logf("a broker's folder is left: %v", err)
		}
	})
	return dir
}

func (p *Process) log() string { return filepath.Join(p.Dir, "server.log") }

// LogTail is the end of the broker's log.
func (p *Process) LogTail() string {
	const lines = 30
	text, err := os.ReadFile(p.log())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// write writes a configuration file and returns its path.
func (p *Process) write(name, content string) string {
	p.t.Helper()
	path := filepath.Join(p.Dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600), p.account.own(path)); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return path
}

// mkdir makes a folder below Dir and returns its path.
func (p *Process) mkdir(name string) string {
	p.t.Helper()
	path := filepath.Join(p.Dir, name)
	if err := errors.Join(os.MkdirAll(path, 0o700), p.account.own(path)); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return path
}

// runAs has the broker run as another user if this process is root.
func (p *Process) runAs(name string) {
	p.t.Helper()
	var err error
	if p.account, err = unprivileged(name); err == nil {
		err = p.account.own(p.Dir)
	}
	if err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// run runs a program to its end, as the broker's user.
func (p *Process) run(cmd *exec.Cmd) {
	p.t.Helper()
	cmd.SysProcAttr = p.account.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %s: %v\n%s", p.name, cmd, err, out)
	}
}
