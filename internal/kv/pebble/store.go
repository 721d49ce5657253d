package pebble

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/semaphore"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Store is a kv.Store on Pebble. Make one with Open.
type Store struct {
	options     Options
	lock        io.Closer
	db          *pebble.DB
	epoch       uint64
	incarnation uint64
	space       *space

	// durable is what readers see; nil once the store is closed.
	durable atomic.Pointer[durable]
	readers sync.WaitGroup // leases and the published one

	queue   queue
	relaxed *semaphore.Weighted

	// What follows belongs to the committer.
	recent  *recent
	version kv.Version
	counter uint64
	group   group

	logsMu sync.RWMutex
	logs   map[kv.LogID]*logState

	watchers watchers

	stalls  atomic.Int64 // times that commits waited for Pebble
	stalled atomic.Bool

	endMu  sync.Mutex
	end    atomic.Pointer[error] // why the store serves no more
	failed chan struct{}
	stop   chan struct{} // closed by Close
	closed sync.Once
	// patience is how long Close waits for readers.
	patience time.Duration

	committing sync.WaitGroup
	watching   sync.WaitGroup
}

var _ kv.Store = (*Store)(nil)

// closePatience is how long Close waits for reads and Views. Both end within
// seconds unless one was forgotten.
const closePatience = 10 * time.Second

// Epoch implements kv.Store.
func (s *Store) Epoch() uint64 { return s.epoch }

// Incarnation implements kv.Store.
func (s *Store) Incarnation() uint64 { return s.incarnation }

// Admit implements kv.Store.
func (s *Store) Admit() error {
	if err := s.ended(); err != nil {
		return err
	}
	return s.space.admit()
}

// ended returns why the store serves no more, nil while it does.
func (s *Store) ended() error {
	if e := s.end.Load(); e != nil {
		return *e
	}
	return nil
}

// Close implements kv.Store. A failed store cannot be closed properly: Close
// then returns at once and leaves everything to the end of the process.
func (s *Store) Close() error {
	var err error
	s.closed.Do(func() { err = s.close() })
	return err
}

func (s *Store) close() error {
	s.endMu.Lock()
	if s.end.Load() == nil {
		closed := kv.ErrClosed
		s.end.Store(&closed)
	}
	s.endMu.Unlock()
	s.queue.close()
	close(s.stop)
	if !s.waitOrFailed(&s.committing) {
		return s.Err()
	}
	s.watching.Wait()
	if d := s.durable.Swap(nil); d != nil {
		d.release()
	}
	if err := s.waitForReaders(); err != nil {
		return err
	}
	return errors.Join(s.db.Close(), s.lock.Close())
}

// waitOrFailed waits for wg, and gives up when the store fails.
func (s *Store) waitOrFailed(wg *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-s.failed:
	}
	return !s.isFailed()
}

func (s *Store) waitForReaders() error {
	done := make(chan struct{})
	go func() {
		s.readers.Wait()
		close(done)
	}()
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return fmt.Errorf("kv/pebble: a View or Scan was still open after %s", s.patience)
	}
}
