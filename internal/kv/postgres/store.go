package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Store is a kv.Store on PostgreSQL. Make one with Open.
type Store struct {
	options     Options
	config      *pgx.ConnConfig
	epoch       uint64
	incarnation uint64

	readers *pgxpool.Pool
	views   *pgxpool.Pool
	reads   atomic.Uint64 // the last kv.Version given

	queue    queue
	relaxed  *semaphore.Weighted
	link     *link // the committer's; nil while there is no connection
	watchers *watchers

	// lost is why there is no connection for commits, nil while there is one.
	lost   atomic.Pointer[error]
	endMu  sync.Mutex
	end    atomic.Pointer[error] // why the store serves no more
	failed chan struct{}
	closed sync.Once
	// patience is how long Close waits for reads and Views.
	patience time.Duration

	committing sync.WaitGroup
}

var _ kv.Store = (*Store)(nil)

// closePatience is how long Close waits for reads and Views. Both end within
// seconds unless one was forgotten.
const closePatience = 10 * time.Second

// Open opens the store in a schema of the database, and makes the schema and its
// tables if they are not there. When it returns, the new incarnation is durable.
func Open(ctx context.Context, o Options) (*Store, error) {
	o = o.withDefaults()
	s, err := open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("opening the store in schema %s: %w", o.Schema, err)
	}
	return s, nil
}

func open(ctx context.Context, o Options) (_ *Store, err error) {
	s := &Store{
		options:  o,
		relaxed:  semaphore.NewWeighted(maxRelaxedBytes),
		failed:   make(chan struct{}),
		patience: closePatience,
	}
	s.queue.wake = make(chan struct{}, 1)
	if s.config, err = o.config(); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	if s.link, err = s.connect(ctx); err != nil {
		return nil, err
	}
	if s.readers, err = newPool(s.config, o.Readers, idleTransaction); err != nil {
		s.link.close()
		return nil, err
	}
	if s.views, err = newPool(s.config, o.Views, idleView); err != nil {
		s.link.close()
		s.readers.Close()
		return nil, err
	}
	s.watchers = newWatchers(s.heads)
	s.committing.Go(s.commitLoop)
	return s, nil
}

// enter registers this opening.
func (s *Store) enter(ctx context.Context) (err error) {
	conn, err := pgx.ConnectConfig(ctx, s.config.Copy())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var fsync string
	if err := conn.QueryRow(ctx, "SHOW fsync").Scan(&fsync); err != nil {
		return err
	}
	if fsync != "on" {
		return fmt.Errorf("%w: its setting fsync is %s", ErrNotDurable, fsync)
	}
	s.epoch, s.incarnation, err = enter(ctx, conn, s.options.Schema)
	return err
}

// Epoch implements kv.Store.
func (s *Store) Epoch() uint64 { return s.epoch }

// Incarnation implements kv.Store.
func (s *Store) Incarnation() uint64 { return s.incarnation }

// Admit implements kv.Store: kv.ErrUnavailable while there is no connection for
// commits. What room the server's disk has is not known here.
func (s *Store) Admit() error {
	if err := s.ended(); err != nil {
		return err
	}
	return s.outage()
}

// outage is why there is no connection for commits, nil while there is one.
func (s *Store) outage() error {
	if e := s.lost.Load(); e != nil {
		return *e
	}
	return nil
}

// down notes that there is no connection, and logs it once. It returns what a
// commit is answered now.
func (s *Store) down(why error) error {
	err := fmt.Errorf("%w: %w", kv.ErrUnavailable, why)
	if s.lost.Swap(&err) == nil {
		s.options.Logger.Warn("the database cannot be reached; commits are refused until it can", "error", why)
	}
	return err
}

// up notes that there is a connection, and reports whether there was none.
func (s *Store) up() (again bool) {
	if again = s.lost.Swap(nil) != nil; again {
		s.options.Logger.Info("the database can be reached again")
	}
	return again
}

// Failed implements kv.Store. A lost connection is no failure; that the database
// is not the one that was opened is.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err implements kv.Store.
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

// fail ends the store for good.
func (s *Store) fail(cause error) {
	s.endMu.Lock()
	defer s.endMu.Unlock()
	if s.isFailed() {
		return
	}
	err := fmt.Errorf("%w: %w", kv.ErrFailed, cause)
	s.end.Store(&err)
	s.options.Logger.Error("the store has failed and serves nothing more; restart the server", "error", cause)
	close(s.failed)
	s.queue.close()
}

// ended returns why the store serves no more, nil while it does.
func (s *Store) ended() error {
	if e := s.end.Load(); e != nil {
		return *e
	}
	return nil
}

// Close implements kv.Store. If the database cannot be reached, commits that
// still wait are answered with kv.ErrUnavailable.
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
	s.committing.Wait()
	s.watchers.close()
	if !s.isFailed() {
		s.leave()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.readers.Close()
		s.views.Close()
	}()
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return fmt.Errorf("kv/postgres: a View or Scan was still open after %s", s.patience)
	}
}

// leave removes this opening's row. What a process that was killed leaves is a
// few bytes.
func (s *Store) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	if _, err := s.readers.Exec(ctx, `DELETE FROM writer WHERE incarnation = $1`, int64(s.incarnation)); err != nil {
		s.options.Logger.Warn("the row of this opening was not removed", "error", err)
	}
}
