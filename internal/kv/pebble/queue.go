package pebble

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// States of a request. It leaves waiting once: for taken when the committer
// starts on it, for cancelled when its context ends first. A taken one is
// answered once, by the committer or, when the store fails, in its stead.
const (
	waiting uint32 = iota
	taken
	cancelled
	answered
)

// request is one batch on its way through the committer.
type request struct {
	batch     *kv.Batch
	bytes     int
	relaxed   bool
	since     time.Time // of a relaxed one: when it was handed over
	state     atomic.Uint32
	positions []kv.Position
	err       error
	// Of a relaxed one, who wants to know; of the others, answer gets a value.
	done   func([]kv.Position, error)
	answer chan struct{}
}

// move changes the state, and reports false if another has been faster.
func (r *request) move(from, to uint32) bool { return r.state.CompareAndSwap(from, to) }

// queue is what waits for the committer, in the order of commit.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	strict  int // how many of them somebody waits for
	closed  bool
	flight  []*request // what the committer is at work on

	wake chan struct{} // holds a value when the committer should look
}

// push reports false once the queue is closed.
func (q *queue) push(r *request) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.waiting = append(q.waiting, r)
	if !r.relaxed {
		q.strict++
	}
	// The committer sleeps over relaxed batches only, until the first is due
	// or there are many.
	rouse := !r.relaxed || len(q.waiting) == 1 || len(q.waiting) >= groupRequests
	q.mu.Unlock()
	if rouse {
		q.rouse()
	}
	return true
}

func (q *queue) rouse() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.rouse()
}

// take moves the next group into flight and returns it. If none is due, it
// returns how long to wait for one; 0 for as long as it takes. ended says that
// the queue is closed and empty.
func (q *queue) take() (group []*request, wait time.Duration, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flight = q.flight[:0]
	if len(q.waiting) == 0 {
		return nil, 0, q.closed
	}
	if q.strict == 0 && !q.closed && len(q.waiting) < groupRequests {
		if wait = relaxedDelay - time.Since(q.waiting[0].since); wait > 0 {
			return nil, wait, false
		}
	}
	n, bytes := 0, 0
	for n < len(q.waiting) && n < groupRequests && (n == 0 || bytes+q.waiting[n].bytes <= groupBytes) {
		bytes += q.waiting[n].bytes
		if !q.waiting[n].relaxed {
			q.strict--
		}
		n++
	}
	q.flight = append(q.flight, q.waiting[:n]...)
	rest := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[rest:])
	q.waiting = q.waiting[:rest]
	return q.flight, 0, false
}

// drain closes the queue and returns what the committer will never answer.
func (q *queue) drain() (flight, rest []*request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	flight = append(flight, q.flight...)
	rest = append(rest, q.waiting...)
	q.waiting = nil
	return flight, rest
}
