package server

import (
	"net"
	"net/http"
	"sync"
)

// unusedConns are the connections over which no request has come. A graceful
// stop gives such a connection five seconds to send its first; clients that open
// connections ahead of need would make every stop last that long.
type unusedConns struct {
	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	closing bool
}

func newUnusedConns() *unusedConns { return &unusedConns{conns: make(map[net.Conn]struct{})} }

// track is a http.Server's ConnState.
func (u *unusedConns) track(c net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(u.conns, c)
	case u.closing:
		_ = c.Close() // nothing was said over it
	default:
		u.conns[c] = struct{}{}
	}
}

// close closes them, and those still to come.
func (u *unusedConns) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closing = true
	for c := range u.conns {
		_ = c.Close() // nothing was said over it
	}
}
