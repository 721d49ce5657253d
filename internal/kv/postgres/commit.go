package postgres

import (
	"context"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	// relaxedDelay is how long a relaxed batch waits for company.
	relaxedDelay = 5 * time.Millisecond
	// groupRequests and groupBytes bound what becomes one transaction: enough
	// to share a flush among many, few enough that other processes, which wait
	// for the same counters, get their turn soon.
	groupRequests = 128
	groupBytes    = 4 << 20
	// maxRelaxedBytes bounds what waits without anybody waiting for it;
	// requestBytes is what a batch counts on top of its contents.
	maxRelaxedBytes = 16 << 20
	requestBytes    = 256
)

// Commit implements kv.Store.
func (s *Store) Commit(ctx context.Context, b *kv.Batch) ([]kv.Position, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &request{batch: b, bytes: b.Bytes(), since: time.Now(), answer: make(chan outcome, 1)}
	if !s.queue.push(r) {
		return nil, s.ended()
	}
	select {
	case o := <-r.answer:
		return o.positions, o.err
	case <-ctx.Done():
		if r.move(waiting, cancelled) {
			return nil, ctx.Err()
		}
		o := <-r.answer
		return o.positions, o.err
	}
}

// CommitRelaxed implements kv.Store.
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

// tell answers r, which must have been taken.
func (s *Store) tell(r *request, positions []kv.Position, err error) {
	if !r.relaxed {
		r.answer <- outcome{positions, err}
		return
	}
	s.relaxed.Release(r.weight())
	if r.done != nil {
		r.done(positions, err)
	}
}
