// Package pgtest starts a real PostgreSQL server for tests: with the settings of
// one that keeps what it commits, in a folder and on a loopback port of its own.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// superuser is the role that initdb makes; it needs no password.
	superuser = "postgres"
	// Patience is how long a server may take to start or to stop on a machine
	// that is busy with other tests.
	Patience = 60 * time.Second
	// connections that the server takes: suites open many stores at once.
	connections = 300
)

// ErrMissing says that PostgreSQL is not installed.
var ErrMissing = errors.New("there is no PostgreSQL server here: run `test/tools/tools postgres`, which gets or names it")

// Server is a PostgreSQL server. Its methods must not be called at once.
type Server struct {
	dir     string // removed by Close
	bin     string
	address string
	release func()
	account *account
	process *exec.Cmd
	exited  chan struct{}
}

// Start makes a new, empty server and starts it.
func Start() (_ *Server, err error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin}
	if s.account, err = unprivileged(); err != nil {
		return nil, err
	}
	if s.address, s.release, err = freeAddress(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "carillon-postgres-"); err != nil {
		return nil, err
	}
	if err := s.account.own(s.dir); err != nil {
		return nil, err
	}
	out, err := s.command("initdb", "-D", s.data(), "-U", superuser, "-A", "trust",
		"--no-locale", "-E", "UTF8", "--data-checksums", "--no-sync").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s, s.Run()
}

// find returns the folder of the server's programs: of the newest that Debian's
// packages installed, else of the one on PATH.
func find() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", fmt.Errorf("%w (%w)", ErrMissing, err)
	}
	return filepath.Dir(path), nil
}

// version is the number in /usr/lib/postgresql/N/bin/postgres.
func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 is the oldest
	return n
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) log() string { return filepath.Join(s.dir, "log") }

func (s *Server) command(program string, args ...string) *exec.Cmd {
	// It ends by a signal, and with this process.
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = s.account.attributes()
	return cmd
}

// Run starts the server again after Kill or Stop, with more of its settings, and
// waits until it answers.
func (s *Server) Run(settings ...string) error {
	deadline := time.Now().Add(Patience)
	for {
		// What Kill has left running for a moment keeps a new server from
		// starting.
		err := s.run(settings)
		if !errors.Is(err, errEnded) || time.Now().After(deadline) {
			return err
		}
	}
}

var errEnded = errors.New("the server has ended at once")

func (s *Server) run(settings []string) error {
	host, port, _ := strings.Cut(s.address, ":")
	args := []string{"-D", s.data()}
	for _, setting := range append([]string{
		"listen_addresses=" + host,
		"port=" + port,
		"unix_socket_directories=",
		"max_connections=" + strconv.Itoa(connections),
		"shared_buffers=128MB",
		"fsync=on",
		"synchronous_commit=on",
		"full_page_writes=on",
		"autovacuum_naptime=5s",
	}, settings...) {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the server has its own
	cmd := s.command("postgres", args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.process, s.exited = cmd, exited
	go func() {
		_ = cmd.Wait() // how it ended is seen by whoever needs it
		close(exited)
	}()
	return s.await()
}

// await waits until the server answers.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.exited:
			s.process = nil
			text, _ := os.ReadFile(s.log()) // said in vain if missing
			return fmt.Errorf("%w:\n%s", errEnded, text)
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// Address is where the server listens.
func (s *Server) Address() string { return s.address }

// URL is the connection string of its database.
func (s *Server) URL() string { return s.URLAt(s.address) }

// URLAt is URL for a server that is reached at another address.
func (s *Server) URLAt(address string) string {
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Host: address, Path: superuser, RawQuery: "sslmode=disable"}
	return u.String()
}

// Kill ends the server's main process at once, as kill -9 does; its other
// processes notice and end too. It returns when the port is free.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

// Stop ends the server, and all sessions with it.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

func (s *Server) end(signal syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	if err := s.process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.exited:
		s.process = nil
		return nil
	case <-time.After(Patience):
		return fmt.Errorf("process %d does not end", s.process.Process.Pid)
	}
}

// Close ends the server and removes its folder.
func (s *Server) Close() error {
	defer s.release()
	err := s.Stop()
	if s.dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
