package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	// pollEvery is how often the counters are read while somebody watches: how
	// late one process hears of another's commits, for one small query.
	pollEvery = 25 * time.Millisecond
	// pollTimeout bounds one such query.
	pollTimeout = 2 * time.Second
)

// watcher is one Watch. mu is held during a call, so that stop waits for it.
type watcher struct {
	mu sync.Mutex
	fn func([]kv.Head) // nil once stopped
}

// watchers calls all watchers from one goroutine, with the heads that this
// process's own commits report at once, and those that it finds in the database.
type watchers struct {
	heads  func(context.Context) ([]kv.Head, error)
	cancel context.CancelFunc
	ended  sync.WaitGroup
	wake   chan struct{} // holds a value when the goroutine should look

	mu     sync.Mutex
	all    []*watcher // replaced, never changed
	hinted []kv.Head

	told map[kv.LogID]uint64 // sequences; the goroutine's
}

func newWatchers(heads func(context.Context) ([]kv.Head, error)) *watchers {
	ctx, cancel := context.WithCancel(context.Background())
	ws := &watchers{heads: heads, cancel: cancel, wake: make(chan struct{}, 1), told: map[kv.LogID]uint64{}}
	ws.ended.Go(func() { ws.loop(ctx) })
	return ws
}

func (ws *watchers) close() {
	ws.cancel()
	ws.ended.Wait()
}

// Watch implements kv.Store. fn is also told, at first, of the heads of logs
// that the process has not heard of yet.
func (s *Store) Watch(fn func(heads []kv.Head)) (stop func()) {
	w := &watcher{fn: fn}
	ws := s.watchers
	ws.mu.Lock()
	ws.all = append(slices.Clone(ws.all), w)
	ws.mu.Unlock()
	ws.rouse()
	return func() {
		ws.mu.Lock()
		ws.all = slices.DeleteFunc(slices.Clone(ws.all), func(o *watcher) bool { return o == w })
		ws.mu.Unlock()
		w.mu.Lock()
		w.fn = nil
		w.mu.Unlock()
	}
}

// hint reports heads of a commit of this process. Since a counter is held until
// its commit is durable, all records before such a head are durable too.
func (ws *watchers) hint(heads []kv.Head) {
	if len(heads) == 0 {
		return
	}
	ws.mu.Lock()
	watched := len(ws.all) > 0
	if watched {
		ws.hinted = append(ws.hinted, heads...)
	}
	ws.mu.Unlock()
	if watched {
		ws.rouse()
	}
}

func (ws *watchers) rouse() {
	select {
	case ws.wake <- struct{}{}:
	default:
	}
}

// loop sleeps while nobody watches.
func (ws *watchers) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ws.wake:
			ws.tellHinted()
			continue
		case <-timer.C:
		}
		if !ws.watched() {
			select {
			case <-ctx.Done():
				return
			case <-ws.wake:
			}
		}
		ws.poll(ctx)
		timer.Reset(pollEvery)
	}
}

func (ws *watchers) watched() bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.all) > 0
}

func (ws *watchers) tellHinted() {
	ws.mu.Lock()
	heads := ws.hinted
	ws.hinted = nil
	ws.mu.Unlock()
	ws.tell(heads)
}

// poll reads the counters. A failure only makes the news later.
func (ws *watchers) poll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	if heads, err := ws.heads(ctx); err == nil {
		ws.tell(heads)
	}
}

// tell calls every watcher with the heads that are news.
func (ws *watchers) tell(heads []kv.Head) {
	newest := map[kv.LogID]kv.Head{}
	for _, h := range heads {
		if h.Sequence > ws.told[h.Log] {
			ws.told[h.Log] = h.Sequence
			newest[h.Log] = h
		}
	}
	if len(newest) == 0 {
		return
	}
	grown := make([]kv.Head, 0, len(newest))
	for _, h := range newest {
		grown = append(grown, h)
	}
	ws.mu.Lock()
	all := ws.all
	ws.mu.Unlock()
	for _, w := range all {
		w.mu.Lock()
		if w.fn != nil {
			w.fn(slices.Clone(grown))
		}
		w.mu.Unlock()
	}
}
