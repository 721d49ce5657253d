package notify

import (
	"container/heap"
	"hash/maphash"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
)

// keyID is an object key in one partition: what order is promised for.
type keyID struct {
	bucket uint64
	key    string
	part   uint16
}

// item is one event in memory.
type item struct {
	entry journal.Entry
	hist  history
	// limit is the largest batch it may be in; 0 means any. It is halved when a
	// batch fails as a whole, which finds the one event that spoils it.
	limit int
	// delivered is the runner's counter when its last attempt began.
	delivered int64
}

// place is where a key's events are.
type place uint8

const (
	ready    place = iota // may be sent
	inFlight              // its first events are being sent
	waiting               // until at
	idle                  // has no events in memory, more may be in the outbox
)

// keyState is a key with events in memory, or one that is set aside. It belongs
// to one sender.
type keyState struct {
	id   keyID
	hash uint64
	lane *lane
	// items are in order. The first taken ones are in flight.
	items []*item
	taken int
	place place
	at    time.Time

	// aside: the lane reads on without this key. Its events stay in the outbox,
	// and the first is kept here. seen is the sequence of the last one that was
	// kept; more says that there may be others above it.
	aside bool
	seen  uint64
	more  bool
	// blocked is its entry in the durable set; nil if it is not there.
	blocked *journal.Blocked
}

func (k *keyState) head() *item { return k.items[0] }

// waitHeap orders waiting keys by time.
type waitHeap []*keyState

func (h waitHeap) Len() int           { return len(h) }
func (h waitHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h waitHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *waitHeap) Push(x any)        { *h = append(*h, x.(*keyState)) }
func (h *waitHeap) Pop() any {
	old := *h
	k := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return k
}

// keySet holds the keys of one sender, by id and by when they may be sent.
type keySet struct {
	seed  maphash.Seed
	byID  map[keyID]*keyState
	queue []*keyState // ready, in turn
	later waitHeap
}

func newKeySet(seed maphash.Seed) *keySet {
	return &keySet{seed: seed, byID: make(map[keyID]*keyState)}
}

// get returns the key's state, making it if need be.
func (s *keySet) get(id keyID, l *lane) *keyState {
	k := s.byID[id]
	if k == nil {
		k = &keyState{id: id, hash: maphash.Comparable(s.seed, id), lane: l, place: idle}
		s.byID[id] = k
	}
	return k
}

// offer puts a key that has events where it can be sent, at once or at a time.
func (s *keySet) offer(k *keyState, at time.Time) {
	if at.IsZero() {
		k.place = ready
		s.queue = append(s.queue, k)
		return
	}
	k.place, k.at = waiting, at
	heap.Push(&s.later, k)
}

// due moves keys whose wait is over to the ready ones.
func (s *keySet) due(now time.Time) {
	for len(s.later) > 0 && !s.later[0].at.After(now) {
		s.offer(heap.Pop(&s.later).(*keyState), time.Time{})
	}
}

// endWaits makes all waiting keys ready.
func (s *keySet) endWaits() {
	for _, k := range s.later {
		s.offer(k, time.Time{})
	}
	s.later = nil
}

// least returns the ready key whose first event was tried least.
func (s *keySet) least() *keyState {
	var best *keyState
	for _, k := range s.queue {
		if best == nil || k.head().hist.attempts < best.head().hist.attempts {
			best = k
		}
	}
	return best
}

// take removes a ready key from the queue; the first one is the usual case.
func (s *keySet) take(k *keyState) {
	for i, q := range s.queue {
		if q != k {
			continue
		}
		if i == 0 {
			s.queue[0] = nil
			s.queue = s.queue[1:]
		} else {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
		}
		return
	}
}
