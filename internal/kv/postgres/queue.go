package postgres

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// States of a request. It leaves waiting once: for taken when the committer
// starts on it, for cancelled when its context ends first.
const (
	waiting uint32 = iota
	taken
	cancelled
)

// request is one batch on its way through the committer.
type request struct {
	batch   *kv.Batch
	bytes   int
	relaxed bool
	since   time.Time // when it was handed over
	state   atomic.Uint32
	// Of a relaxed one, who wants to know; of the others, answer gets the
	// outcome.
	done   func([]kv.Position, error)
	answer chan outcome
}

type outcome struct {
	positions []kv.Position
	err       error
}

// move changes the state, and reports false if another has been faster.
func (r *request) move(from, to uint32) bool { return r.state.CompareAndSwap(from, to) }

// queue is what waits for the committer, in the order of commit.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	strict  int // how many of them somebody waits for
	closed  bool

	wake chan struct{} // holds a value when the committer should look
}

// push reports false once the queue is closed.
func (q *queue) push(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.waiting = append(q.waiting, r)
	if !r.relaxed {
		q.strict++
	}
	// The committer sleeps over relaxed batches only, until the first is due
	// or there are many.
	if !r.relaxed || len(q.waiting) == 1 || len(q.waiting) >= groupRequests {
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
	defer q.mu.Unlock()
	q.closed = true
	q.rouse()
}

// take returns the next group. If none is due, it returns how long to wait for
// one; 0 for as long as it takes. ended says that the queue is closed and empty.
func (q *queue) take() (group []*request, wait time.Duration, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
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
		n++
	}
	return q.remove(n), 0, false
}

// drained reports whether the queue is closed and empty.
func (q *queue) drained() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && len(q.waiting) == 0
}

// takeOlder returns what has been waiting for longer than age.
func (q *queue) takeOlder(age time.Duration) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.waiting) && time.Since(q.waiting[n].since) > age {
		n++
	}
	return q.remove(n)
}

func (q *queue) remove(n int) []*request {
	group := append([]*request(nil), q.waiting[:n]...)
	for _, r := range group {
		if !r.relaxed {
			q.strict--
		}
	}
	rest := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[rest:])
	q.waiting = q.waiting[:rest]
	return group
}
