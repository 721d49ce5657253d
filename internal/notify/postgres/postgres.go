// Package postgres writes events to a table of a PostgreSQL database.
//
//	mc admin config set ALIAS notify_postgres:1 table=bucketevents format=namespace
//	    connection_string="host=localhost port=5432 dbname=minio_events user=postgres password=password"
//
// With format=namespace the table has a row for each object, which shows what
// GET shows; with format=access each event is a row. Every Send is one
// transaction of a few multi-row statements, whatever the number of events.
//
// Acknowledged means committed, with at least a local flush of the write-ahead
// log. An event whose data the database refuses (SQLSTATE classes 22, 23 and 54)
// is refused for good; every other error is the database's trouble.
package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

const (
	// maxBatch and maxBatchBytes bound a transaction: large enough that the
	// flush of the log is shared by many events, small enough that one takes
	// well under a second.
	maxBatch      = 500
	maxBatchBytes = 4 << 20
	// maxSenders bounds the Sends under way where max_open_connections allows
	// more: a database gets no faster by it.
	maxSenders = 8
	// timeout bounds one Send, statementTimeout each statement of it on the
	// server, so that one which we gave up does not hold its locks for long.
	timeout          = 30 * time.Second
	statementTimeout = 20 * time.Second
)

// Kind is the PostgreSQL kind of target.
func Kind() target.Kind {
	return target.New(target.Definition[Settings, *Settings]{
		Name:        "postgres",
		ARNType:     "postgresql",
		Description: "publish bucket notifications to Postgres databases",
		Traits: func(s *Settings) target.Traits {
			return target.Traits{
				MaxBatch: maxBatch, MaxBatchBytes: maxBatchBytes, Senders: s.senders(), Ordered: true,
				Timeout: timeout, Body: target.Records, Mirror: s.Mirrors(),
			}
		},
		Open: func(s *Settings, env target.Env) (target.Target, error) { return open(s, env) },
	})
}

// writer puts events into a table of one format.
type writer interface {
	// prepare finds or makes the table.
	prepare(ctx context.Context, c *connection) error
	// check looks at the table as prepare does, and makes nothing.
	check(ctx context.Context, c *connection) error
	// write commits the events.
	write(ctx context.Context, c *connection, batch []target.Message) error
}

// database is a table of a database.
type database struct {
	pool  *pool
	table writer
}

func open(s *Settings, env target.Env) (*database, error) {
	conf, err := s.connConfig()
	if err != nil {
		return nil, err
	}
	table, err := s.ParseTable(grammar())
	if err != nil {
		return nil, err
	}
	if s.ConnectionString == "" {
		sqltable.WarnDeprecated(env, "connection_string")
	}
	d := &database{pool: newPool(conf, env, s.connections()), table: &accessTable{table: tableName(table)}}
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
	c, err := d.pool.get(ctx)
	if err != nil {
		return err
	}
	err = d.write(ctx, c, batch)
	d.pool.put(c, err)
	return d.pool.clean(err)
}

func (d *database) write(ctx context.Context, c *connection, batch []target.Message) error {
	if !c.prepared {
		if err := d.table.prepare(ctx, c); err != nil {
			return err
		}
		c.prepared = true
	}
	return sqltable.Commit(batch, func(part []target.Message) error { return d.table.write(ctx, c, part) }, isDataError, d.pool.clean)
}

// Check connects and looks whether the table, if there is one, is of the right
// shape. It makes no table.
func (d *database) Check(ctx context.Context) error {
	c, err := d.pool.get(ctx)
	if err != nil {
		return err
	}
	err = d.table.check(ctx, c)
	d.pool.put(c, err)
	return d.pool.clean(err)
}

// Close closes idle connections. Sends under way finish, and their connections
// go with them.
func (d *database) Close() error {
	d.pool.close()
	return nil
}

var errClosed = errors.New("postgres: closed")
