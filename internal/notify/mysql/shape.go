package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// shape is what the database says of a table.
type shape struct {
	kind   string // BASE TABLE, VIEW
	engine string
	// transactions says that the engine has them.
	transactions bool
	columns      []column
}

type column struct {
	name, typ string
	// generated columns are filled by the database.
	generated bool
	// needed says that an insert must give it a value.
	needed bool
	// index is a unique index on it alone, empty if there is none.
	index string
}

// wanted is a column that a format needs.
type wanted struct {
	name   string
	types  []string
	unique bool
	// optional columns are used if they are there.
	optional bool
}

// texts and jsons are types by the names of information_schema. MariaDB's JSON
// is a text with a check.
func texts() []string { return []string{"varchar", "char", "text", "mediumtext", "longtext"} }
func jsons() []string { return []string{"json", "longtext", "mediumtext"} }

const shapeSQL = `SELECT t.table_type, COALESCE(t.engine, ''), COALESCE(e.transactions = 'YES', 0), c.column_name, LOWER(c.data_type),
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

// look returns the shape of a table, nil if there is none.
func look(ctx context.Context, c *sql.Conn, t tableName) (*shape, error) {
	rows, err := c.QueryContext(ctx, shapeSQL, t.schema, t.name)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // the error shows in Err
	var s shape
	for rows.Next() {
		var col column
		if err := rows.Scan(&s.kind, &s.engine, &s.transactions, &col.name, &col.typ, &col.generated, &col.needed, &col.index); err != nil {
			return nil, err
		}
		s.columns = append(s.columns, col)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if s.columns == nil {
		return nil, nil //nolint:nilnil // there is no table, and that is no error
	}
	return &s, nil
}

// fit says what keeps a table from being used. Further columns may be there if
// an insert need not name them.
func (s *shape) fit(t tableName, want []wanted) error {
	var wrong []string
	switch {
	case s.kind != "BASE TABLE":
		wrong = append(wrong, "it is not a table")
	case !s.transactions:
		wrong = append(wrong, "its engine "+s.engine+" has no transactions")
	}
	for _, w := range want {
		switch col := s.column(w.name); {
		case col == nil && !w.optional:
			wrong = append(wrong, fmt.Sprintf("it has no column %s %s", w.name, w.types[0]))
		case col == nil:
		case !slices.Contains(w.types, col.typ):
			wrong = append(wrong, fmt.Sprintf("its column %s is %s, not %s", col.name, col.typ, w.types[0]))
		case w.unique && col.index == "":
			wrong = append(wrong, fmt.Sprintf("its column %s is neither primary key nor unique", col.name))
		}
	}
	for _, col := range s.columns {
		known := slices.ContainsFunc(want, func(w wanted) bool { return w.name == col.name })
		if col.needed && !col.generated && !known {
			wrong = append(wrong, fmt.Sprintf("its column %s must have a value", col.name))
		}
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("table %s cannot be used for this format: %s; found (%s)", t.sql(), strings.Join(wrong, ", "), s)
}

func (s *shape) column(name string) *column {
	for i := range s.columns {
		if strings.EqualFold(s.columns[i].name, name) {
			return &s.columns[i]
		}
	}
	return nil
}

func (s *shape) String() string {
	var list []string
	for _, c := range s.columns {
		list = append(list, c.name+" "+c.typ)
	}
	return strings.Join(list, ", ")
}

// ensure returns the shape of a table. A table that is missing is made by the
// statement, unless that is empty; then the shape is nil.
func ensure(ctx context.Context, c *sql.Conn, t tableName, want []wanted, create string) (*shape, error) {
	s, err := look(ctx, c, t)
	if err != nil {
		return nil, fmt.Errorf("look for table %s: %w", t.sql(), err)
	}
	if s == nil && create != "" {
		if _, err := c.ExecContext(ctx, create); err != nil {
			return nil, fmt.Errorf("make table %s: %w", t.sql(), err)
		}
		if s, err = look(ctx, c, t); err != nil {
			return nil, err
		}
		if s == nil {
			return nil, fmt.Errorf("table %s was made, but is not found", t.sql())
		}
	}
	if s == nil {
		return nil, nil //nolint:nilnil // there is no table, and that is no error
	}
	return s, s.fit(t, want)
}
