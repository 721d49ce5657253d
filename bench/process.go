package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
	// startPause is between two attempts to reach a server that starts.
	startPause = 50 * time.Millisecond
	// clockTicks is USER_HZ, the unit of the times in /proc/PID/stat (proc(5));
	// it is 100 on every Linux that Go runs on.
	clockTicks = 100
	// logTail is how much of a failed server's output an error shows.
	logTail = 1500
)

// subject is a server that the benchmark can start.
type subject struct {
	name string
	argv func(address, console, dir string) []string
	// queueDir gives its targets a queue_dir: without one it keeps events in
	// memory only.
	queueDir bool
	// floor only answers and stores nothing: it has no events and no lists.
	floor bool
	// syncs marks a floor that only has something to say about writes.
	syncs bool
	// profiled says that it was built with profileSource.
	profiled bool
}

// s3Server is a subject started as MinIO is.
func s3Server(name, program string) subject {
	return subject{name: name, argv: func(address, console, dir string) []string {
		return []string{program, "server", "--address", address, "--console-address", console, dir}
	}}
}

// process is a running server.
type process struct {
	address string
	cmd     *exec.Cmd
	cancel  context.CancelFunc
	exited  chan struct{}
	logName string
	// profiled is where its profiles are; empty if it has none.
	profiled string
}

// start starts the server on dir, with env added to its environment, and waits
// until it has made the bucket. It runs until stop, or until ctx ends.
func (s subject) start(ctx context.Context, dir string, env []string) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	console, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	argv := s.argv(address, console, dir)
	p := &process{address: address, exited: make(chan struct{}), logName: filepath.Clean(dir) + ".log"}
	output, err := os.Create(p.logName)
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }()
	running, cancel := context.WithCancel(ctx)
	p.cancel = cancel
	p.cmd = exec.CommandContext(running, argv[0], argv[1:]...)
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopTimeout // then it is killed
	p.cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+accessKey, "MINIO_ROOT_PASSWORD="+secretKey)
	p.cmd.Env = append(p.cmd.Env, env...)
	if s.profiled {
		if p.profiled, err = freeAddress(ctx); err != nil {
			cancel()
			return nil, err
		}
		p.cmd.Env = append(p.cmd.Env, profileEnv+"="+p.profiled)
	}
	p.cmd.Stdout, p.cmd.Stderr = output, output
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	if err := p.makeBucket(ctx, bucket); err != nil {
		p.stop()
		return nil, fmt.Errorf("start %s: %w\n%s", s.name, err, p.tail())
	}
	return p, nil
}

// makeBucket makes the bucket, and again until the server answers.
func (p *process) makeBucket(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	c := newClient(p.address)
	defer c.close()
	for {
		err := c.do(&request{method: "PUT", path: "/" + name, hash: hashOf(nil)})
		if err == nil || strings.Contains(err.Error(), "BucketAlreadyOwnedByYou") {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-p.exited:
			return errors.New("the server ended")
		case <-time.After(startPause):
		}
	}
}

// stop ends the process, politely first, and waits for it.
func (p *process) stop() {
	p.cancel()
	<-p.exited
}

// cpu is the processor time that the server has used so far; 0 where the
// system does not tell.
func (p *process) cpu() time.Duration { return cpuOf(p.cmd.Process.Pid, false) }

// cpuOf is the processor time that a process has used so far, with that of the
// children for which it has waited, if so asked; 0 where the system does not
// tell.
func cpuOf(pid int, children bool) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The second field is a name in brackets and may hold anything.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 15 {
		return 0
	}
	times := fields[11:13] // in user and in system mode
	if children {
		times = fields[11:15]
	}
	var ticks time.Duration
	for _, text := range times {
		n, _ := strconv.ParseInt(text, 10, 64)
		ticks += time.Duration(n)
	}
	return ticks * time.Second / clockTicks
}

func (p *process) tail() string {
	text, _ := os.ReadFile(p.logName)
	return string(text[max(0, len(text)-logTail):])
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
