package pebble

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/carillon-s3/carillon/internal/kv"
)

// durable is a Pebble snapshot taken when all that Pebble held was synced. It
// is closed when neither the store nor a reader holds it any more.
type durable struct {
	store    *Store
	snapshot *pebble.Snapshot
	version  kv.Version
	refs     atomic.Int64
}

// publish shows everything applied so far. The committer calls it, and only
// when all of it is synced.
func (s *Store) publish() {
	d := &durable{store: s, snapshot: s.db.NewSnapshot(), version: s.version}
	d.refs.Store(1)
	s.readers.Add(1)
	if old := s.durable.Swap(d); old != nil {
		old.release()
	}
}

// lease returns the newest durable state; the caller releases it.
func (s *Store) lease() (*durable, error) {
	for {
		if err := s.ended(); err != nil {
			return nil, err
		}
		d := s.durable.Load()
		if d != nil && d.hold() {
			return d, nil
		}
	}
}

// hold fails if d is already closed, or is being closed.
func (d *durable) hold() bool {
	for {
		n := d.refs.Load()
		if n == 0 {
			return false
		}
		if d.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (d *durable) release() {
	if d.refs.Add(-1) > 0 {
		return
	}
	// Closing takes a lock that a failed Pebble may hold for ever.
	if !d.store.isFailed() {
		_ = d.snapshot.Close() // always nil
	}
	d.store.readers.Done()
}
