package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Names of the connections in pg_stat_activity, for reads and for commits.
const (
	ReadsName   = "carillon"
	CommitsName = "carillon commits"
)

const (
	// connectTimeout bounds one attempt to connect.
	connectTimeout = 5 * time.Second
	// deadPeer is after how long the kernel, here and at the server, gives up
	// a connection whose other end does not acknowledge what was sent.
	deadPeer = 10 * time.Second
	// idleTransaction is how long the server lets a transaction of a commit
	// stand without a statement. None ever should: they come whole.
	idleTransaction = 2 * time.Second
	// idleView is the same for a View, whose user may be sending what it reads
	// to a slow client.
	idleView = time.Minute
	// idleReader is when an unused connection for reads is closed.
	idleReader = 5 * time.Minute
)

// config is the configuration that all connections share.
func (o *Options) config() (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("the connection string: %w", withoutPassword(err))
	}
	c.DialFunc = dial
	c.ConnectTimeout = connectTimeout
	if c.ValidateConnect == nil {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	for name, value := range map[string]string{
		"application_name":              ReadsName,
		"search_path":                   pgx.Identifier{o.Schema}.Sanitize(),
		"default_transaction_isolation": "read committed",
		"default_transaction_read_only": "off",
		// Whatever the server's default: nothing is acknowledged that is not
		// on its disk.
		"synchronous_commit":                  "on",
		"statement_timeout":                   "0",
		"lock_timeout":                        "0",
		"client_connection_check_interval":    "0",
		"idle_in_transaction_session_timeout": milliseconds(idleTransaction),
		// A session whose client's machine is gone holds its locks no longer
		// than that either.
		"tcp_user_timeout":        milliseconds(deadPeer),
		"tcp_keepalives_idle":     seconds(deadPeer / 2),
		"tcp_keepalives_interval": seconds(deadPeer / 4),
		"tcp_keepalives_count":    "2",
	} {
		c.RuntimeParams[name] = value
	}
	return c, nil
}

// withoutPassword keeps the text of an error of parsing, which pgx has cleared
// of the password, and nothing that it wraps.
func withoutPassword(err error) error { return errors.New(err.Error()) }

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Control: setUserTimeout, KeepAlive: deadPeer}
	return d.DialContext(ctx, network, address)
}

// newPool makes a pool of connections for reads. It connects when needed.
func newPool(c *pgx.ConnConfig, most int, idle time.Duration) (*pgxpool.Pool, error) {
	p, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	p.ConnConfig = c.Copy()
	p.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = milliseconds(idle)
	p.MaxConns = int32(most)
	p.MaxConnIdleTime = idleReader
	return pgxpool.NewWithConfig(context.Background(), p)
}

// connect makes a new connection for commits, and fences those before it. It
// waits until what they have left running has ended.
func (s *Store) connect(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	config := s.config.Copy()
	config.RuntimeParams["application_name"] = CommitsName
	// The indexes are right whatever the statistics say, and plans are made
	// once: tables start empty, and the first plans would be for that.
	config.RuntimeParams["enable_seqscan"] = "off"
	config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	var generation int64
	err = conn.QueryRow(ctx, `UPDATE writer SET generation = generation + 1
		WHERE incarnation = $1 AND EXISTS (SELECT 1 FROM store WHERE epoch = $2) RETURNING generation`,
		int64(s.incarnation), int64(s.epoch)).Scan(&generation)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errReplaced
	}
	var l *link
	if err == nil {
		l, err = takeOver(ctx, conn.PgConn(), generation)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return l, nil
}

// errReplaced says that the database does not know this opening, and so is not
// the one that was opened.
var errReplaced = errors.New("the database was restored or formatted while the store was open; restart the server")

func raced(err error) bool {
	pg := (*pgconn.PgError)(nil)
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case codeUniqueViolation, codeDuplicateSchema, codeDuplicateTable, codeSerializationFailure, codeDeadlockDetected:
		return true
	}
	return false
}
