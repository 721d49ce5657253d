package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/carillon-s3/carillon/internal/server"
)

type serverCommand struct {
	Address         string        `default:":9000" help:"Where to answer S3 and admin requests (${default})."`
	ConsoleAddress  string        `default:":9001" help:"Taken for compatibility; there is no web console yet."`
	CertsDir        string        `short:"S" placeholder:"FOLDER" help:"Folder of TLS certificates (public.crt, private.key, CAs/); without it CARILLON_CERTS_DIR, ~/.carillon/certs and ~/.minio/certs are looked at."`
	ShutdownTimeout time.Duration `default:"30s" env:"CARILLON_SHUTDOWN_TIMEOUT" help:"How long a stop waits for requests and deliveries under way (${default})."`
	Folders         []string      `arg:"" optional:"" name:"folder" help:"The folder that holds the data; it is made if it is missing."`
}

// Run serves until the process is told to stop.
func (c *serverCommand) Run(ctx context.Context, p *process) error {
	// A hang-up tells daemons to read their files again.
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	home, _ := os.UserHomeDir() // a service may have none, and then has no folder in it
	return server.Run(ctx, server.Config{
		Address:         c.Address,
		Folders:         c.Folders,
		ShutdownTimeout: c.ShutdownTimeout,
		CertsDir:        c.CertsDir,
		Home:            home,
		Reload:          reload,
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
