package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	beginSQL = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`
	// limitSQL bounds what this transaction does on the server. A database whose
	// commits need not be flushed would have us acknowledge what a crash takes.
	limitSQL = `SELECT set_config('statement_timeout', $1, true),
	CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END`
	// lockSQL has the writers of one table take turns. Each statement after it
	// sees what the one before committed, so that guards hold against a writer
	// that we gave up but the server did not.
	lockSQL   = `SELECT pg_advisory_xact_lock($1::int4, $2::int4)`
	lockClass = 0x4361726c // "Carl", so that our locks are told from others'
	commitSQL = `COMMIT`
)

// transaction is a list of statements that are sent at once.
type transaction struct{ pgx.Batch }

func newTransaction() *transaction {
	t := new(transaction)
	t.Queue(beginSQL)
	t.Queue(limitSQL, strconv.FormatInt(statementTimeout.Milliseconds(), 10))
	return t
}

// lock has the transaction wait for its turn among those of the same id.
func (t *transaction) lock(id uint32) {
	t.Queue(lockSQL, int32(lockClass), int32(id)) //nolint:gosec // any distinct number will do
}

// run sends the transaction and returns nil once it is committed. If a statement
// is refused, nothing of it has happened and the connection can be used again.
func (c *connection) run(ctx context.Context, t *transaction) error {
	t.Queue(commitSQL)
	results := c.conn.SendBatch(ctx, &t.Batch)
	var tag pgconn.CommandTag
	var err error
	for range t.Len() {
		if tag, err = results.Exec(); err != nil {
			break
		}
	}
	err = errors.Join(err, results.Close())
	if err == nil && tag.String() != commitSQL {
		err = fmt.Errorf("the transaction ended with %s", tag)
	}
	if isDataError(err) && !c.conn.IsClosed() {
		if _, rollback := c.conn.Exec(ctx, "ROLLBACK"); rollback != nil {
			return fmt.Errorf("roll back after %q: %w", err.Error(), rollback)
		}
	}
	return firstOf(err)
}

// firstOf drops the repetition of an error by Close.
func firstOf(err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server
	}
	return err
}

// commit runs statements without parameters under a lock.
func (c *connection) commit(ctx context.Context, lock uint32, statements ...string) error {
	t := newTransaction()
	t.lock(lock)
	for _, s := range statements {
		t.Queue(s)
	}
	return c.run(ctx, t)
}

// isDataError reports whether the database refused the data itself: SQLSTATE
// classes 22 (data exception), 23 (a constraint of the table's owner) and 54
// (program limit exceeded), of PostgreSQL's appendix A.
func isDataError(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) || len(e.Code) != 5 {
		return false
	}
	switch e.Code[:2] {
	case "22", "23", "54":
		return true
	}
	return false
}
