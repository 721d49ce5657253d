package postgres_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"strings"
	"sync"
	"testing"
)

// fault says what a proxy does to the next commit.
type fault int

const (
	none fault = iota
	// lose cuts the connection before the server gets anything of the commit.
	lose
	// tear cuts it when the server has got half.
	tear
	// swallow cuts it when the server has committed, before the answer.
	swallow
	// delay cuts the client off, and sends the commit to the server when
	// proxy.release is closed.
	delay
	// hold passes on what comes before the first Execute, as a process would
	// that is frozen while it writes, until proxy.release is closed.
	hold
)

// proxy stands between stores and their server, and cuts connections at a
// commit.
type proxy struct {
	net.Listener
	server  string
	release chan struct{}
	// delivered is closed when the server is done with a delayed commit, or has
	// been sent the first part of a held one.
	delivered chan struct{}

	mu    sync.Mutex
	next  fault
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

func newProxy(t testing.TB, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, server: server, release: make(chan struct{}), delivered: make(chan struct{}), conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

// arm chooses what happens to the next commit.
func (p *proxy) arm(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = f
}

// cut cuts all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
}

func (p *proxy) accept() {
	for {
		client, err := p.Accept()
		if err != nil {
			return
		}
		p.keep(client)
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.keep(server)
		p.wg.Go(func() { p.serve(client, server) })
	}
}

// serve passes on what client and server say, until one of them ends.
func (p *proxy) serve(client, server net.Conn) {
	var answers sync.WaitGroup
	defer answers.Wait()
	defer func() { _ = server.Close() }()
	defer func() { _ = client.Close() }()
	swallowed := make(chan struct{})
	answers.Go(func() {
		defer func() { _ = client.Close() }()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			select {
			case <-swallowed:
				if bytes.HasSuffix(buf[:n], []byte("Z\x00\x00\x00\x05I")) {
					return // it is committed
				}
				if err != nil {
					return
				}
				continue
			default:
			}
			_, _ = client.Write(buf[:n]) // fails if the client was cut off
			if err != nil {
				return
			}
		}
	})
	buf := make([]byte, 1<<20)
	for {
		n, err := client.Read(buf)
		data := buf[:n]
		// The first Bind of a commit's trip is for the portal fence.
		if bytes.Contains(data, []byte("fence\x00fence\x00")) {
			switch p.take() {
			case lose:
				return
			case tear:
				_, _ = server.Write(data[:n/2])
				return
			case swallow:
				close(swallowed)
			case delay:
				_ = client.Close()
				<-p.release
				_, _ = server.Write(data)
				_ = server.(*net.TCPConn).CloseWrite()
				answers.Wait() // until the server has closed its side
				close(p.delivered)
				return
			case hold:
				_, _ = server.Write(data[:beforeExecute(data)])
				close(p.delivered)
				<-p.release
				return
			}
		}
		if _, e := server.Write(data); err != nil || e != nil {
			return
		}
	}
}

// beforeExecute is the length of the messages before the first Execute: each is
// a letter and a length that counts all but the letter.
func beforeExecute(data []byte) int {
	n := 0
	for n+5 <= len(data) && data[n] != 'E' {
		n += 1 + int(binary.BigEndian.Uint32(data[n+1:]))
	}
	return n
}

func (p *proxy) take() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.next
	p.next = none
	return f
}

// through is a connection string that leads through the proxy.
func (p *proxy) through(url string) string {
	return strings.Replace(url, p.server, p.Addr().String(), 1)
}
