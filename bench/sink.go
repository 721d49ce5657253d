package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stallTimeout ends the wait for events when none has come for so long. It is
	// above the pause that servers make before they try a target again.
	stallTimeout = 30 * time.Second
	// sinkPoll is how often the wait looks; it does not enter any figure.
	sinkPoll = 20 * time.Millisecond
)

// sink is a webhook receiver. It notes when it first saw each event, by target
// (the request's path) and by the object's number (the end of its key).
type sink struct {
	address string
	server  *http.Server
	served  chan struct{} // closed when server has let go of its listener
	delay   atomic.Int64  // before it answers, in nanoseconds

	mu      sync.Mutex
	base    int                 // lowest number watched
	arrived []map[int]time.Time // by target, then number
	seen    int
	first   time.Time
	last    time.Time
}

func newSink(ctx context.Context) (*sink, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	s := &sink{address: address}
	s.watch(0, 0)
	return s, s.open(ctx, 0)
}

// open makes the receiver reachable; it answers each request after delay.
func (s *sink) open(ctx context.Context, delay time.Duration) error {
	s.delay.Store(int64(delay))
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		_ = s.server.Serve(l) // ends when it is closed
	}()
	return nil
}

// close refuses connections from here on and drops the open ones.
func (s *sink) close() {
	_ = s.server.Close()
	<-s.served
}

// watch forgets what came so far and watches for events of that many targets,
// for objects numbered from base.
func (s *sink) watch(targets, base int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base, s.seen, s.arrived = base, 0, make([]map[int]time.Time, targets)
	for i := range s.arrived {
		s.arrived[i] = map[int]time.Time{}
	}
	s.first, s.last = time.Time{}, time.Time{}
}

// ServeHTTP takes one delivery.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the connection is gone
	}
	now := time.Now()
	target, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	for {
		var key []byte
		_, body, _ = bytes.Cut(body, []byte(`"Key":"`))
		if key, body, _ = bytes.Cut(body, []byte(`"`)); len(key) == 0 {
			break
		}
		if n, err := strconv.Atoi(path.Base(string(key))); err == nil {
			s.note(target, n, now)
		}
	}
	time.Sleep(time.Duration(s.delay.Load()))
	w.WriteHeader(http.StatusOK)
}

func (s *sink) note(target, n int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if target >= len(s.arrived) || n < s.base {
		return
	}
	if _, again := s.arrived[target][n]; again {
		return
	}
	s.arrived[target][n] = now
	if s.seen == 0 {
		s.first = now
	}
	s.last = now
	s.seen++
}

// await waits until so many events have come, or none comes any more.
func (s *sink) await(ctx context.Context, events int) error {
	progress, before := time.Now(), -1
	for {
		s.mu.Lock()
		seen := s.seen
		s.mu.Unlock()
		if seen > before {
			progress, before = time.Now(), seen
		}
		if seen >= events || time.Since(progress) > stallTimeout {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(sinkPoll):
		}
	}
}
