package pebble

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Failed implements kv.Store.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err implements kv.Store. A store that was closed has not failed.
func (s *Store) Err() error {
	if !s.isFailed() {
		return nil
	}
	return s.ended()
}

func (s *Store) isFailed() bool {
	select {
	case <-s.failed:
		return true
	default:
		return false
	}
}

// fail ends the store for good. It takes no lock of Pebble's, since Pebble may
// call it with them held.
func (s *Store) fail(cause error) {
	s.endMu.Lock()
	defer s.endMu.Unlock()
	if s.isFailed() {
		return
	}
	err := fmt.Errorf("%w: %w", kv.ErrFailed, cause)
	s.end.Store(&err)
	s.options.Logger.Error("the store has failed and serves nothing more; restart the server", "error", cause)
	if s.options.OnFatal != nil {
		s.options.OnFatal(err)
	}
	close(s.failed)
}

// answerOnFailure answers in the committer's stead when the store has failed,
// for the committer may be one of the goroutines that never come back.
func (s *Store) answerOnFailure() {
	select {
	case <-s.stop:
		// Close gives up on the committer when the store fails after all.
		select {
		case <-s.committed():
			return
		case <-s.failed:
		}
	case <-s.failed:
	}
	flight, rest := s.queue.drain()
	for _, r := range rest {
		s.tell(r, waiting, nil, s.ended())
	}
	unsure := fmt.Errorf("%w: %w", kv.ErrUnsure, s.ended())
	for _, r := range flight {
		s.tell(r, waiting, nil, s.ended())
		s.tell(r, taken, nil, unsure)
	}
}

// committed is closed when the committer has ended.
func (s *Store) committed() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		s.committing.Wait()
		close(done)
	}()
	return done
}

// listener turns what Pebble reports into logs and failure.
type listener struct{ store *Store }

var _ pebble.Logger = (*listener)(nil)

// Infof implements pebble.Logger.
func (l *listener) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (l *listener) Errorf(format string, args ...any) {
	l.store.options.Logger.Error("Pebble reports an error", "text", fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger: the store fails, and the calling goroutine
// stands still, for Pebble does not expect to go on from here.
func (l *listener) Fatalf(format string, args ...any) {
	l.store.fail(fmt.Errorf(format, args...))
	select {}
}

func (l *listener) events() *pebble.EventListener {
	log := l.store.options.Logger
	return &pebble.EventListener{
		BackgroundError: l.backgroundError,
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			l.store.fail(fmt.Errorf("%s is damaged, restore it from a backup: %w", i.Path, i.Details))
		},
		WALCreated: func(i pebble.WALCreateInfo) {
			if i.Err != nil {
				// Pebble would panic next, and end the process on the way.
				l.Fatalf("creating the log %s: %w", i.Path, i.Err)
			}
		},
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
			l.store.stalls.Add(1)
			l.store.stalled.Store(true)
			log.Warn("commits wait for flushes or compactions", "reason", i.Reason)
		},
		WriteStallEnd: func() {
			l.store.stalled.Store(false)
			log.Info("commits go on")
		},
	}
}

// backgroundError ends the store, since what a flush or compaction could not
// read or write concerns data that was acknowledged. A full disk is different:
// all of it is still in the log, and Pebble tries again.
func (l *listener) backgroundError(err error) {
	if errors.Is(err, syscall.ENOSPC) {
		l.store.space.full()
		return
	}
	l.store.fail(fmt.Errorf("flushing or compacting: %w", err))
}
