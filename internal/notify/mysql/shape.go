package mysql

import (
	"context"
	"database/sql"

	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

// texts and jsons are types by the names of information_schema. MariaDB's JSON
// is a text with a check.
func texts() []string { return []string{"varchar", "char", "text", "mediumtext", "longtext"} }
func jsons() []string { return []string{"json", "longtext", "mediumtext"} }

// shapeSQL has names in lower case, as they are the same in either.
const shapeSQL = `SELECT t.table_type, COALESCE(t.engine, ''), COALESCE(e.transactions = 'YES', 0), LOWER(c.column_name), LOWER(c.data_type),
	c.extra LIKE '%GENERATED%' AND c.extra NOT LIKE 'DEFAULT%',
	c.is_nullable = 'NO' AND c.column_default IS NULL AND c.extra NOT LIKE '%auto_increment%',
	COALESCE((SELECT MIN(s.index_name) FROM information_schema.statistics s WHERE s.table_schema = c.table_schema AND s.table_name = c.table_name
		AND s.column_name = c.column_name AND s.non_unique = 0 AND s.sub_part IS NULL
		AND NOT EXISTS (SELECT 1 FROM information_schema.statistics o WHERE o.table_schema = s.table_schema
			AND o.table_name = s.table_name AND o.index_name = s.index_name AND o.seq_in_index > 1)), '')
FROM information_schema.tables t
JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
LEFT JOIN information_schema.engines e ON e.engine = t.engine
WHERE t.table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND t.table_name = ?
ORDER BY c.ordinal_position`

// look returns the shape of a table.
func look(ctx context.Context, c *sql.Conn, t tableName) (s sqltable.Shape, err error) {
	rows, err := c.QueryContext(ctx, shapeSQL, t.Schema, t.Table)
	if err != nil {
		return s, err
	}
	defer rows.Close() //nolint:errcheck // the error shows in Err
	var kind, engine string
	var transactions bool
	for rows.Next() {
		var col sqltable.Column
		if err := rows.Scan(&kind, &engine, &transactions, &col.Name, &col.Type, &col.Generated, &col.Needed, &col.Index); err != nil {
			return s, err
		}
		s.Columns = append(s.Columns, col)
	}
	switch {
	case kind != "BASE TABLE":
		s.Wrong = []string{"it is not a table"}
	case !transactions:
		s.Wrong = []string{"its engine " + engine + " has no transactions"}
	}
	return s, rows.Err()
}

// ensure returns the shape of a table. A table that is missing is made by the
// statement, unless that is empty; then the shape is nil.
func ensure(ctx context.Context, c *sql.Conn, t tableName, want []sqltable.Wanted, create string) (*sqltable.Shape, error) {
	f := sqltable.Finder{
		Table: t.sql(), Want: want,
		Look: func(ctx context.Context) (sqltable.Shape, error) { return look(ctx, c, t) },
	}
	if create != "" {
		f.Make = func(ctx context.Context) error {
			_, err := c.ExecContext(ctx, create)
			return err
		}
	}
	return f.Find(ctx)
}
