package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

// goodbye bounds the polite end of an idle connection.
const goodbye = time.Second

// pool keeps the connections that are not in use. It starts no goroutines; a
// connection is made when one is needed, and dropped after any failure.
type pool struct {
	conf *pgx.ConnConfig
	env  target.Env
	// slots holds one token for each connection that may be open.
	slots chan struct{}

	mu     sync.Mutex
	idle   []*connection
	closed bool
}

// connection is a connection in the hands of one Send.
type connection struct {
	conn *pgx.Conn
	dial *onceDialer
	// prepared says that the table was found or made.
	prepared bool
	// oid is that of the table, columns whether it takes the event's id.
	oid    uint32
	withID bool
}

func newPool(conf *pgx.ConnConfig, env target.Env, size int) *pool {
	trustRoots(conf, env)
	return &pool{conf: conf, env: env, slots: make(chan struct{}, size)}
}

// trustRoots has TLS trust the server's roots where no sslrootcert is given.
func trustRoots(conf *pgx.ConnConfig, env target.Env) {
	if conf.TLSConfig != nil && conf.TLSConfig.RootCAs == nil {
		conf.TLSConfig.RootCAs = env.RootCAs
	}
	for _, f := range conf.Fallbacks {
		if f.TLSConfig != nil && f.TLSConfig.RootCAs == nil {
			f.TLSConfig.RootCAs = env.RootCAs
		}
	}
}

// get takes an idle connection or makes one. It waits while too many are open.
func (p *pool) get(ctx context.Context) (*connection, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for one of max_open_connections: %w", ctx.Err())
	}
	c, err := p.take(ctx)
	if err != nil {
		<-p.slots
		return nil, p.clean(err)
	}
	return c, nil
}

func (p *pool) take(ctx context.Context) (*connection, error) {
	for {
		c, err := p.takeIdle()
		if err != nil {
			return nil, err
		}
		if c == nil {
			return p.connect(ctx)
		}
		if c.conn.Ping(ctx) == nil {
			return c, nil
		}
		c.drop() // the server ended it meanwhile
	}
}

// takeIdle returns nil if no connection is idle.
func (p *pool) takeIdle() (*connection, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	n := len(p.idle)
	if n == 0 {
		return nil, nil //nolint:nilnil // that is no error
	}
	c := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return c, nil
}

func (p *pool) connect(ctx context.Context) (*connection, error) {
	dial := &onceDialer{dialer: p.env.Dialer()}
	conf := p.conf.Copy()
	conf.DialFunc = dial.dial
	conn, err := pgx.ConnectConfig(ctx, conf)
	if err != nil {
		return nil, err
	}
	dial.done = true
	return &connection{conn: conn, dial: dial}, nil
}

// put takes a connection back. After an error other than a refusal of data it
// is dropped: what it still does is unknown.
func (p *pool) put(c *connection, err error) {
	defer func() { <-p.slots }()
	p.mu.Lock()
	keep := sqltable.Settled(err) && !p.closed && !c.conn.IsClosed()
	if keep {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		c.drop()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		_ = c.conn.Close(ctx) // nothing is under way on it
		cancel()
		c.drop()
	}
}

// drop closes the socket from under the library, which else would try for some
// seconds to cancel what runs.
func (c *connection) drop() {
	_ = c.dial.socket.Close() // it may be closed
	_ = c.conn.Close(context.Background())
	<-c.conn.PgConn().CleanupDone()
}

// clean takes the password out of errors that others wrote.
func (p *pool) clean(err error) error { return sqltable.Clean(err, p.conf.Password) }

// onceDialer makes one connection, perhaps after failed attempts at others. Then
// it refuses: the library would dial to cancel a statement, which takes as long
// as a server that hangs.
type onceDialer struct {
	dialer *net.Dialer
	socket net.Conn
	done   bool
}

var errNoCancel = errors.New("statements are not cancelled, their connection is closed")

func (d *onceDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if d.done {
		return nil, errNoCancel
	}
	c, err := d.dialer.DialContext(ctx, network, address)
	if err == nil {
		d.socket = c
	}
	return c, err
}
