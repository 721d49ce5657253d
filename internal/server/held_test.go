package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// countedListener counts the writes to all of its connections.
type countedListener struct {
	net.Listener
	writes atomic.Int64
}

func (l *countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countedConn{Conn: c, writes: &l.writes}, nil
}

type countedConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// startHeld serves handler as serve does, and returns what counts its writes.
func startHeld(t *testing.T, secure bool, handler http.HandlerFunc) (*httptest.Server, *countedListener) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	counted := &countedListener{Listener: s.Listener}
	s.Listener = newHeldListener(counted)
	s.Config.ConnState = releaseHeld
	s.Config.ConnContext = withHeld
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, counted
}

func answerOf(size int) []byte { return bytes.Repeat([]byte("carillon"), size/8) }

func TestHeldAnswers(t *testing.T) {
	t.Parallel()
	s, counted := startHeld(t, false, func(w http.ResponseWriter, r *http.Request) {
		var size int
		_, _ = fmt.Sscanf(r.URL.Query().Get("size"), "%d", &size)
		if r.URL.Query().Has("hold") {
			holdAnswer(r.Context())
		}
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = w.Write(answerOf(size))
	})
	for _, test := range []struct {
		name   string
		query  string
		size   int
		writes int64 // 0: any number
	}{
		{"not held", "", 4096, 2},
		{"held", "hold", 4096, 1},
		{"held, empty", "hold", 0, 1},
		{"held, largest inline", "hold", 32 << 10, 1},
		{"held, too much", "hold", 1 << 20, 0},
		{"not held after all these", "", 4096, 2},
	} {
		before := counted.writes.Load()
		resp, err := s.Client().Get(fmt.Sprintf("%s/?size=%d&%s", s.URL, test.size, test.query))
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !bytes.Equal(got, answerOf(test.size)) {
			t.Errorf("%s: got %d bytes, error %v", test.name, len(got), err)
		}
		if n := counted.writes.Load() - before; test.writes != 0 && n != test.writes {
			t.Errorf("%s: %d writes, want %d", test.name, n, test.writes)
		}
	}
}

// TestHeldAnswersEndWithTheirConnection asks for what net/http answers by
// closing: what is held must have left before.
func TestHeldAnswersEndWithTheirConnection(t *testing.T) {
	t.Parallel()
	s, _ := startHeld(t, false, func(w http.ResponseWriter, r *http.Request) {
		holdAnswer(r.Context())
		_, _ = w.Write(answerOf(8192))
		if r.URL.Path == "/abort" {
			panic(http.ErrAbortHandler)
		}
	})
	for _, test := range []struct {
		name, request string
		whole         bool
	}{
		{"asked to close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", true},
		{"two at once", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true},
		{"body left unread", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n" + strings.Repeat("x", 1<<20), true},
		{"aborted", "GET /abort HTTP/1.1\r\nHost: a\r\n\r\n", false},
	} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, test.request); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got, _ := io.ReadAll(c) // may end with a reset after the answer
		_ = c.Close()
		want := strings.Count(test.request, "HTTP/1.") * 8192
		if n := bytes.Count(got, []byte("carillon")) * 8; n != want && test.whole {
			t.Errorf("%s: %d bytes of %d came", test.name, n, want)
		}
		if !test.whole && bytes.HasSuffix(got, []byte("\r\n0\r\n\r\n")) {
			t.Errorf("%s: the client takes the answer for whole", test.name)
		}
	}
}

func TestHeldAnswersOverTLS(t *testing.T) {
	t.Parallel()
	s, counted := startHeld(t, true, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			holdAnswer(r.Context())
		}
		w.Header().Set("Content-Length", "8192")
		_, _ = w.Write(answerOf(8192))
	})
	for _, path := range []string{"/", "/hold"} { // the first makes the connection
		before := counted.writes.Load()
		resp, err := s.Client().Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !bytes.Equal(got, answerOf(8192)) {
			t.Errorf("%s: got %d bytes, error %v", path, len(got), err)
		}
		if n := counted.writes.Load() - before; path == "/hold" && n != 1 {
			t.Errorf("held: %d writes", n)
		}
	}
}

// TestCloseDoesNotWaitForAWrite closes a connection whose client takes nothing.
func TestCloseDoesNotWaitForAWrite(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe() // a write waits for its reader
	defer func() { _ = theirs.Close() }()
	c := &heldConn{Conn: ours, buffers: &newHeldListener(nil).buffers}
	written := make(chan error)
	go func() {
		_, err := c.Write(answerOf(8))
		written <- err
	}()
	var one [1]byte
	if _, err := theirs.Read(one[:]); err != nil { // the write is under way
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-written; err == nil {
		t.Error("the write did not end with an error")
	}
}

func TestHeldOf(t *testing.T) {
	t.Parallel()
	held := &heldConn{}
	for _, test := range []struct {
		name string
		conn net.Conn
		want *heldConn
	}{
		{"held", held, held},
		{"below TLS", tls.Server(held, &tls.Config{}), held}, //nolint:gosec // says nothing
		{"none", &countedConn{}, nil},
	} {
		if got := heldOf(test.conn); got != test.want {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
	holdAnswer(context.Background()) // outside of a connection: nothing to hold
}
