package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"

	driver "github.com/go-sql-driver/mysql"
)

// transact runs fn within a transaction and returns nil once that is committed.
// If a statement's data is refused, nothing of it has happened and the
// connection can be used again. It is not database/sql's transaction, whose
// commit does not end with its context.
func transact(ctx context.Context, c *sql.Conn, fn func() error) error {
	if _, err := c.ExecContext(ctx, "START TRANSACTION"); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		_, err = c.ExecContext(ctx, "COMMIT")
	}
	if isDataError(err) {
		if _, rollback := c.ExecContext(ctx, "ROLLBACK"); rollback != nil {
			return fmt.Errorf("roll back after %q: %w", err.Error(), rollback)
		}
	}
	return err
}

// discard closes a connection for good.
func discard(c *sql.Conn) {
	_ = c.Raw(func(any) error { return sqldriver.ErrBadConn })
	_ = c.Close() // it is closed by now
}

// Errors that the server does not put into a class of their own
// (https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html).
const (
	tooLargeForPacket  = 1301 // a document over max_allowed_packet
	wrongValueForField = 1366
	checkViolated      = 3819
)

// isDataError reports whether the database refused the data itself: SQLSTATE
// classes 22 (data exception) and 23 (a constraint of the table's owner), the
// errors above, and what max_allowed_packet does not let through.
func isDataError(err error) bool {
	if errors.Is(err, driver.ErrPktTooLarge) {
		return true
	}
	var e *driver.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	switch string(e.SQLState[:2]) {
	case "22", "23":
		return true
	}
	return e.Number == tooLargeForPacket || e.Number == wrongValueForField || e.Number == checkViolated
}

// tuples are n times a tuple of place holders, separated by commas.
func tuples(n int, tuple string) string { return strings.TrimSuffix(strings.Repeat(tuple+",", n), ",") }
