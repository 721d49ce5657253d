package notify

import (
	"context"
	"sync"

	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/takeover"
)

// heritage is what a MinIO server left for a target. Its events are older than
// all in the outbox, so they go first: the senders wait until each of them is
// sent, or its key waits on its own; then they pass over those keys only.
type heritage struct {
	// turn has a value while a taking is under way: one goes after another.
	turn chan struct{}

	mu sync.Mutex // guards what follows
	// takings counts those that senders wait for; gate is closed by the last.
	takings int
	gate    chan struct{}
	// held are the keys of which inherited events wait on their own.
	held map[string]struct{}
	// poked has a value after the target or its settings changed.
	poked chan struct{}
	state Inherited
}

// Inherited tells of the undelivered events that a MinIO server left in a
// target's queue_dir.
type Inherited struct {
	// Folder is where they lie; empty if nothing was left.
	Folder string
	// Left counts the events that are still to be sent.
	Left int64
	// Aside counts the files that cannot be sent and are kept in the sub-folder
	// takeover.AsideFolder, since whenever.
	Aside int64
	// LastError says why the last file was kept aside, or could not be read or
	// removed.
	LastError string
}

func newHeritage() *heritage {
	return &heritage{held: make(map[string]struct{}), turn: make(chan struct{}, 1), poked: make(chan struct{}, 1)}
}

// inherit has what was left in a queue_dir sent, before whatever else the target
// gets from now on. It does not block.
func (r *runner) inherit(dir string) {
	if dir == "" {
		return
	}
	h := r.heritage
	h.mu.Lock()
	if h.takings == 0 {
		h.gate = make(chan struct{})
	}
	h.takings++
	h.mu.Unlock()
	r.sending.Go(func() {
		t := newTaking(r, takeover.FolderOf(dir, r.id))
		defer t.open()
		select {
		case h.turn <- struct{}{}:
		case <-r.soft.Done():
			return
		}
		defer func() { <-h.turn }()
		t.run(r.soft)
	})
}

// passed waits until no inherited event has to go first. false: ctx ended.
func (h *heritage) passed(ctx context.Context) bool {
	h.mu.Lock()
	gate := h.gate
	h.mu.Unlock()
	if gate == nil {
		return true
	}
	select {
	case <-gate:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// opened says that one taking is not waited for any more.
func (h *heritage) opened() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.takings--; h.takings == 0 {
		close(h.gate)
		h.gate = nil
	}
}

// hold and release say of which keys inherited events wait on their own.
func (h *heritage) hold(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held[key] = struct{}{}
}

func (h *heritage) release(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, key)
}

// holds reports whether an event has to wait for inherited ones of its key.
func (h *heritage) holds(e *journal.Entry) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.held) == 0 || e.Record == nil {
		return false
	}
	_, held := h.held[e.Record.ResourceKey()]
	return held
}

func (h *heritage) poke() {
	select {
	case h.poked <- struct{}{}:
	default:
	}
}

// tell changes what is told of it.
func (h *heritage) tell(f func(*Inherited)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.state)
}

func (h *heritage) status() Inherited {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}
