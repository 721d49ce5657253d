package config

import "strings"

// Code sorts the reasons for which a text of settings is refused.
type Code uint8

// Codes of an Error.
const (
	// Malformed: an unknown sub-system or key, text that is no assignment, a
	// required value that is missing.
	Malformed Code = iota + 1
	// Invalid: a value that its field or the settings as a whole refuse.
	Invalid
	// NotFound: what is to be reset or restored does not exist.
	NotFound
)

// Error is why a text of settings was refused; nothing was changed. Its text
// holds no secret.
type Error struct {
	Code Code
	// Problems are all that was found, not the first only.
	Problems []error
}

func (e *Error) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = strings.ReplaceAll(p.Error(), "\n", "; ")
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the problems.
func (e *Error) Unwrap() []error { return e.Problems }
