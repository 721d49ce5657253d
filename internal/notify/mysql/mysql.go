// Package mysql writes events to a table of a MySQL or MariaDB database.
//
//	mc admin config set ALIAS notify_mysql:1 table=minio_images
//	    dsn_string="root:password@tcp(172.17.0.1:3306)/miniodb"
//
// With format=namespace the table has a row for each object, which shows what
// GET shows; with format=access each event is a row. Every Send is one
// transaction of a few multi-row statements, whatever the number of events.
//
// Acknowledged means committed; what a commit survives is the server's
// innodb_flush_log_at_trx_commit. An event whose data the database refuses is
// refused for good; every other error is the database's trouble.
package mysql

import (
	"context"
	"database/sql"
	"sync"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

const (
	// maxBatch and maxBatchBytes bound a transaction: large enough that the
	// flush of the log is shared by many events, small enough that one takes
	// well under a second, and that a statement stays below the smallest usual
	// max_allowed_packet, 16 MiB, when all of it is escaped.
	maxBatch      = 500
	maxBatchBytes = 4 << 20
	// maxSenders bounds the Sends under way where max_open_connections allows
	// more: a database gets no faster by it.
	maxSenders = 8
	// timeout bounds one Send, lockWait (seconds) a wait for a row on the server,
	// so that a transaction which we gave up does not wait on for long.
	timeout  = 30 * time.Second
	lockWait = "20"
)

// Kind is the MySQL kind of target.
func Kind() target.Kind {
	return target.New(target.Definition[Settings, *Settings]{
		Name:        "mysql",
		Description: "publish bucket notifications to MySQL databases",
		Traits: func(s *Settings) target.Traits {
			return target.Traits{
				MaxBatch: maxBatch, MaxBatchBytes: maxBatchBytes, Senders: s.senders(), Ordered: true,
				Timeout: timeout, Body: target.Records, Mirror: s.Mirrors(),
			}
		},
		Open: func(s *Settings, env target.Env) (target.Target, error) { return open(s, env) },
	})
}

// layout is what a writer needs to know of a table that it found.
type layout struct {
	// withID says that an access table takes the event's id, withHash that a
	// mirror's key_hash is an ordinary column rather than a generated one.
	withID, withHash bool
	// byHash and deletedByHash are the unique indexes of a mirror's tables.
	byHash, deletedByHash string
}

// writer puts events into a table of one format.
type writer interface {
	// find looks at the table. It makes one that is missing, if told so;
	// otherwise the layout is nil.
	find(ctx context.Context, c *sql.Conn, create bool) (*layout, error)
	// write runs the statements for the events, within a transaction.
	write(ctx context.Context, c *sql.Conn, l *layout, batch []target.Message) error
}

// database is a table of a database.
type database struct {
	db     *sql.DB
	table  writer
	secret string

	mu    sync.Mutex
	found *layout // nil before the first Send and after trouble
}

func open(s *Settings, env target.Env) (*database, error) {
	conf, err := s.driverConfig()
	if err != nil {
		return nil, err
	}
	if err := s.trust(conf, env); err != nil {
		return nil, err
	}
	table, err := s.ParseTable(grammar())
	if err != nil {
		return nil, err
	}
	conf.DialFunc = env.Dialer().DialContext
	connector, err := driver.NewConnector(conf)
	if err != nil {
		return nil, dsnError(err)
	}
	if s.DSN == "" {
		sqltable.WarnDeprecated(env, "dsn_string")
	}
	d := &database{db: sql.OpenDB(connector), secret: conf.Passwd, table: &accessTable{table: tableName(table)}}
	d.db.SetMaxOpenConns(s.MaxOpenConnections)
	d.db.SetMaxIdleConns(s.senders())
	if s.Mirrors() {
		d.table = &mirrorTable{table: tableName(table), deleted: tableName(table.Companion()), now: env.Time}
	}
	return d, nil
}

// Send commits batch in one transaction. If the database refuses the data of
// one, each is committed on its own to find which.
func (d *database) Send(ctx context.Context, batch []target.Message) error {
	if len(batch) == 0 {
		return nil
	}
	return d.with(ctx, func(c *sql.Conn) error {
		l, err := d.layout(ctx, c)
		if err != nil {
			return err
		}
		return sqltable.Commit(batch, func(part []target.Message) error {
			return transact(ctx, c, func() error { return d.table.write(ctx, c, l, part) })
		}, isDataError, d.clean)
	})
}

// with runs fn on a connection. After trouble the connection is closed, and the
// table is looked at anew.
func (d *database) with(ctx context.Context, fn func(*sql.Conn) error) error {
	c, err := d.db.Conn(ctx)
	if err != nil {
		return d.clean(err)
	}
	err = fn(c)
	if sqltable.Settled(err) {
		_ = c.Close() // gives it back
		return err
	}
	d.mu.Lock()
	d.found = nil
	d.mu.Unlock()
	discard(c)
	return d.clean(err)
}

func (d *database) layout(ctx context.Context, c *sql.Conn) (*layout, error) {
	d.mu.Lock()
	l := d.found
	d.mu.Unlock()
	if l != nil {
		return l, nil
	}
	l, err := d.table.find(ctx, c, true)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.found = l
	d.mu.Unlock()
	return l, nil
}

// Check connects and looks whether the table, if there is one, is of the right
// shape. It makes no table.
func (d *database) Check(ctx context.Context) error {
	return d.with(ctx, func(c *sql.Conn) error {
		_, err := d.table.find(ctx, c, false)
		return err
	})
}

// Close closes idle connections. Sends under way finish, and their connections
// go with them.
func (d *database) Close() error { return d.db.Close() }

// clean takes the password out of errors that others wrote.
func (d *database) clean(err error) error { return sqltable.Clean(err, d.secret) }
