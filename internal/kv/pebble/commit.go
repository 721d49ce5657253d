package pebble

import (
	"context"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	// relaxedDelay is how long a relaxed batch waits for company.
	relaxedDelay = 5 * time.Millisecond
	// groupRequests and groupBytes bound what is merged into one sync. With
	// the largest batch on top, a group stays below a quarter of a memtable.
	groupRequests = 1024
	groupBytes    = 4 << 20
	// maxRelaxedBytes bounds what waits without anybody waiting for it;
	// requestBytes is what a batch counts on top of its contents.
	maxRelaxedBytes = 16 << 20
	requestBytes    = 256
)

// strictRequests recycles the requests of Commit with their channels.
var strictRequests = sync.Pool{New: func() any { return &request{answer: make(chan struct{}, 1)} }}

// Commit implements kv.Store.
func (s *Store) Commit(ctx context.Context, b *kv.Batch) ([]kv.Position, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := strictRequests.Get().(*request)
	r.batch, r.bytes = b, b.Bytes()
	r.positions, r.err = nil, nil
	r.state.Store(waiting)
	if !s.queue.push(r) {
		return nil, s.ended()
	}
	select {
	case <-r.answer:
	case <-ctx.Done():
		if r.move(waiting, cancelled) {
			return nil, ctx.Err() // the committer still holds r: not recycled
		}
		<-r.answer
	}
	positions, err := r.positions, r.err
	if !s.isFailed() {
		r.batch, r.positions = nil, nil
		strictRequests.Put(r)
	}
	return positions, err
}

// CommitRelaxed implements kv.Store. Relaxed batches keep their order among
// each other and with those of Commit.
func (s *Store) CommitRelaxed(ctx context.Context, b *kv.Batch, done func([]kv.Position, error)) error {
	if err := b.ValidateRelaxed(); err != nil {
		return err
	}
	if err := s.ended(); err != nil {
		return err
	}
	r := &request{batch: b, bytes: b.Bytes(), relaxed: true, since: time.Now(), done: done}
	if err := s.relaxed.Acquire(ctx, r.weight()); err != nil {
		return err
	}
	if !s.queue.push(r) {
		s.relaxed.Release(r.weight())
		return s.ended()
	}
	return nil
}

func (r *request) weight() int64 { return int64(r.bytes) + requestBytes }

// tell answers r, which must be taken or waiting as from says, unless that has
// been done.
func (s *Store) tell(r *request, from uint32, positions []kv.Position, err error) {
	if !r.move(from, answered) {
		return
	}
	if !r.relaxed {
		r.positions, r.err = positions, err
		r.answer <- struct{}{}
		return
	}
	s.relaxed.Release(r.weight())
	if r.done != nil {
		r.done(positions, err)
	}
}
