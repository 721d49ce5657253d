package pebble

import (
	"slices"
	"sync"

	"github.com/carillon-s3/carillon/internal/kv"
)

// watcher is one Watch. mu is held during a call, so that stop waits for it.
type watcher struct {
	mu sync.Mutex
	fn func([]kv.Head) // nil once stopped
}

type watchers struct {
	mu  sync.Mutex
	all []*watcher // replaced, never changed
}

// Watch implements kv.Store. The committer calls fn: it holds up every commit.
func (s *Store) Watch(fn func(heads []kv.Head)) (stop func()) {
	w := &watcher{fn: fn}
	s.watchers.mu.Lock()
	s.watchers.all = append(slices.Clone(s.watchers.all), w)
	s.watchers.mu.Unlock()
	return func() {
		s.watchers.mu.Lock()
		s.watchers.all = slices.DeleteFunc(slices.Clone(s.watchers.all), func(o *watcher) bool { return o == w })
		s.watchers.mu.Unlock()
		w.mu.Lock()
		w.fn = nil
		w.mu.Unlock()
	}
}

// tell calls every watcher with the heads of the logs that grew.
func (ws *watchers) tell(heads []kv.Head) {
	if len(heads) == 0 {
		return
	}
	ws.mu.Lock()
	all := ws.all
	ws.mu.Unlock()
	for _, w := range all {
		w.mu.Lock()
		if w.fn != nil {
			w.fn(slices.Clone(heads))
		}
		w.mu.Unlock()
	}
}
