package mysql

import (
	"unicode/utf8"

	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

// grammar is how names are written: MySQL counts their characters.
func grammar() sqltable.Grammar {
	return sqltable.Grammar{
		Schema: "database",
		Quote:  "`", Quotes: "backquotes", EndQuote: "backquote",
		Plain: plainName, Rule: "letters, digits, _ and $",
		Fold: func(name string) string { return name },
		Max:  64, Length: utf8.RuneCountInString, Units: "characters", Bound: "MySQL allows",
	}
}

func plainName(s string) bool {
	for _, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r >= utf8.RuneSelf
		if !letter && r != '_' && r != '$' && (r < '0' || '9' < r) {
			return false
		}
	}
	return s != ""
}

// tableName is the name of a table, perhaps with its database.
type tableName sqltable.Name

// sql is the name as a statement has it.
func (t tableName) sql() string {
	if t.Schema == "" {
		return "`" + t.Table + "`"
	}
	return "`" + t.Schema + "`.`" + t.Table + "`"
}
