package mysql

import (
	"context"
	"database/sql"

	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

// accessTable gets a row for each event. A table that we make has the event's
// id as its key, so that an event which comes again is no second row; one of
// MinIO's shape has no place for it.
type accessTable struct{ table tableName }

const (
	eventID = "event_id"
	// timeLayout is that of a DATETIME, in UTC, with the milliseconds that
	// eventTime has in the JSON.
	timeLayout = "2006-01-02 15:04:05.000"
)

func (a *accessTable) find(ctx context.Context, c *sql.Conn, create bool) (*layout, error) {
	var statement string
	if create {
		statement = `CREATE TABLE IF NOT EXISTS ` + a.table.sql() +
			` (event_time DATETIME(3) NOT NULL, event_data JSON, event_id VARCHAR(64) NOT NULL, PRIMARY KEY (event_id))
CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ENGINE=InnoDB ROW_FORMAT=Dynamic`
	}
	s, err := ensure(ctx, c, a.table, []sqltable.Wanted{
		{Name: "event_time", Types: []string{"datetime", "timestamp"}},
		{Name: "event_data", Types: jsons()},
		{Name: eventID, Types: texts(), Unique: true, Optional: true},
	}, statement)
	if s == nil || err != nil {
		return nil, err
	}
	return &layout{withID: s.Column(eventID) != nil}, nil
}

func (a *accessTable) write(ctx context.Context, c *sql.Conn, l *layout, batch []target.Message) error {
	statement, tuple, ending := "INSERT INTO "+a.table.sql()+" (event_time, event_data) VALUES ", "(?,?)", ""
	if l.withID {
		statement, tuple = "INSERT INTO "+a.table.sql()+" (event_time, event_data, event_id) VALUES ", "(?,?,?)"
		ending = " ON DUPLICATE KEY UPDATE event_id = VALUES(event_id)" // leaves the row as it is
	}
	args := make([]any, 0, 3*len(batch))
	for _, m := range batch {
		// Texts, not bytes: those are sent as binary, which JSON does not take.
		args = append(args, m.Time.UTC().Format(timeLayout), string(m.Body))
		if l.withID {
			args = append(args, m.ID)
		}
	}
	_, err := c.ExecContext(ctx, statement+tuples(len(batch), tuple)+ending, args...)
	return err
}
