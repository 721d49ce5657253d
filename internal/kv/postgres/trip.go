package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/carillon-s3/carillon/internal/kv"
)

// link is the connection on which a process commits. It belongs to the
// committer.
//
// It is made by pgconn and then taken over, since pgconn sends a cancel
// whenever a connection fails under it. A cancel would end the wait for a
// synchronous standby, and show to everybody what may be gone after a failover.
type link struct {
	conn       net.Conn
	frontend   *pgproto3.Frontend
	generation int64
	used       time.Time // when the last transaction ended
	buf        []byte
}

// takeOver prepares the statements on conn and takes it over.
func takeOver(ctx context.Context, conn *pgconn.PgConn, generation int64) (*link, error) {
	if err := prepare(ctx, conn); err != nil {
		return nil, err
	}
	if err := conn.SyncConn(ctx); err != nil {
		return nil, err
	}
	h, err := conn.Hijack()
	if err != nil {
		return nil, err
	}
	// The deadline of the context may still stand.
	if err := h.Conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return &link{conn: h.Conn, frontend: h.Frontend, generation: generation, used: time.Now()}, nil
}

func prepare(ctx context.Context, conn *pgconn.PgConn) error {
	p := conn.StartPipeline(ctx)
	for _, s := range statements() {
		p.SendPrepare(s.name, s.sql, nil)
	}
	err := p.Sync()
	for _, s := range statements() {
		if err == nil {
			if _, err = p.GetResults(); err != nil {
				err = fmt.Errorf("preparing %s: %w", s.name, err)
			}
		}
	}
	return errors.Join(err, p.Close())
}

// How a transaction can end other than well.
var (
	// errLost: the connection failed, or the server could not say that the
	// commit is durable. Whether the transaction was committed is unknown.
	errLost = errors.New("connection lost during the commit")
	// errUnsent: the connection was of no use any more, and nothing happened.
	errUnsent = errors.New("connection lost before the commit")
	// errRefused: a requirement does not hold.
	errRefused = errors.New("a requirement does not hold")
	// errRepeat: the server asks to try again.
	errRepeat = errors.New("deadlock or serialization failure")
)

// SQLSTATE codes, of PostgreSQL's appendix A.
const (
	codeDivisionByZero       = "22012"
	codeUniqueViolation      = "23505"
	codeReadOnly             = "25006"
	codeSerializationFailure = "40001"
	codeDeadlockDetected     = "40P01"
	codeDuplicateSchema      = "42P06"
	codeDuplicateTable       = "42P07"
	codeDiskFull             = "53100"
)

// run sends the calls as one transaction and waits until it is durable. It
// returns the heads of the logs that the transaction has touched. After errLost
// and errUnsent the link is of no use. After any error but errLost nothing has
// happened.
//
// There is neither BEGIN nor COMMIT: what stands before a Sync is a transaction,
// and is committed by it. All parameters go first, in Binds to portals of their
// own, and the Executes last, so that not even a process that is frozen in the
// middle of its write leaves locks behind: they are all in the last few hundred
// bytes.
func (l *link) run(calls []call, timeout time.Duration) (map[kv.LogID]kv.Head, error) {
	if err := l.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnsent, err)
	}
	// Without its last bytes, the Sync, a transaction is never committed.
	if err := l.send(calls); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnsent, err)
	}
	a := answer{calls: calls, heads: map[kv.LogID]kv.Head{}}
	for late := false; !a.complete; {
		message, err := l.frontend.Receive()
		if errors.Is(err, os.ErrDeadlineExceeded) && !late {
			// If this process stood still, the answer may have been here for
			// long.
			late, err = true, l.conn.SetDeadline(time.Now().Add(lateAnswer))
			if err == nil {
				continue
			}
		}
		if err == nil {
			err = a.take(message)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errLost, err)
		}
	}
	l.used = time.Now()
	return a.heads, a.err()
}

func (l *link) send(calls []call) (err error) {
	l.buf = l.buf[:0]
	for _, c := range calls {
		// One format code stands for all: binary.
		bind := pgproto3.Bind{
			DestinationPortal:    c.statement.name,
			PreparedStatement:    c.statement.name,
			ParameterFormatCodes: []int16{1},
			Parameters:           c.parameters,
			ResultFormatCodes:    []int16{1},
		}
		if l.buf, err = bind.Encode(l.buf); err != nil {
			return err
		}
	}
	for _, c := range calls {
		if l.buf, err = (&pgproto3.Execute{Portal: c.statement.name}).Encode(l.buf); err != nil {
			return err
		}
	}
	if l.buf, err = (&pgproto3.Sync{}).Encode(l.buf); err != nil {
		return err
	}
	_, err = l.conn.Write(l.buf)
	if cap(l.buf) > keepBuffer {
		l.buf = nil
	}
	return err
}

// lateAnswer is how long an answer is looked for when the time for it is over.
const lateAnswer = 250 * time.Millisecond

// keepBuffer is the largest buffer that a link keeps between transactions.
const keepBuffer = 2 * groupBytes

// close ends the session without waiting for anything.
func (l *link) close() {
	terminate, _ := (&pgproto3.Terminate{}).Encode(nil) // has nothing that could fail
	_ = l.conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = l.conn.Write(terminate) // a courtesy
	_ = l.conn.Close()
}

// answer collects what the server says to a trip.
type answer struct {
	calls    []call
	executed int // calls that have been completed
	heads    map[kv.LogID]kv.Head
	failure  *pgconn.PgError
	warning  *pgconn.PgError
	complete bool
}

func (a *answer) take(message pgproto3.BackendMessage) error {
	switch m := message.(type) {
	case *pgproto3.BindComplete, *pgproto3.ParameterStatus, *pgproto3.NotificationResponse:
	case *pgproto3.DataRow:
		return a.row(m.Values)
	case *pgproto3.CommandComplete:
		a.executed++
	case *pgproto3.NoticeResponse:
		// Only those of the commit itself say anything about it.
		if m.SeverityUnlocalized == "WARNING" && a.executed == len(a.calls) {
			a.warning = pgconn.ErrorResponseToPgError((*pgproto3.ErrorResponse)(m))
		}
	case *pgproto3.ErrorResponse:
		a.failure = pgconn.ErrorResponseToPgError(m)
		if a.failure.SeverityUnlocalized != "ERROR" {
			return a.failure // the session ends, perhaps in the middle of the commit
		}
	case *pgproto3.ReadyForQuery:
		a.complete = true
		if m.TxStatus != 'I' {
			return fmt.Errorf("the server is still in a transaction (%c)", m.TxStatus)
		}
	default:
		return fmt.Errorf("unexpected message %T", message)
	}
	return nil
}

// row takes a head from stmtCount; the guards' results say nothing more.
func (a *answer) row(values [][]byte) error {
	if a.executed >= len(a.calls) || a.calls[a.executed].statement != stmtCount {
		return nil
	}
	if len(values) != 3 || len(values[0]) != 4 || len(values[1]) != 8 || len(values[2]) != 8 {
		return errors.New("malformed counters")
	}
	id := kv.LogID(binary.BigEndian.Uint32(values[0]))
	a.heads[id] = kv.Head{
		Log:      id,
		Sequence: binary.BigEndian.Uint64(values[1]),
		Stamp:    binary.BigEndian.Uint64(values[2]),
	}
	return nil
}

// err says how the transaction has ended. An error that is not fatal undoes all
// of it. A warning means that a wait for a standby was given up: the transaction
// is there, and may be gone after a failover.
func (a *answer) err() error {
	if a.failure == nil {
		if a.warning != nil {
			return fmt.Errorf("%w: %w", errLost, a.warning)
		}
		if a.executed != len(a.calls) {
			return fmt.Errorf("%w: %d of %d statements answered", errLost, a.executed, len(a.calls))
		}
		return nil
	}
	failed := ""
	if a.executed < len(a.calls) {
		failed = a.calls[a.executed].statement.name
	}
	switch code := a.failure.Code; {
	case code == codeDivisionByZero && failed == stmtFence.name:
		return fmt.Errorf("%w: it was replaced", errUnsent)
	case code == codeReadOnly:
		// The server has become a standby.
		return fmt.Errorf("%w: %w", errUnsent, a.failure)
	case code == codeDivisionByZero, code == codeUniqueViolation:
		return errRefused
	case code == codeSerializationFailure, code == codeDeadlockDetected:
		return errRepeat
	case code == codeDiskFull:
		return fmt.Errorf("%w: %w", kv.ErrNoSpace, a.failure)
	default:
		return fmt.Errorf("%w: statement %q: %w", kv.ErrUnavailable, failed, a.failure)
	}
}
