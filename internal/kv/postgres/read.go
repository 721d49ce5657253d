package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/carillon-s3/carillon/internal/kv"
)

const selectItem = `SELECT value, revision FROM entry WHERE key = $1`

// querier is what a read needs of a connection, a pool of them or a View's.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Get implements kv.Reader.
func (s *Store) Get(ctx context.Context, key []byte) (kv.Item, error) {
	var item kv.Item
	err := s.read(ctx, func(q querier) (err error) {
		item, err = getItem(ctx, q, key, s.nextVersion())
		return err
	})
	return item, err
}

// Scan implements kv.Reader.
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

// nextVersion numbers the moments of reading. Requirements go by revisions,
// which the database keeps, so it serves comparison only.
func (s *Store) nextVersion() kv.Version { return kv.Version(s.reads.Add(1)) }

// read runs f on a connection for reads, and once more on a new one if the
// connection has failed: those of a pool all break when the server restarts.
func (s *Store) read(ctx context.Context, f func(querier) error) error {
	if err := errors.Join(ctx.Err(), s.ended()); err != nil {
		return err
	}
	err := f(s.readers)
	if broken(ctx, err) {
		s.readers.Reset()
		err = f(s.readers)
	}
	return s.readError(ctx, err)
}

// broken reports whether err comes from the connection rather than from what was
// asked.
func broken(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	pg := (*pgconn.PgError)(nil)
	return !errors.As(err, &pg) || pg.SeverityUnlocalized != "ERROR"
}

// readError gives what PostgreSQL or pgx said the meaning of the contract.
func (s *Store) readError(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, kv.ErrTrimmed), errors.Is(err, errCorrupt):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case s.ended() != nil:
		return s.ended()
	}
	return fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
}

func getItem(ctx context.Context, q querier, key []byte, version kv.Version) (kv.Item, error) {
	item := kv.Item{ReadAt: version}
	rows, err := q.Query(ctx, selectItem, key)
	if err != nil {
		return item, err
	}
	defer rows.Close()
	if rows.Next() {
		var revision int64
		if err := rows.Scan(&item.Value, &revision); err != nil {
			return item, err
		}
		item.Revision = uint64(revision)
	}
	rows.Close()
	return item, rows.Err()
}

// revisions reads the revisions of keys; absent ones are left out.
func (s *Store) revisions(ctx context.Context, keys [][]byte) (map[string]uint64, error) {
	rows, err := s.readers.Query(ctx, `SELECT key, revision FROM entry WHERE key = ANY($1)`, keys)
	if err != nil {
		return nil, err
	}
	found := map[string]uint64{}
	var key []byte
	var revision int64
	_, err = pgx.ForEachRow(rows, []any{&key, &revision}, func() error {
		found[string(key)] = uint64(revision)
		return nil
	})
	return found, err
}

// view is a transaction with a snapshot, on a connection of its own.
type view struct {
	store   *Store
	conn    *pgxpool.Conn // nil once closed
	version kv.Version
}

// View implements kv.Store.
func (s *Store) View(ctx context.Context) (kv.View, error) {
	if err := errors.Join(ctx.Err(), s.ended()); err != nil {
		return nil, err
	}
	conn, err := s.begin(ctx)
	if broken(ctx, err) {
		s.views.Reset()
		conn, err = s.begin(ctx)
	}
	if err != nil {
		return nil, s.readError(ctx, err)
	}
	return &view{s, conn, s.nextVersion()}, nil
}

// begin starts a View's transaction. PostgreSQL takes the snapshot with the
// first query, so there is one at once.
func (s *Store) begin(ctx context.Context) (*pgxpool.Conn, error) {
	conn, err := s.views.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1`
	if _, err := conn.Conn().PgConn().Exec(ctx, begin).ReadAll(); err != nil {
		conn.Release()
		return nil, err
	}
	return conn, nil
}

var errViewClosed = errors.New("kv/postgres: the View was closed")

// Get implements kv.Reader.
func (v *view) Get(ctx context.Context, key []byte) (kv.Item, error) {
	if err := v.usable(ctx); err != nil {
		return kv.Item{}, err
	}
	item, err := getItem(ctx, v.conn, key, v.version)
	return item, v.store.readError(ctx, err)
}

func (v *view) usable(ctx context.Context) error {
	if v.conn == nil {
		return errViewClosed
	}
	return errors.Join(ctx.Err(), v.store.ended())
}

// Close implements kv.View. A second call does nothing.
func (v *view) Close() {
	if v.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	// If it fails, the pool closes the connection instead of keeping it.
	_, _ = v.conn.Exec(ctx, `ROLLBACK`)
	v.conn.Release()
	v.conn = nil
}
