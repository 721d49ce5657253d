// Command carillon is an S3-compatible object server whose bucket events are as
// durable as its objects.
//
// Exit codes: 0 done; 1 failed; 2 called wrongly; 3 the store failed while the
// server was running (its disk gave an error), and nothing is served until it
// is started again; 4 done in part, where a command about events says so.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/carillon-s3/carillon/internal/server"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitStoreFailed = 3
	exitPartly      = 4
)

// commands is the command line.
type commands struct {
	Server  serverCommand  `cmd:"" help:"Serve a folder over S3."`
	Ready   readyCommand   `cmd:"" help:"Ask a running server whether it is ready; the exit code says so."`
	Events  eventsCommand  `cmd:"" help:"List, retry, drop, replay and follow the events of a running server."`
	Version versionCommand `cmd:"" help:"Print the version."`
	Help    helpCommand    `cmd:"" hidden:""`
}

func main() {
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process: arguments in, exit code out.
func run(args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	exited := -1
	parser, err := kong.New(&commands{},
		kong.Name("carillon"),
		kong.Description("An S3-compatible object server whose bucket events are as durable as its objects."),
		kong.UsageOnError(), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&process{environ: environ, stdin: stdin, stdout: stdout, stderr: stderr}))
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "carillon:", err)
		return exitFailed
	}
	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:], "--help")
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help was printed
	}
	if err != nil {
		parser.Errorf("%s", err)
		return exitUsage
	}
	return exitCode(parsed.Run(), stderr)
}

func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, server.ErrRestart):
		err = restart()
	}
	_, _ = fmt.Fprintln(stderr, "carillon:", err)
	if errors.Is(err, server.ErrStoreFailed) {
		return exitStoreFailed
	}
	if errors.Is(err, server.ErrUsage) {
		return exitUsage
	}
	if errors.Is(err, errPartly) {
		return exitPartly
	}
	return exitFailed
}

// restart replaces the process by a new one of the same program, arguments and
// environment, keeping its process id. It returns only if that fails.
func restart() error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	return fmt.Errorf("restart: %w", syscall.Exec(program, os.Args, os.Environ()))
}

// process is what a command sees of the process it runs in.
type process struct {
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

type helpCommand struct{}

// Run is never called: run rewrites `help` to `--help`.
func (helpCommand) Run() error { return nil }

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(p *process) error {
	_, err := fmt.Fprintln(p.stdout, "carillon", server.Version())
	return err
}
