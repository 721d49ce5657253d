// Package memory is the engine of kv for tests: it keeps everything in memory
// and is written to be obviously right rather than fast. It is the model that
// the other engines are compared with.
//
// "Durable" means applied here, and nothing outlives the process.
package memory

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// waitingRelaxed bounds the relaxed batches that wait; small, so that tests
// meet the blocking that the contract speaks of.
const waitingRelaxed = 64

// incarnationShift leaves 40 bits for the writes of one opening.
const incarnationShift = 40

// Store is a kv.Store in memory. Make one with New.
type Store struct {
	now         func() time.Time
	epoch       uint64
	incarnation uint64

	mu       sync.Mutex // guards what follows
	data     sorted
	shared   bool // a View or Scan holds data: copy before the next write
	logs     map[kv.LogID]*appendLog
	version  kv.Version
	counter  uint64
	refusal  error // what Admit returns
	err      error // why the store ended: ErrClosed, or an ErrFailed
	watchers map[*watcher]struct{}

	failed  chan struct{}
	closing chan struct{} // closed first: nobody hands over any more
	drained chan struct{} // closed next: all of work is in its buffer
	work    chan request
	handing sync.RWMutex // read-held while a batch is handed over
	done    sync.WaitGroup
}

var _ kv.Store = (*Store)(nil)

// request is a batch on its way to the committer.
type request struct {
	batch *kv.Batch
	done  func([]kv.Position, error)
}

// New returns an empty store. Close it, since it owns a goroutine.
func New() *Store { return NewWithClock(time.Now) }

// NewWithClock is New with another source of time for stamps.
func NewWithClock(now func() time.Time) *Store {
	s := &Store{
		now:         now,
		epoch:       rand.Uint64(),
		incarnation: 1,
		logs:        map[kv.LogID]*appendLog{},
		version:     1,
		watchers:    map[*watcher]struct{}{},
		failed:      make(chan struct{}),
		closing:     make(chan struct{}),
		drained:     make(chan struct{}),
		work:        make(chan request, waitingRelaxed),
	}
	s.done.Go(s.run)
	return s
}

// run is the committer: the one goroutine that changes data, and that calls
// watchers and done functions, as in the other engines.
func (s *Store) run() {
	for {
		select {
		case r := <-s.work:
			s.serve(r)
		case <-s.drained:
			for {
				select {
				case r := <-s.work:
					s.serve(r)
				default:
					return
				}
			}
		}
	}
}

func (s *Store) serve(r request) {
	positions, err := s.apply(r.batch)
	if err == nil {
		s.tell(positions)
	}
	if r.done != nil {
		r.done(positions, err)
	}
}

// Commit implements kv.Store.
func (s *Store) Commit(ctx context.Context, b *kv.Batch) ([]kv.Position, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	type outcome struct {
		positions []kv.Position
		err       error
	}
	answer := make(chan outcome, 1)
	err := s.submit(ctx, request{batch: b, done: func(p []kv.Position, err error) { answer <- outcome{p, err} }})
	if err != nil {
		return nil, err
	}
	o := <-answer
	return o.positions, o.err
}

// CommitRelaxed implements kv.Store.
func (s *Store) CommitRelaxed(ctx context.Context, b *kv.Batch, done func([]kv.Position, error)) error {
	if err := b.ValidateRelaxed(); err != nil {
		return err
	}
	return s.submit(ctx, request{batch: b, done: done})
}

// submit hands r to the committer, which then serves it in any case.
func (s *Store) submit(ctx context.Context, r request) error {
	s.handing.RLock()
	defer s.handing.RUnlock()
	if err := s.ended(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.work <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return kv.ErrClosed
	}
}

// apply checks and applies one batch.
func (s *Store) apply(b *kv.Batch) ([]kv.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isFailed() {
		return nil, s.err
	}
	for _, c := range b.Checks {
		if now := s.data.get(c.Key, s.version); now.Revision != c.Seen.Revision {
			return nil, fmt.Errorf("%w: a required key has changed", kv.ErrConflict)
		}
	}
	if b.Empty() {
		return nil, nil
	}
	s.version++
	positions := s.appendAll(b.Appends)
	if s.shared {
		s.data, s.shared = slices.Clone(s.data), false
	}
	for _, w := range b.Writes {
		s.write(w, positions)
	}
	for _, t := range b.Trims {
		s.logs[t.Log].trim(t.Before)
	}
	return positions, nil
}

func (s *Store) appendAll(appends []kv.Append) []kv.Position {
	if len(appends) == 0 {
		return nil
	}
	now := s.now()
	positions := make([]kv.Position, len(appends))
	for i, a := range appends {
		l := s.logs[a.Log]
		if l == nil {
			l = &appendLog{first: 1}
			s.logs[a.Log] = l
		}
		positions[i] = l.append(a.Log, now, a.Value)
	}
	return positions
}

func (s *Store) write(w kv.Write, positions []kv.Position) {
	key, value := slices.Clone(w.Key), slices.Clone(w.Value)
	for _, f := range w.Fills {
		if f.InKey {
			f.Put(key, positions)
		} else {
			f.Put(value, positions)
		}
	}
	if w.Delete {
		s.data = s.data.remove(key)
		return
	}
	s.counter++
	s.data = s.data.set(&entry{key: key, value: value, revision: s.incarnation<<incarnationShift | s.counter})
}

// Get implements kv.Reader.
func (s *Store) Get(ctx context.Context, key []byte) (kv.Item, error) {
	if err := ctx.Err(); err != nil {
		return kv.Item{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return kv.Item{}, s.err
	}
	return s.data.get(key, s.version), nil
}

// Scan implements kv.Reader. All it yields is of one moment.
func (s *Store) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Entry, error] {
	return func(yield func(kv.Entry, error) bool) {
		v, err := s.View(ctx)
		if err != nil {
			yield(kv.Entry{}, err)
			return
		}
		defer v.Close()
		v.Scan(ctx, r)(yield)
	}
}

// View implements kv.Store.
func (s *Store) View(ctx context.Context) (kv.View, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	s.shared = true
	return &view{store: s, data: s.data, version: s.version}, nil
}

// ReadLog implements kv.Store.
func (s *Store) ReadLog(ctx context.Context, log kv.LogID, from uint64, most int) ([]kv.LogRecord, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	return s.logs[log].read(from, most)
}

// Bounds implements kv.Store.
func (s *Store) Bounds(ctx context.Context, log kv.LogID) (uint64, kv.Head, error) {
	if err := ctx.Err(); err != nil {
		return 0, kv.Head{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, kv.Head{}, s.err
	}
	l := s.logs[log]
	if l == nil {
		return 1, kv.Head{Log: log}, nil
	}
	return l.first, l.head(log), nil
}

// Epoch implements kv.Store.
func (s *Store) Epoch() uint64 { return s.epoch }

// Incarnation implements kv.Store.
func (s *Store) Incarnation() uint64 { return s.incarnation }

// Logs returns the logs that hold records, for tests that compare stores.
func (s *Store) Logs() []kv.LogID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.logs))
}
