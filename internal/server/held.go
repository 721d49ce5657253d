package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// maxHeldBytes is what of an answer is kept back at most: a head of a few
	// hundred bytes and the largest object that the store keeps inline.
	maxHeldBytes = 40 << 10
	// lastWriteTimeout bounds the write of a held answer to a connection that is
	// being closed, so that a client which takes nothing delays no stop.
	lastWriteTimeout = 5 * time.Second
)

// heldListener accepts connections that can hold an answer.
type heldListener struct {
	net.Listener
	buffers sync.Pool // of *[]byte: only an answer under way has one
}

func newHeldListener(l net.Listener) *heldListener {
	h := &heldListener{Listener: l}
	h.buffers.New = func() any {
		b := make([]byte, 0, maxHeldBytes)
		return &b
	}
	return h
}

// Accept implements net.Listener.
func (l *heldListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &heldConn{Conn: c, buffers: &l.buffers}, nil
}

// heldConn is a connection that can hold an answer until it is whole. net/http
// writes through a buffer of 4 KiB whose size cannot be set, so that an answer
// of 4 KiB and its head are two system calls, and wake the client twice. After
// hold, writes are kept until release, or until they are too many.
//
// One goroutine writes; another may close.
type heldConn struct {
	net.Conn
	buffers *sync.Pool
	mu      sync.Mutex // of the fields below
	holding bool
	held    *[]byte // nil if nothing is held
}

// hold keeps back what is written from here on.
func (c *heldConn) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = true
}

// Write implements io.Writer. What is held counts as written; release closes
// the connection if that turns out wrong.
func (c *heldConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holding && c.keep(p) {
		return len(p), nil
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// keep reports whether there was room.
func (c *heldConn) keep(p []byte) bool {
	if c.held == nil {
		c.held = c.buffers.Get().(*[]byte)
	}
	if len(*c.held)+len(p) > maxHeldBytes {
		return false
	}
	*c.held = append(*c.held, p...)
	return true
}

// flush ends the holding and writes what was held.
func (c *heldConn) flush() error {
	c.holding = false
	if c.held == nil {
		return nil
	}
	_, err := c.Conn.Write(*c.held)
	*c.held = (*c.held)[:0]
	c.buffers.Put(c.held)
	c.held = nil
	return err
}

// release writes what was held. If that fails the connection is closed, since
// net/http takes the answer for written.
func (c *heldConn) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flush() != nil {
		_ = c.Conn.Close() // the client is gone: nobody is left to be told
	}
}

// Close implements net.Conn: an answer that is held goes out before.
func (c *heldConn) Close() error {
	// Where the lock is taken a write is under way, which this ends.
	if c.mu.TryLock() {
		defer c.mu.Unlock()
		if c.held != nil {
			_ = c.Conn.SetWriteDeadline(time.Now().Add(lastWriteTimeout)) // fails if it is closed
			_ = c.flush()                                                 // the client is gone
		}
	}
	return c.Conn.Close()
}

// CloseWrite is what net/http calls before it closes a connection that the
// client is still sending on.
func (c *heldConn) CloseWrite() error {
	c.release()
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// heldOf is the connection below c, which may be a TLS connection; nil if it is
// none that can hold.
func heldOf(c net.Conn) *heldConn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	held, _ := c.(*heldConn)
	return held
}

// releaseHeld is for a http.Server's ConnState: an answer is whole once its
// connection waits for the next request.
func releaseHeld(c net.Conn, state http.ConnState) {
	if state != http.StateIdle {
		return
	}
	if held := heldOf(c); held != nil {
		held.release()
	}
}

type heldKey struct{}

// withHeld is a http.Server's ConnContext.
func withHeld(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, heldKey{}, heldOf(c))
}

// holdAnswer holds the answer to the HTTP/1 request whose context is given,
// until the handler and net/http have written all of it.
func holdAnswer(ctx context.Context) {
	if c, _ := ctx.Value(heldKey{}).(*heldConn); c != nil {
		c.hold()
	}
}
