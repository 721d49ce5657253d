package postgres

import (
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

// grammar is how names are written. As in SQL, one without quotes is in lower
// case; PostgreSQL keeps no more than 63 bytes of a name.
func grammar() sqltable.Grammar {
	return sqltable.Grammar{
		Schema: "schema",
		Quote:  `"`, Quotes: "double quotes", EndQuote: "quote",
		Plain: plainName, Rule: "letters, digits, _ and $, not beginning with a digit",
		Fold: func(name string) string { return strings.Map(lowerASCII, name) },
		Max:  63, Length: func(name string) int { return len(name) }, Units: "bytes", Bound: "PostgreSQL keeps",
	}
}

func plainName(s string) bool {
	for i, r := range s {
		first := r == '_' || unicode.IsLetter(r)
		if !first && (i == 0 || r != '$' && !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// tableName is the name of a table, perhaps with its schema.
type tableName sqltable.Name

// sql is the name as a statement has it.
func (t tableName) sql() string {
	if t.Schema == "" {
		return pgx.Identifier{t.Table}.Sanitize()
	}
	return pgx.Identifier{t.Schema, t.Table}.Sanitize()
}
