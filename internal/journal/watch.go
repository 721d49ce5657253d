package journal

import (
	"sync"
	"sync/atomic"
)

// Change is what happened to a consumer's outbox.
type Change uint8

// Changes.
const (
	// Grew: it has a new entry, which is durable.
	Grew Change = iota
	// Dropped: an event was dropped at the limit, and the gap is durable.
	Dropped
	// Refused: a mutation was refused at the limit.
	Refused
)

// watchers are told of every change. The list is replaced, never modified, so
// that telling takes no lock.
type watchers struct {
	mu   sync.Mutex
	list atomic.Pointer[[]*outboxWatcher]
}

type outboxWatcher struct {
	fn func(consumer string, partition uint16, what Change)
}

// WatchOutbox calls fn with what this process changes in outboxes, each time
// after it is durable. fn must not block, and is called by many at once. After
// stop has returned a call under way may still end.
func (j *Journal) WatchOutbox(fn func(consumer string, partition uint16, what Change)) (stop func()) {
	w := &outboxWatcher{fn}
	j.watchers.replace(func(list []*outboxWatcher) []*outboxWatcher { return append(list, w) })
	return func() {
		j.watchers.replace(func(list []*outboxWatcher) []*outboxWatcher {
			for i, other := range list {
				if other == w {
					return append(list[:i], list[i+1:]...)
				}
			}
			return list
		})
	}
}

func (w *watchers) replace(change func([]*outboxWatcher) []*outboxWatcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*outboxWatcher
	if old := w.list.Load(); old != nil {
		list = append(list, *old...)
	}
	list = change(list)
	w.list.Store(&list)
}

// changed tells the watchers.
func (j *Journal) changed(consumer string, partition uint16, what Change) {
	list := j.watchers.list.Load()
	if list == nil {
		return
	}
	for _, w := range *list {
		w.fn(consumer, partition, what)
	}
}
