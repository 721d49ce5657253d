package postgres

import (
	"context"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

const (
	// pruneAge is that of guards that are older than any duplicate.
	pruneAge = `7 days`
	// sequencerOf is the sequencer of the event that a row shows. Hex digits of
	// one length compare as text, but not under every collation.
	sequencerOf = `coalesce(t.value->'Records'->0->'s3'->'object'->>'sequencer', '') COLLATE "C"`
)

// mirrorTable has a row for each object. A row is guarded by the sequencer in
// its value; when the row goes, the companion table keeps the sequencer of the
// delete for a week, so that an older event does not bring the row back.
type mirrorTable struct {
	table, deleted tableName
	now            func() time.Time
	prune          sqltable.Prune
}

func mirrorColumns() []sqltable.Wanted {
	return []sqltable.Wanted{{Name: "key", Types: texts(), Unique: true}, {Name: "value", Types: jsons()}}
}

func deletedColumns() []sqltable.Wanted {
	return []sqltable.Wanted{
		{Name: "key", Types: texts(), Unique: true},
		{Name: "sequencer", Types: texts()},
		{Name: "deleted_at", Types: []string{"timestamptz"}},
	}
}

func (m *mirrorTable) prepare(ctx context.Context, c *connection) error {
	s, err := c.ensure(ctx, m.table, mirrorColumns(), []string{
		`CREATE TABLE IF NOT EXISTS ` + m.table.sql() + ` (key VARCHAR PRIMARY KEY, value JSONB)`,
	})
	if err != nil {
		return err
	}
	c.oid = s.ID
	_, err = c.ensure(ctx, m.deleted, deletedColumns(), []string{
		`CREATE TABLE IF NOT EXISTS ` + m.deleted.sql() +
			` (key VARCHAR PRIMARY KEY, sequencer VARCHAR NOT NULL, deleted_at TIMESTAMP WITH TIME ZONE NOT NULL)`,
		`CREATE INDEX ON ` + m.deleted.sql() + ` (deleted_at)`,
	})
	return err
}

func (m *mirrorTable) check(ctx context.Context, c *connection) error {
	if _, err := c.ensure(ctx, m.table, mirrorColumns(), nil); err != nil {
		return err
	}
	_, err := c.ensure(ctx, m.deleted, deletedColumns(), nil)
	return err
}

func (m *mirrorTable) write(ctx context.Context, c *connection, batch []target.Message) error {
	set, del := split(batch)
	if len(set.keys)+len(del.keys) == 0 {
		return nil
	}
	t := newTransaction()
	t.lock(c.oid)
	if len(set.keys) > 0 {
		t.Queue(m.setSQL(), set.keys, set.sequencers, set.values)
	}
	if len(del.keys) > 0 {
		t.Queue(m.deleteSQL(), del.keys, del.sequencers)
	}
	if m.prune.Due(m.now()) {
		t.Queue(`DELETE FROM ` + m.deleted.sql() + ` WHERE deleted_at < now() - interval '` + pruneAge + `'`)
	}
	return c.run(ctx, t)
}

// setSQL writes rows, unless the row or the companion knows of something newer.
func (m *mirrorTable) setSQL() string {
	return `WITH e AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS e(key, sequencer, value)),
known AS (DELETE FROM ` + m.deleted.sql() + ` d USING e WHERE d.key = e.key AND d.sequencer COLLATE "C" < e.sequencer)
INSERT INTO ` + m.table.sql() + ` AS t (key, value)
SELECT e.key, e.value::jsonb FROM e WHERE NOT EXISTS (
	SELECT 1 FROM ` + m.deleted.sql() + ` d WHERE d.key = e.key AND d.sequencer COLLATE "C" >= e.sequencer)
ON CONFLICT (key) DO UPDATE SET value = excluded.value
WHERE ` + sequencerOf + ` < excluded.value->'Records'->0->'s3'->'object'->>'sequencer'`
}

// deleteSQL removes rows that are not newer, and notes the deletes of the rest.
func (m *mirrorTable) deleteSQL() string {
	return `WITH e AS (SELECT * FROM unnest($1::text[], $2::text[]) AS e(key, sequencer)),
gone AS (DELETE FROM ` + m.table.sql() + ` t USING e WHERE t.key = e.key AND ` + sequencerOf + ` <= e.sequencer)
INSERT INTO ` + m.deleted.sql() + ` AS d (key, sequencer, deleted_at)
SELECT e.key, e.sequencer, now() FROM e WHERE NOT EXISTS (
	SELECT 1 FROM ` + m.table.sql() + ` t WHERE t.key = e.key AND ` + sequencerOf + ` > e.sequencer)
ON CONFLICT (key) DO UPDATE SET sequencer = excluded.sequencer, deleted_at = excluded.deleted_at
WHERE d.sequencer COLLATE "C" < excluded.sequencer`
}

// rows are the parameters of a statement, each an array.
type rows struct{ keys, sequencers, values []string }

// split sorts a batch into what is set and what is deleted.
func split(batch []target.Message) (set, del rows) {
	for _, m := range sqltable.Newest(batch) {
		if m.Mirror() == target.MirrorSet {
			set.keys, set.sequencers, set.values = append(set.keys, m.Key), append(set.sequencers, m.Sequencer), append(set.values, string(m.Body))
		} else {
			del.keys, del.sequencers = append(del.keys, m.Key), append(del.sequencers, m.Sequencer)
		}
	}
	return set, del
}
