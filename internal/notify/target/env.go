package target

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
)

// dialTimeout bounds the making of one connection.
const dialTimeout = 5 * time.Second

// Env is what the server lends to a target, so that kinds need no globals. The
// zero Env works: no logs, the system's roots, every destination allowed.
type Env struct {
	// ID names the target, for the names that a broker shows of its clients.
	ID event.TargetID
	// Logger must not be used for failures of Send or Check: those are returned.
	Logger *slog.Logger
	// RootCAs are trusted for TLS; nil means the system's roots.
	RootCAs *x509.CertPool
	// Allow says whether a connection to an address may be made; nil allows
	// all. It sees addresses after name resolution, so that a name cannot be
	// pointed elsewhere once it was checked.
	Allow func(netip.AddrPort) error
	// UserAgent names the server and its version to destinations that ask.
	UserAgent string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Log returns the logger, never nil.
func (e Env) Log() *slog.Logger {
	if e.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Logger
}

// Time returns the time of the clock.
func (e Env) Time() time.Time {
	if e.Now == nil {
		return time.Now()
	}
	return e.Now()
}

// Dialer returns a dialer that obeys Allow. All connections of a target are
// made with it.
func (e Env) Dialer() *net.Dialer {
	d := &net.Dialer{Timeout: dialTimeout}
	if e.Allow != nil {
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("destination %q is not an address: %w", address, err)
			}
			return e.Allow(netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()))
		}
	}
	return d
}

// TLS returns a client configuration with RootCAs and today's minimum version.
func (e Env) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: e.RootCAs}
}

// AllowOnly returns an Allow that admits the addresses within prefixes and
// refuses all others. Loopback (127.0.0.0/8, ::1/128) and the metadata services
// of clouds (169.254.169.254, fd00:ec2::254) are as any other address: they are
// refused unless a prefix holds them.
func AllowOnly(prefixes []netip.Prefix) func(netip.AddrPort) error {
	return func(ap netip.AddrPort) error {
		for _, p := range prefixes {
			if p.Contains(ap.Addr()) {
				return nil
			}
		}
		return fmt.Errorf("destination %s is not among the allowed networks", ap)
	}
}
