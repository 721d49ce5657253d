package memory

import (
	"sync"

	"github.com/carillon-s3/carillon/internal/kv"
)

// watcher is one Watch. mu is held during a call, so that stop waits for it.
type watcher struct {
	mu sync.Mutex
	fn func([]kv.Head) // nil once stopped
}

// Watch implements kv.Store.
func (s *Store) Watch(fn func(heads []kv.Head)) (stop func()) {
	w := &watcher{fn: fn}
	s.mu.Lock()
	s.watchers[w] = struct{}{}
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		delete(s.watchers, w)
		s.mu.Unlock()
		w.mu.Lock()
		w.fn = nil
		w.mu.Unlock()
	}
}

// tell calls the watchers with the heads that positions moved.
func (s *Store) tell(positions []kv.Position) {
	if len(positions) == 0 {
		return
	}
	s.mu.Lock()
	watchers := make([]*watcher, 0, len(s.watchers))
	for w := range s.watchers {
		watchers = append(watchers, w)
	}
	s.mu.Unlock()
	for _, w := range watchers {
		w.mu.Lock()
		if w.fn != nil {
			w.fn(newHeads(positions))
		}
		w.mu.Unlock()
	}
}

// newHeads keeps the last position of each log.
func newHeads(positions []kv.Position) []kv.Head {
	var heads []kv.Head
	for i, p := range positions {
		last := true
		for _, later := range positions[i+1:] {
			last = last && later.Log != p.Log
		}
		if last {
			heads = append(heads, p)
		}
	}
	return heads
}
