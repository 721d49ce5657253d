package mysql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

const (
	// turn is the row of the companion table that a writer locks: the writers of
	// one table take turns, so that what they read is so when they write, also
	// beside one that we gave up but the server did not.
	turn = "turn"
	// sequencerOf is the sequencer of the event that a row shows.
	sequencerOf = "COALESCE(JSON_UNQUOTE(JSON_EXTRACT(value, '$.Records[0].s3.object.sequencer')), '')"
)

// mirrorTable has a row for each object. A row is guarded by the sequencer in
// its value; when the row goes, the companion table keeps the sequencer of the
// delete for a week, so that an older event does not bring the row back.
//
// Rows are found by the SHA-256 of their key: a key is longer than an index
// takes, and compares without regard to spaces at its end.
type mirrorTable struct {
	table, deleted tableName
	now            func() time.Time
	prune          sqltable.Prune
}

func (m *mirrorTable) find(ctx context.Context, c *sql.Conn, create bool) (*layout, error) {
	var statement, companion string
	if create {
		statement, companion = m.createSQL(), m.createCompanionSQL()
	}
	s, err := ensure(ctx, c, m.table, []sqltable.Wanted{
		{Name: "key_name", Types: texts()},
		{Name: "key_hash", Types: []string{"char", "varchar"}, Unique: true},
		{Name: "value", Types: jsons()},
	}, statement)
	if err != nil {
		return nil, err
	}
	d, err := ensure(ctx, c, m.deleted, []sqltable.Wanted{
		{Name: "key_hash", Types: []string{"char", "varchar"}, Unique: true},
		{Name: "sequencer", Types: []string{"char", "varchar"}},
		{Name: "deleted_at", Types: []string{"datetime"}},
	}, companion)
	if s == nil || d == nil || err != nil {
		return nil, err
	}
	hash := s.Column("key_hash")
	return &layout{withHash: !hash.Generated, byHash: hash.Index, deletedByHash: d.Column("key_hash").Index}, nil
}

// createSQL makes the table that MinIO makes, but for its primary key. MinIO's is
// the hash: rows then stand in the order of the hashes, and each new one is
// written into another page of a table that is soon larger than memory. Here a
// hidden number keeps them in the order in which they come, and only the much
// smaller index of hashes is written all over. Who selects all columns does not
// see it; before MySQL 8.0.23 and MariaDB 10.3.3 no column can hide.
func (m *mirrorTable) createSQL() string {
	return `CREATE TABLE IF NOT EXISTS ` + m.table.sql() + ` (key_name VARCHAR(3072) NOT NULL, key_hash CHAR(64) GENERATED ALWAYS AS (SHA2(key_name, 256)) STORED, value JSON,
row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE *//*M!100303 INVISIBLE */, PRIMARY KEY (row_id), UNIQUE KEY key_hash (key_hash))
CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ENGINE=InnoDB ROW_FORMAT=Dynamic`
}

func (m *mirrorTable) createCompanionSQL() string {
	return `CREATE TABLE IF NOT EXISTS ` + m.deleted.sql() +
		` (key_hash CHAR(64) NOT NULL, sequencer VARCHAR(32) NOT NULL, deleted_at DATETIME NOT NULL, PRIMARY KEY (key_hash), KEY (deleted_at))
CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ENGINE=InnoDB ROW_FORMAT=Dynamic`
}

func (m *mirrorTable) write(ctx context.Context, c *sql.Conn, l *layout, batch []target.Message) error {
	events := newest(batch)
	if len(events) == 0 {
		return nil
	}
	w := work{ctx: ctx, c: c, m: m}
	w.lock()
	rows := w.known(events, sequencerOf, m.table, l.byHash)
	deletes := w.known(events, "sequencer", m.deleted, l.deletedByHash)
	var set, del, gone, back []entry
	for _, e := range events {
		row, isRow := rows[e.hash]
		deleted, isDeleted := deletes[e.hash]
		switch {
		case max(row, deleted) >= e.message.Sequencer: // it, or something newer, was here
			continue
		case e.message.Mirror() == target.MirrorSet:
			set = append(set, e)
			if isDeleted {
				back = append(back, e)
			}
		default:
			del = append(del, e)
			if isRow {
				gone = append(gone, e)
			}
		}
	}
	w.set(set, l.withHash)
	w.remove(back, m.deleted, l.deletedByHash)
	w.remove(gone, m.table, l.byHash)
	w.remember(del)
	if m.prune.Due(m.now()) {
		w.exec("DELETE FROM " + m.deleted.sql() + " WHERE deleted_at < UTC_TIMESTAMP() - INTERVAL 7 DAY")
	}
	return w.err
}

// entry is the newest event of a key.
type entry struct {
	hash    string
	message *target.Message
}

// newest are the events of a batch that count.
func newest(batch []target.Message) []entry {
	var out []entry
	for _, m := range sqltable.Newest(batch) {
		sum := sha256.Sum256([]byte(m.Key))
		out = append(out, entry{hex.EncodeToString(sum[:]), m})
	}
	return out
}

// work are the statements of one transaction; after an error it does nothing.
type work struct {
	ctx context.Context //nolint:containedctx // it lives as long as one Send
	c   *sql.Conn
	m   *mirrorTable
	err error
}

func (w *work) exec(statement string, args ...any) {
	if w.err == nil {
		_, w.err = w.c.ExecContext(w.ctx, statement, args...)
	}
}

// lock waits for this writer's turn.
func (w *work) lock() {
	w.exec("INSERT INTO "+w.m.deleted.sql()+" (key_hash, sequencer, deleted_at) VALUES (?, '', '9999-12-31') ON DUPLICATE KEY UPDATE sequencer = ''", turn)
}

// known are the sequencers that a table has of the keys, those with a row only.
func (w *work) known(events []entry, column string, t tableName, index string) map[string]string {
	known := make(map[string]string)
	if w.err == nil {
		w.err = readPairs(w.ctx, w.c, known, "SELECT key_hash, "+column+from(t, index, len(events)), hashes(events))
	}
	return known
}

// from is the part of a statement that finds n keys. It names the index: for a
// table that grew fast the database believes that it is small, and reads all.
func from(t tableName, index string, n int) string {
	return " FROM " + t.sql() + " FORCE INDEX (`" + index + "`) WHERE key_hash IN (" + tuples(n, "?") + ")"
}

// readPairs adds the pairs that a query returns.
func readPairs(ctx context.Context, c *sql.Conn, into map[string]string, query string, args []any) error {
	rows, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // the error shows in Err
	for rows.Next() {
		var hash, sequencer string
		if err := rows.Scan(&hash, &sequencer); err != nil {
			return fmt.Errorf("read sequencers: %w", err)
		}
		into[hash] = sequencer
	}
	return rows.Err()
}

func hashes(events []entry) []any {
	args := make([]any, len(events))
	for i, e := range events {
		args[i] = e.hash
	}
	return args
}

// set writes rows.
func (w *work) set(events []entry, withHash bool) {
	if len(events) == 0 {
		return
	}
	columns, tuple := "(key_name, value)", "(?,?)"
	if withHash {
		columns, tuple = "(key_name, value, key_hash)", "(?,?,?)"
	}
	args := make([]any, 0, 3*len(events))
	for _, e := range events {
		// Texts, not bytes: those are sent as binary, which JSON does not take.
		args = append(args, e.message.Key, string(e.message.Body))
		if withHash {
			args = append(args, e.hash)
		}
	}
	w.exec("INSERT INTO "+w.m.table.sql()+" "+columns+" VALUES "+tuples(len(events), tuple)+" ON DUPLICATE KEY UPDATE value = VALUES(value)", args...)
}

// remove deletes the keys from a table.
func (w *work) remove(events []entry, t tableName, index string) {
	if len(events) > 0 {
		w.exec("DELETE "+t.sql()+from(t, index, len(events)), hashes(events)...)
	}
}

// remember keeps the sequencers of deletes.
func (w *work) remember(events []entry) {
	if len(events) == 0 {
		return
	}
	args := make([]any, 0, 2*len(events))
	for _, e := range events {
		args = append(args, e.hash, e.message.Sequencer)
	}
	w.exec("INSERT INTO "+w.m.deleted.sql()+" (key_hash, sequencer, deleted_at) VALUES "+tuples(len(events), "(?,?,UTC_TIMESTAMP())")+
		" ON DUPLICATE KEY UPDATE sequencer = VALUES(sequencer), deleted_at = VALUES(deleted_at)", args...)
}
