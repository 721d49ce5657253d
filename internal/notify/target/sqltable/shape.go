package sqltable

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Shape is what the database says of a table.
type Shape struct {
	// ID is the database's number of the table, if it gives any.
	ID uint32
	// Wrong says what besides columns keeps it from being used.
	Wrong   []string
	Columns []Column
}

// Column is one of a table.
type Column struct {
	Name, Type string
	// Generated columns are filled by the database.
	Generated bool
	// Needed says that an insert must give it a value.
	Needed bool
	// Index is a unique index on it alone, empty if there is none.
	Index string
}

// Wanted is a column that a format needs.
type Wanted struct {
	Name   string
	Types  []string
	Unique bool
	// Optional columns are used if they are there.
	Optional bool
}

// fit says what keeps a table from being used. Further columns may be there if
// an insert need not name them.
func (s *Shape) fit(table string, want []Wanted) error {
	wrong := slices.Clone(s.Wrong)
	for _, w := range want {
		switch col := s.Column(w.Name); {
		case col == nil && !w.Optional:
			wrong = append(wrong, fmt.Sprintf("it has no column %s %s", w.Name, w.Types[0]))
		case col == nil:
		case !slices.Contains(w.Types, col.Type):
			wrong = append(wrong, fmt.Sprintf("its column %s is %s, not %s", col.Name, col.Type, w.Types[0]))
		case w.Unique && col.Index == "":
			wrong = append(wrong, fmt.Sprintf("its column %s is neither primary key nor unique", col.Name))
		}
	}
	for _, col := range s.Columns {
		known := slices.ContainsFunc(want, func(w Wanted) bool { return w.Name == col.Name })
		if col.Needed && !col.Generated && !known {
			wrong = append(wrong, fmt.Sprintf("its column %s must have a value", col.Name))
		}
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("table %s cannot be used for this format: %s; found (%s)", table, strings.Join(wrong, ", "), s)
}

// Column returns a column, nil if there is none of the name.
func (s *Shape) Column(name string) *Column {
	for i := range s.Columns {
		if s.Columns[i].Name == name {
			return &s.Columns[i]
		}
	}
	return nil
}

// String lists the columns.
func (s *Shape) String() string {
	list := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		list[i] = c.Name + " " + c.Type
	}
	return strings.Join(list, ", ")
}

// Finder looks at one table.
type Finder struct {
	// Table is its name as a statement has it.
	Table string
	Want  []Wanted
	// Look returns its shape, without columns if there is no such table.
	Look func(context.Context) (Shape, error)
	// Make makes it; nil leaves it missing.
	Make func(context.Context) error
}

// Find returns the shape of a table that fits; nil if it is missing and there is
// no Make.
func (f Finder) Find(ctx context.Context) (*Shape, error) {
	s, err := f.Look(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for table %s: %w", f.Table, err)
	}
	if s.Columns == nil && f.Make != nil {
		if err := f.Make(ctx); err != nil {
			return nil, fmt.Errorf("make table %s: %w", f.Table, err)
		}
		if s, err = f.Look(ctx); err != nil {
			return nil, err
		}
		if s.Columns == nil {
			return nil, fmt.Errorf("table %s was made, but is not found: is its schema searched?", f.Table)
		}
	}
	if s.Columns == nil {
		return nil, nil //nolint:nilnil // there is no table, and that is no error
	}
	return &s, s.fit(f.Table, f.Want)
}
