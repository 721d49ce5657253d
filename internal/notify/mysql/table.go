package mysql

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// maxName is the longest name that MySQL has, in characters.
	maxName = 64
	// companionSuffix names the table of deleted keys after that of objects.
	companionSuffix = "_deleted"
)

// tableName is the name of a table, perhaps with its database.
type tableName struct{ schema, name string }

// parseTable reads `table`, `database.table`, and either part in backquotes.
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
		return tableName{}, errors.New("table: give the name as table or database.table")
	}
	return tableName{first, second}, nil
}

// tablePart cuts the first part from text; what remains is empty or begins with
// a dot.
func tablePart(text string) (part, rest string, err error) {
	if quoted, ok := strings.CutPrefix(text, "`"); ok {
		part, rest, ok = strings.Cut(quoted, "`")
		if !ok || part == "" {
			return "", "", errors.New("table: a quoted name is empty or has no closing backquote")
		}
	} else {
		part, rest = text, ""
		if i := strings.IndexByte(text, '.'); i >= 0 {
			part, rest = text[:i], text[i:]
		}
		if !plainName(part) {
			return "", "", fmt.Errorf("table: %q is not a name: letters, digits, _ and $, or anything in backquotes", part)
		}
	}
	switch {
	case rest != "" && rest[0] != '.':
		return "", "", errors.New("table: give the name as table or database.table")
	case utf8.RuneCountInString(part) > maxName:
		return "", "", fmt.Errorf("table: a name has %d characters, MySQL allows %d", utf8.RuneCountInString(part), maxName)
	}
	return part, rest, nil
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

// sql is the name as a statement has it.
func (t tableName) sql() string {
	if t.schema == "" {
		return "`" + t.name + "`"
	}
	return "`" + t.schema + "`.`" + t.name + "`"
}

// companion is the table that keeps the sequencers of deleted keys.
func (t tableName) companion() tableName { return tableName{t.schema, t.name + companionSuffix} }

func (t tableName) checkCompanion() error {
	if n := utf8.RuneCountInString(t.name); n+len(companionSuffix) > maxName {
		return fmt.Errorf("table: the name has %d characters, at most %d leave room for that of the table beside it, which ends with %s",
			n, maxName-len(companionSuffix), companionSuffix)
	}
	return nil
}
