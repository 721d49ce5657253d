package postgres

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
)

const (
	// maxName is the longest name that PostgreSQL keeps whole, in bytes.
	maxName = 63
	// companionSuffix names the table of deleted keys after that of objects.
	companionSuffix = "_deleted"
)

// tableName is the name of a table, perhaps with its schema.
type tableName struct{ schema, name string }

// parseTable reads `table`, `schema.table`, and either part in double quotes.
// As in SQL, a part without quotes is in lower case.
func parseTable(text string) (tableName, error) {
	first, rest, err := tablePart(text)
	if err != nil {
		return tableName{}, err
	}
	if rest == "" {
		return tableName{name: first}, nil
	}
	second, rest, err := tablePart(strings.TrimPrefix(rest, "."))
	if err != nil {
		return tableName{}, err
	}
	if rest != "" {
		return tableName{}, errors.New("table: give the name as table or schema.table")
	}
	return tableName{first, second}, nil
}

// tablePart cuts the first part from text; what remains is empty or begins with
// a dot.
func tablePart(text string) (part, rest string, err error) {
	if quoted, ok := strings.CutPrefix(text, `"`); ok {
		part, rest, ok = strings.Cut(quoted, `"`)
		if !ok || part == "" {
			return "", "", errors.New("table: a quoted name is empty or has no closing quote")
		}
	} else {
		part, rest = text, ""
		if i := strings.IndexByte(text, '.'); i >= 0 {
			part, rest = text[:i], text[i:]
		}
		if !plainName(part) {
			return "", "", fmt.Errorf("table: %q is not a name: letters, digits, _ and $, not beginning with a digit, or anything in double quotes", part)
		}
		part = strings.Map(lowerASCII, part)
	}
	switch {
	case rest != "" && rest[0] != '.':
		return "", "", errors.New("table: give the name as table or schema.table")
	case len(part) > maxName:
		return "", "", fmt.Errorf("table: a name has %d bytes, PostgreSQL keeps %d", len(part), maxName)
	}
	return part, rest, nil
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

// sql is the name as a statement has it.
func (t tableName) sql() string {
	if t.schema == "" {
		return pgx.Identifier{t.name}.Sanitize()
	}
	return pgx.Identifier{t.schema, t.name}.Sanitize()
}

// companion is the table that keeps the sequencers of deleted keys.
func (t tableName) companion() tableName { return tableName{t.schema, t.name + companionSuffix} }

func (t tableName) checkCompanion() error {
	if n := len(t.name); n+len(companionSuffix) > maxName {
		return fmt.Errorf("table: the name has %d bytes, at most %d leave room for that of the table beside it, which ends with %s",
			n, maxName-len(companionSuffix), companionSuffix)
	}
	return nil
}
