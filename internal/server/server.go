// Package server wires the parts of Carillon together and gives them a life: it
// opens the store, serves, and drains. It holds no logic of its own beyond that
// and the settings of the process.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
)

// Reasons for Run to return; use errors.Is.
var (
	// ErrUsage says that the server was called or set up wrongly.
	ErrUsage = errors.New("not started")
	// ErrStoreFailed says that the store gave a final error; nothing that was
	// acknowledged is lost.
	ErrStoreFailed = errors.New("the store failed")
	// ErrRestart says that an operator asked for a restart: everything is
	// closed, and the caller starts the program again.
	ErrRestart = errors.New("restart was asked for")
)

const (
	// readHeaderTimeout bounds how long a connection may take to send a header.
	readHeaderTimeout = 30 * time.Second
	// idleTimeout is how long a connection may stay without a request.
	idleTimeout = 2 * time.Minute
)

// Config says what to serve, and where.
type Config struct {
	// Address is host:port or :port.
	Address string
	// Folders must be one.
	Folders []string
	// ShutdownTimeout bounds how long a stop waits for what is under way.
	ShutdownTimeout time.Duration
	// Environ is the process's environment, as os.Environ gives it.
	Environ []string
	// CertsDir is the folder of certificates. Empty: what the environment says,
	// or what is found below Home.
	CertsDir, Home string
	// Reload, if not nil, has the certificates read again at once.
	Reload <-chan os.Signal
	// Stdout gets the banner. Terminal says that a person reads it.
	Stdout   io.Writer
	Terminal bool
	Logger   *slog.Logger
}

// Run serves until ctx ends, an operator stops or restarts it, or the store
// fails. It returns once everything is drained and closed: nil after a stop.
func Run(ctx context.Context, c Config) (err error) {
	set, err := newSettings(c)
	if err != nil {
		return err
	}
	tuneMemory(set.env)
	// Listen before the store is opened, so that a taken port is found at once.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	site, err := openSite(ctx, set, listener.Addr(), c.Logger)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, site.close()) }()
	banner(c, set, site, listener.Addr())
	return site.serve(ctx, listener, c)
}

// serve answers requests until there is a reason to stop, then drains.
func (s *site) serve(ctx context.Context, listener net.Listener, c Config) error {
	unused := newUnusedConns()
	server := &http.Server{
		ConnState: func(c net.Conn, state http.ConnState) {
			unused.track(c, state)
			releaseHeld(c, state)
		},
		ConnContext:       withHeld,
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    s3api.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	held := newHeldListener(listener)
	served := make(chan error, 1)
	if s.set.certs.Serves() {
		server.TLSConfig = s.set.certs.TLS()
		go func() { served <- server.ServeTLS(held, "", "") }()
	} else {
		go func() { served <- server.Serve(held) }()
	}

	work, endWork := context.WithCancel(context.WithoutCancel(ctx))
	defer endWork()
	s.startBackground(work, c.Reload)

	var reason error
	select {
	case <-ctx.Done():
		s.log.Info("stopping: told by a signal")
	case reason = <-s.stops:
		s.log.Info("stopping: told by an operator", "restart", errors.Is(reason, ErrRestart))
	case <-s.store.Failed():
		reason = fmt.Errorf("%w: %w", ErrStoreFailed, s.store.Err())
		s.log.Error("the store failed; nothing is served any more", "err", s.store.Err())
	case err := <-served:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	endWork()
	return errors.Join(reason, s.drain(server, unused, c.ShutdownTimeout))
}

// drain finishes the requests and deliveries under way, within the bound.
func (s *site) drain(server *http.Server, unused *unusedConns, bound time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	close(s.draining) // ends the listeners, which would never end by themselves
	unused.close()
	err := server.Shutdown(ctx)
	if err != nil {
		s.log.Warn("requests were still under way and are cut off", "after", bound)
		err = server.Close()
	}
	s.accessLog.Flush(ctx)
	if left := s.dispatcher.Close(ctx); left != nil {
		s.log.Warn("deliveries were still under way; they will be repeated", "after", bound)
	}
	s.background.Wait()
	return err
}
