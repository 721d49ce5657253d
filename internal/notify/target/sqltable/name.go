package sqltable

import (
	"errors"
	"fmt"
	"strings"
)

// CompanionSuffix names the table of deleted keys after that of objects.
const CompanionSuffix = "_deleted"

// Name is the name of a table, perhaps with what holds it: its schema, which
// MySQL calls database.
type Name struct{ Schema, Table string }

// Companion is the table that keeps the sequencers of deleted keys.
func (n Name) Companion() Name { return Name{n.Schema, n.Table + CompanionSuffix} }

// Grammar is how a database has names written.
type Grammar struct {
	// Schema is its word for what holds tables.
	Schema string
	// Quote stands around a name of any characters; Quotes and EndQuote are words
	// for two and for one.
	Quote            string
	Quotes, EndQuote string
	// Plain reports whether a name needs no quotes, which Rule says in words; Fold
	// is what the database makes of such a name.
	Plain func(string) bool
	Rule  string
	Fold  func(string) string
	// Max is the longest name by Length, which counts Units; Bound says so.
	Max          int
	Length       func(string) int
	Units, Bound string
}

// Parse reads `table`, `schema.table`, and either part in quotes.
func (g Grammar) Parse(text string) (Name, error) {
	first, rest, err := g.part(text)
	if err != nil {
		return Name{}, err
	}
	if rest == "" {
		return Name{Table: first}, nil
	}
	second, rest, err := g.part(strings.TrimPrefix(rest, "."))
	if err != nil {
		return Name{}, err
	}
	if rest != "" {
		return Name{}, g.errForm()
	}
	return Name{first, second}, nil
}

func (g Grammar) errForm() error {
	return errors.New("table: give the name as table or " + g.Schema + ".table")
}

// part cuts the first part from text; what remains is empty or begins with a dot.
func (g Grammar) part(text string) (part, rest string, err error) {
	if quoted, ok := strings.CutPrefix(text, g.Quote); ok {
		part, rest, ok = strings.Cut(quoted, g.Quote)
		if !ok || part == "" {
			return "", "", errors.New("table: a quoted name is empty or has no closing " + g.EndQuote)
		}
	} else {
		part, rest = text, ""
		if i := strings.IndexByte(text, '.'); i >= 0 {
			part, rest = text[:i], text[i:]
		}
		if !g.Plain(part) {
			return "", "", fmt.Errorf("table: %q is not a name: %s, or anything in %s", part, g.Rule, g.Quotes)
		}
		part = g.Fold(part)
	}
	switch {
	case rest != "" && rest[0] != '.':
		return "", "", g.errForm()
	case g.Length(part) > g.Max:
		return "", "", fmt.Errorf("table: a name has %d %s, %s %d", g.Length(part), g.Units, g.Bound, g.Max)
	}
	return part, rest, nil
}

// CheckCompanion wants the name to leave room for that of its companion.
func (g Grammar) CheckCompanion(n Name) error {
	if length := g.Length(n.Table); length+len(CompanionSuffix) > g.Max {
		return fmt.Errorf("table: the name has %d %s, at most %d leave room for that of the table beside it, which ends with %s",
			length, g.Units, g.Max-len(CompanionSuffix), CompanionSuffix)
	}
	return nil
}
