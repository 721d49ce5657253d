package server

import (
	"sync"
	"time"
)

const (
	// latestShare bounds asking to one part in so many of the time.
	latestShare = 50
	// latestPatience is how long a caller waits for a new answer: a disk that
	// hangs must not hide everything else.
	latestPatience = 500 * time.Millisecond
)

// latest remembers the last answer of something that takes a while. At most one
// question is under way, however many want to know. It may hang, with the disk
// that it reads, and so nobody waits for it at the end: what it asks gives an
// error once it is closed. The zero value asks every time that no question is
// under way. It is safe for concurrent use.
type latest[T any] struct {
	// fresh is how long an answer is good for, at least; set before first use.
	fresh time.Duration

	mu      sync.Mutex
	value   T
	ok      bool
	at      time.Time
	took    time.Duration
	running chan struct{} // closed when the question under way is answered
}

// get returns the last answer, after asking again if that is old. false: the
// last question gave none, or none was answered in time.
func (l *latest[T]) get(ask func() (T, bool)) (T, bool) {
	l.mu.Lock()
	if l.running == nil && (l.at.IsZero() || time.Since(l.at) >= max(l.fresh, latestShare*l.took)) {
		l.running = make(chan struct{})
		go l.ask(ask)
	}
	running := l.running
	l.mu.Unlock()
	if running != nil {
		t := time.NewTimer(latestPatience)
		defer t.Stop()
		select {
		case <-running:
		case <-t.C:
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value, l.ok
}

func (l *latest[T]) ask(ask func() (T, bool)) {
	begun := time.Now()
	value, ok := ask()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value, l.ok = value, ok
	l.at, l.took = time.Now(), time.Since(begun)
	close(l.running)
	l.running = nil
}
