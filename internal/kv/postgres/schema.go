package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
)

const (
	// formatVersion is what this program writes; minimumReader is the oldest
	// format that a program must know to read it.
	formatVersion = 1
	minimumReader = 1
)

// createTables makes an empty store. Narrow on purpose: tables with primary
// keys and a sequence.
//
// Values are never compressed, since most are small and many are compressed
// already. Pages of counters stay nearly empty, so that their many versions are
// pruned within the page and never reach the index.
const createTables = `
CREATE TABLE store (
	format      int    NOT NULL,
	min_reader  int    NOT NULL,
	epoch       bigint NOT NULL,
	incarnation bigint NOT NULL
);
CREATE TABLE writer (
	incarnation bigint PRIMARY KEY,
	generation  bigint NOT NULL
);
CREATE SEQUENCE revision;
CREATE TABLE entry (
	key      bytea  PRIMARY KEY,
	value    bytea  NOT NULL,
	revision bigint NOT NULL
) WITH (fillfactor = 90);
ALTER TABLE entry ALTER COLUMN value SET STORAGE EXTERNAL;
CREATE TABLE log_head (
	log      int    PRIMARY KEY,
	first    bigint NOT NULL,
	sequence bigint NOT NULL,
	stamp    bigint NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE TABLE log_record (
	log      int    NOT NULL,
	sequence bigint NOT NULL,
	stamp    bigint NOT NULL,
	value    bytea  NOT NULL,
	PRIMARY KEY (log, sequence)
);
ALTER TABLE log_record ALTER COLUMN value SET STORAGE EXTERNAL;
`

// openings bounds how often Open tries when another process formats the same
// database at the same moment.
const openings = 10

// enter formats the database if it is empty, and registers this opening. Both
// are durable when it returns.
func enter(ctx context.Context, conn *pgx.Conn, schema string) (epoch, incarnation uint64, err error) {
	for range openings {
		epoch, incarnation, err = tryEnter(ctx, conn, schema)
		if !raced(err) {
			break
		}
	}
	return epoch, incarnation, err
}

func tryEnter(ctx context.Context, conn *pgx.Conn, schema string) (epoch, incarnation uint64, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := format(ctx, tx, schema); err != nil {
			return err
		}
		var version, reader int
		var e, i int64
		err := tx.QueryRow(ctx, `UPDATE store SET incarnation = incarnation + 1
			RETURNING format, min_reader, epoch, incarnation`).Scan(&version, &reader, &e, &i)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return fmt.Errorf("%w: its table store is empty; restore it from a backup", ErrNotAStore)
		case err != nil:
			return err
		case reader > formatVersion:
			return fmt.Errorf("%w: format %d, this program knows %d; use a newer program", ErrNewerFormat, version, formatVersion)
		}
		epoch, incarnation = uint64(e), uint64(i)
		_, err = tx.Exec(ctx, `INSERT INTO writer (incarnation, generation) VALUES ($1, 0)`, i)
		return err
	})
	return epoch, incarnation, err
}

// format creates the schema and its tables unless they are there.
func format(ctx context.Context, tx pgx.Tx, schema string) error {
	var there bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM information_schema.tables
		WHERE table_schema = $1 AND table_name = 'store')`, schema).Scan(&there)
	if err != nil || there {
		return err
	}
	if _, err := tx.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{schema}.Sanitize()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, createTables); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO store (format, min_reader, epoch, incarnation) VALUES ($1, $2, $3, 0)`,
		formatVersion, minimumReader, int64(newEpoch()))
	return err
}

// newEpoch is 64 random bits, not 0.
func newEpoch() uint64 {
	for {
		if e := rand.Uint64(); e != 0 {
			return e
		}
	}
}
