package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	natsgo "github.com/nats-io/nats.go"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// connector makes sessions.
type connector struct {
	settings *Settings
	env      target.Env
	tls      *tls.Config
	auth     []natsgo.Option
}

func newConnector(s *Settings, env target.Env) (*connector, error) {
	conf, err := s.tls(env)
	if err != nil {
		return nil, err
	}
	c := &connector{settings: s, env: env, tls: conf}
	if s.Username != "" {
		c.auth = append(c.auth, natsgo.UserInfo(s.Username, s.Password.Reveal()))
	}
	if s.Token != "" {
		c.auth = append(c.auth, natsgo.Token(s.Token.Reveal()))
	}
	if s.NKeySeed != "" {
		nkey, err := natsgo.NkeyOptionFromSeed(s.NKeySeed)
		if err != nil {
			return nil, fmt.Errorf("nkey_seed: %w", err)
		}
		c.auth = append(c.auth, nkey)
	}
	if s.UserCredentials != "" {
		if _, err := os.Stat(s.UserCredentials); err != nil {
			return nil, fmt.Errorf("user_credentials: %w", err)
		}
		c.auth = append(c.auth, natsgo.UserCredentials(s.UserCredentials))
	}
	return c, nil
}

// connect opens a session of the kind that the settings ask for.
func (c *connector) connect(ctx context.Context) (session, error) {
	l, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case c.settings.JetStream:
		return newJetStream(l, c.settings.Subject)
	case c.settings.Streaming:
		return newStreaming(ctx, l, c.settings)
	}
	return &core{l, c.settings.Subject}, nil
}

// link is one connection.
type link struct {
	nc     *natsgo.Conn
	socket *socket

	lost chan struct{} // closed by fail
	once sync.Once
	err  error // why it was lost
}

// dial connects and authenticates. What the library does by itself to come back
// is switched off.
func (c *connector) dial(ctx context.Context) (*link, error) {
	l := &link{lost: make(chan struct{}), socket: &socket{ctx: ctx, dialer: c.env.Dialer()}}
	stop := l.endsWith(ctx)
	defer stop()
	options := append([]natsgo.Option{
		natsgo.Name("Carillon"),
		natsgo.NoReconnect(),
		natsgo.IgnoreDiscoveredServers(),
		natsgo.SkipHostLookup(), // the dialer looks it up, and minds the allow-list
		natsgo.SetCustomDialer(l.socket),
		natsgo.Timeout(timeout),
		natsgo.PingInterval(c.settings.PingInterval),
		natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { l.fail(err) }),
		natsgo.ClosedHandler(func(nc *natsgo.Conn) { l.fail(nc.LastError()) }),
		func(o *natsgo.Options) error {
			// Not by the option Secure: a server may ask for TLS without it.
			o.TLSConfig, o.Secure, o.TLSHandshakeFirst = c.tls, c.settings.secure(), c.settings.HandshakeFirst
			return nil
		},
	}, c.auth...)
	var err error
	if l.nc, err = natsgo.Connect("nats://"+c.settings.Address, options...); err != nil {
		l.socket.close()
		return nil, l.socket.cause(err)
	}
	return l, nil
}

// endsWith closes the connection under the library when ctx ends. The library
// itself knows no contexts when it connects and writes.
func (l *link) endsWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		l.fail(context.Cause(ctx))
		l.socket.close()
	})
}

// fail has those who wait for an acknowledgement wait no more.
func (l *link) fail(err error) {
	if err == nil {
		err = errLost
	}
	l.once.Do(func() {
		l.err = err
		close(l.lost)
	})
}

var errLost = errors.New("the connection to the server was lost")

func (l *link) broken() <-chan struct{} { return l.lost }

// close never waits for the server: what matters was acknowledged.
func (l *link) close() {
	l.socket.close()
	l.nc.Close()
}

// socket dials for the library and keeps the connection, to be able to close it.
type socket struct {
	ctx    context.Context //nolint:containedctx // the library's Dial has none
	dialer *net.Dialer

	mu     sync.Mutex
	conn   net.Conn
	err    error
	closed bool
}

// Dial implements natsgo.CustomDialer.
func (s *socket) Dial(network, address string) (net.Conn, error) {
	conn, err := s.dialer.DialContext(s.ctx, network, address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.closed {
		_ = conn.Close() // nothing was sent
		err = net.ErrClosed
	}
	if err != nil {
		s.err = err
		return nil, err
	}
	s.conn = conn
	return conn, nil
}

func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.conn != nil {
		_ = s.conn.Close() // what matters was acknowledged
	}
}

// cause is the dialer's own error if there is one: the library may say only
// that no server can be had.
func (s *socket) cause(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if ended := context.Cause(s.ctx); ended != nil {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}
