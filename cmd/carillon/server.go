package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/carillon-s3/carillon/internal/server"
)

type serverCommand struct {
	Address         string        `default:":9000" help:"Where to answer S3 and admin requests (${default})."`
	ConsoleAddress  string        `default:":9001" help:"Taken for compatibility; there is no web console yet."`
	ShutdownTimeout time.Duration `default:"30s" env:"CARILLON_SHUTDOWN_TIMEOUT" help:"How long a stop waits for requests and deliveries under way (${default})."`
	Folders         []string      `arg:"" optional:"" name:"folder" help:"The folder that holds the data; it is made if it is missing."`
}

// Run serves until the process is told to stop.
func (c *serverCommand) Run(ctx context.Context, p *process) error {
	return server.Run(ctx, server.Config{
		Address:         c.Address,
		Folders:         c.Folders,
		ShutdownTimeout: c.ShutdownTimeout,
		Environ:         p.environ,
		Stdout:          p.stdout,
		Terminal:        isTerminal(p.stdout),
		Logger:          slog.New(slog.NewTextHandler(p.stderr, nil)),
	})
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // a file descriptor fits an int
}
