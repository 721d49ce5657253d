package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// FieldError is what is wrong with the value of one key.
type FieldError struct {
	Key string
	Err error
}

func (e *FieldError) Error() string { return e.Key + ": " + e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }

// errRequired is the cause of a FieldError for a value that is missing.
var errRequired = errors.New("a value is required")

// Decode fills s from values, which are by key; those without a value get their
// default. It returns all errors at once: values that cannot be read, unknown
// keys, required keys that are missing and, if there are none of these, what
// s.Validate says. Instances of a Store are decoded already; Decode is for
// tests and tools.
func Decode(s Settings, values map[string]string) error {
	var set FieldSet
	s.Fields(&set)
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if set.find(key) == nil {
			errs = append(errs, unknownKey(key, set.keys()))
		}
	}
	errs = append(errs, set.apply(canonical(&set, values), true)...)
	if len(errs) == 0 {
		errs = append(errs, s.Validate())
	}
	return errors.Join(errs...)
}

// canonical renames aliases to their keys. A key beats its aliases.
func canonical(set *FieldSet, values map[string]string) map[string]string {
	out := make(map[string]string, len(values))
	for key, value := range values {
		f := set.find(key)
		if f == nil {
			continue
		}
		if _, taken := out[f.Key]; !taken || key == f.Key {
			out[f.Key] = value
		}
	}
	return out
}

// apply parses values into the bound variables, with defaults for those that
// are empty or missing.
func (s *FieldSet) apply(values map[string]string, required bool) []error {
	var errs []error
	for _, f := range s.fields {
		text := values[f.Key]
		if text == "" {
			text = f.Default
		}
		if text == "" && f.Required && required && values[f.Unless] == "" {
			errs = append(errs, &FieldError{Key: f.Key, Err: errRequired})
			continue
		}
		if err := f.parse(text); err != nil {
			errs = append(errs, &FieldError{Key: f.Key, Err: f.safe(err)})
		}
	}
	return errs
}

// safe keeps the text of a secret out of errors, whatever its parser says.
func (f *Field) safe(err error) error {
	if f.Secret {
		return errors.New("the value cannot be used")
	}
	return err
}

// keys are the keys that users should type today.
func (s *FieldSet) keys() []string {
	var keys []string
	for _, f := range s.fields {
		if f.current() {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

func unknownKey(key string, known []string) error {
	if near := nearest(key, known); near != "" {
		return &FieldError{Key: key, Err: fmt.Errorf("unknown key, did you mean %s?", near)}
	}
	return &FieldError{Key: key, Err: errors.New("unknown key")}
}
