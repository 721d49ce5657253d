package postgres

import (
	"context"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

// accessTable gets a row for each event. A table that we make has the event's
// id as its key, so that an event which comes again is no second row; one of
// MinIO's shape has no place for it.
type accessTable struct{ table tableName }

const (
	eventID = "event_id"
	// eventTimeUnit is that of eventTime in the JSON, which the column repeats.
	eventTimeUnit = time.Millisecond
)

func accessColumns() []sqltable.Wanted {
	return []sqltable.Wanted{
		{Name: "event_time", Types: []string{"timestamptz"}},
		{Name: "event_data", Types: jsons()},
		{Name: eventID, Types: texts(), Unique: true, Optional: true},
	}
}

func (a *accessTable) prepare(ctx context.Context, c *connection) error {
	s, err := c.ensure(ctx, a.table, accessColumns(), []string{
		`CREATE TABLE IF NOT EXISTS ` + a.table.sql() +
			` (event_time TIMESTAMP WITH TIME ZONE NOT NULL, event_data JSONB, event_id VARCHAR PRIMARY KEY)`,
	})
	if err != nil {
		return err
	}
	c.withID = s.Column(eventID) != nil
	return nil
}

func (a *accessTable) check(ctx context.Context, c *connection) error {
	_, err := c.ensure(ctx, a.table, accessColumns(), nil)
	return err
}

func (a *accessTable) write(ctx context.Context, c *connection, batch []target.Message) error {
	times, bodies, ids := make([]time.Time, len(batch)), make([]string, len(batch)), make([]string, len(batch))
	for i, m := range batch {
		times[i], bodies[i], ids[i] = m.Time.Truncate(eventTimeUnit), string(m.Body), m.ID
	}
	t := newTransaction()
	if c.withID {
		t.Queue(`INSERT INTO `+a.table.sql()+` (event_time, event_data, event_id)
SELECT e.at, e.body::jsonb, e.id FROM unnest($1::timestamptz[], $2::text[], $3::text[]) WITH ORDINALITY AS e(at, body, id, n) ORDER BY n
ON CONFLICT (event_id) DO NOTHING`, times, bodies, ids)
	} else {
		t.Queue(`INSERT INTO `+a.table.sql()+` (event_time, event_data)
SELECT e.at, e.body::jsonb FROM unnest($1::timestamptz[], $2::text[]) WITH ORDINALITY AS e(at, body, n) ORDER BY n`, times, bodies)
	}
	return c.run(ctx, t)
}
