package kvtest

import (
	"sync"
	"sync/atomic"

	"github.com/carillon-s3/carillon/internal/kv"
)

// The actors of the crash workload. Each keeps a number that only grows, its
// progress, under a key of its own.
const (
	strictWriters = 3
	relaxedWriter = iota + strictWriters - 1
	fileWriter
	counter
	trimmer
	actors
)

// globalLog gets a record of every commit of the workload but trims.
const globalLog kv.LogID = 0

// promises is what must be there after a cut, or, taken after it, what can be.
type promises struct {
	// acked is the progress whose commit returned nil, seen the progress that a
	// reader got, issued the progress that was handed to a commit.
	acked, seen, issued [actors]uint64
	// head is the furthest position of the global log that anybody was told.
	head        kv.Position
	epoch       uint64
	incarnation uint64
}

// history collects promises while the workload runs.
type history struct {
	mu    sync.Mutex
	p     promises
	reads atomic.Int64 // rounds of the readers
}

func (h *history) promised() promises {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.p
}

func (h *history) opened(s kv.Store) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.p.epoch, h.p.incarnation = s.Epoch(), s.Incarnation()
}

func (h *history) issue(actor int, n uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.p.issued[actor] = max(h.p.issued[actor], n)
}

func (h *history) ack(actor int, n uint64, positions []kv.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.p.acked[actor] = max(h.p.acked[actor], n)
	h.hearLocked(positions)
}

func (h *history) see(actor int, n uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.p.seen[actor] = max(h.p.seen[actor], n)
}

func (h *history) hear(heads []kv.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hearLocked(heads)
}

func (h *history) hearLocked(heads []kv.Position) {
	for _, p := range heads {
		if p.Log == globalLog && p.Sequence > h.p.head.Sequence {
			h.p.head = p
		}
	}
}
