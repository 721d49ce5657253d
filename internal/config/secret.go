package config

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands for a secret in every form of output.
const redacted = "***"

// Secret is a value that must not be seen: however it is printed, logged or
// marshalled, it shows as "***", and as nothing when it is empty. Only Reveal
// gives it away.
type Secret string

// Reveal returns the secret itself, for handing it to the one it is meant for.
func (s Secret) Reveal() string { return string(s) }

// String returns "***", or "" if s is empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format writes the redacted form for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// GoString returns the redacted form.
func (s Secret) GoString() string { return s.String() }

// LogValue returns the redacted form.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the redacted form; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns the redacted form.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }
