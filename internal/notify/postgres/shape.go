package postgres

import (
	"context"

	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

// Types by the names that the catalogue has for them.
func texts() []string { return []string{"varchar", "text"} }
func jsons() []string { return []string{"jsonb", "json"} }

const shapeSQL = `SELECT c.oid, c.relkind::text, a.attname::text, t.typname::text,
	a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',
	coalesce((SELECT min(i.indexrelid::regclass::text) FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
		AND i.indimmediate AND i.indpred IS NULL AND i.indkey::text = a.attnum::text), '')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE c.oid = to_regclass($1) ORDER BY a.attnum`

// look returns the shape of a table.
func (c *connection) look(ctx context.Context, t tableName) (s sqltable.Shape, err error) {
	rows, err := c.conn.Query(ctx, shapeSQL, t.sql())
	if err != nil {
		return s, err
	}
	defer rows.Close()
	var kind string
	for rows.Next() {
		var col sqltable.Column
		if err := rows.Scan(&s.ID, &kind, &col.Name, &col.Type, &col.Needed, &col.Index); err != nil {
			return s, err
		}
		s.Columns = append(s.Columns, col)
	}
	if kind != "r" && kind != "p" { // those hold rows
		s.Wrong = []string{"it is not a table"}
	}
	return s, rows.Err()
}

// ensure returns the shape of a table, which is made by the statements if it is
// missing and there are any. It is nil if it is missing and not made.
func (c *connection) ensure(ctx context.Context, t tableName, want []sqltable.Wanted, statements []string) (*sqltable.Shape, error) {
	f := sqltable.Finder{
		Table: t.sql(), Want: want,
		Look: func(ctx context.Context) (sqltable.Shape, error) { return c.look(ctx, t) },
	}
	if statements != nil {
		// Two servers that start at once must not make it both.
		f.Make = func(ctx context.Context) error { return c.commit(ctx, 0, statements...) }
	}
	return f.Find(ctx)
}
