package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// shape is what the database says of a table.
type shape struct {
	oid     uint32
	kind    string // relkind: r and p hold rows, v is a view
	columns []column
}

type column struct {
	name, typ string
	// needed says that an insert must give it a value.
	needed bool
	// unique says that it has a unique index of its own.
	unique bool
}

// wanted is a column that a format needs.
type wanted struct {
	name   string
	types  []string
	unique bool
	// optional columns are used if they are there.
	optional bool
}

// Types by the names that the catalogue has for them.
func texts() []string { return []string{"varchar", "text"} }
func jsons() []string { return []string{"jsonb", "json"} }

const shapeSQL = `SELECT c.oid, c.relkind::text, a.attname::text, t.typname::text,
	a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',
	EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
		AND i.indimmediate AND i.indpred IS NULL AND i.indkey::text = a.attnum::text)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE c.oid = to_regclass($1) ORDER BY a.attnum`

// look returns the shape of a table, nil if there is none.
func (c *connection) look(ctx context.Context, t tableName) (*shape, error) {
	rows, err := c.conn.Query(ctx, shapeSQL, t.sql())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var s shape
	for rows.Next() {
		var col column
		if err := rows.Scan(&s.oid, &s.kind, &col.name, &col.typ, &col.needed, &col.unique); err != nil {
			return nil, err
		}
		s.columns = append(s.columns, col)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look for table %s: %w", t.sql(), err)
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
	if s.kind != "r" && s.kind != "p" {
		wrong = append(wrong, "it is not a table")
	}
	for _, w := range want {
		switch col := s.column(w.name); {
		case col == nil && !w.optional:
			wrong = append(wrong, fmt.Sprintf("it has no column %s %s", w.name, w.types[0]))
		case col == nil:
		case !slices.Contains(w.types, col.typ):
			wrong = append(wrong, fmt.Sprintf("its column %s is %s, not %s", col.name, col.typ, w.types[0]))
		case w.unique && !col.unique:
			wrong = append(wrong, fmt.Sprintf("its column %s is neither primary key nor unique", col.name))
		}
	}
	for _, col := range s.columns {
		known := slices.ContainsFunc(want, func(w wanted) bool { return w.name == col.name })
		if col.needed && !known {
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
		if s.columns[i].name == name {
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

// ensure returns the shape of a table, which is made by the statements if it is
// missing and make is set. It is nil if it is missing and not made.
func (c *connection) ensure(ctx context.Context, t tableName, want []wanted, statements []string) (*shape, error) {
	s, err := c.look(ctx, t)
	if err != nil {
		return nil, err
	}
	if s == nil && statements != nil {
		// Two servers that start at once must not make it both.
		if err := c.commit(ctx, 0, statements...); err != nil {
			return nil, fmt.Errorf("make table %s: %w", t.sql(), err)
		}
		if s, err = c.look(ctx, t); err != nil {
			return nil, err
		}
		if s == nil {
			return nil, errors.New("table " + t.sql() + " was made, but is not found: is its schema on the search_path?")
		}
	}
	if s == nil {
		return nil, nil //nolint:nilnil // there is no table, and that is no error
	}
	return s, s.fit(t, want)
}
