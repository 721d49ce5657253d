package memory

import (
	"fmt"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Err implements kv.Store. A store that was closed has not failed.
func (s *Store) Err() error {
	if !s.isFailed() {
		return nil
	}
	return s.ended()
}

// ended returns why the store serves no more, nil while it does.
func (s *Store) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Failed implements kv.Store.
func (s *Store) Failed() <-chan struct{} { return s.failed }

func (s *Store) isFailed() bool {
	select {
	case <-s.failed:
		return true
	default:
		return false
	}
}

// Fail makes the store fail for good, as an error of a disk would.
func (s *Store) Fail(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = fmt.Errorf("%w: %w", kv.ErrFailed, cause)
		close(s.failed)
	}
}

// Admit implements kv.Store.
func (s *Store) Admit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return s.refusal
}

// Refuse makes Admit return err from now on, nil included.
func (s *Store) Refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = err
}

// Close implements kv.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	select {
	case <-s.closing:
		s.mu.Unlock()
		s.done.Wait()
		return nil
	default:
	}
	if s.err == nil {
		s.err = kv.ErrClosed
	}
	close(s.closing)
	s.mu.Unlock()
	s.handing.Lock()
	close(s.drained)
	s.handing.Unlock()
	s.done.Wait()
	return nil
}
