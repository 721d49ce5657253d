package config

import (
	"strings"
	"time"
)

// FieldSet collects the declarations of one Settings. The zero FieldSet is
// usable. Its methods bind a variable to a key; they are called from
// Settings.Fields only.
type FieldSet struct {
	fields []*Field
}

// List returns the declarations, in order.
func (s *FieldSet) List() []Field {
	list := make([]Field, len(s.fields))
	for i, f := range s.fields {
		list[i] = *f
	}
	return list
}

// String binds a text. typ is what help prints: string, address, sentence ...
func (s *FieldSet) String(p *string, key, typ, help string, opts ...Option) {
	s.add(&Field{Key: key, Type: typ, Help: help, parse: func(text string) error {
		*p = text
		return nil
	}}, opts)
}

// Secret binds a text that is never shown.
func (s *FieldSet) Secret(p *Secret, key, help string, opts ...Option) {
	s.add(&Field{Key: key, Type: "string", Help: help, Secret: true, parse: func(text string) error {
		*p = Secret(text)
		return nil
	}}, opts)
}

// Bool binds a switch: on and off, or true, false, yes, no, 1, 0, in any case.
// The default is off unless Default says otherwise.
func (s *FieldSet) Bool(p *bool, key, help string, opts ...Option) {
	s.add(&Field{Key: key, Type: "on|off", Help: help, Default: "off", parse: func(text string) error {
		v, err := ParseBool(text)
		*p = v
		return err
	}}, opts)
}

// Int binds a whole number.
func (s *FieldSet) Int(p *int, key, help string, opts ...Option) {
	s.add(&Field{Key: key, Type: "number", Help: help, parse: func(text string) error {
		v, err := parseInt(text)
		*p = v
		return err
	}}, opts)
}

// Uint binds a number that is not negative.
func (s *FieldSet) Uint(p *uint64, key, help string, opts ...Option) {
	s.add(&Field{Key: key, Type: "number", Help: help, parse: func(text string) error {
		v, err := parseUint(text)
		*p = v
		return err
	}}, opts)
}

// Size binds a number of bytes such as 512MiB or 10GB; a bare number is bytes.
func (s *FieldSet) Size(p *uint64, key, help string, opts ...Option) {
	s.add(&Field{Key: key, Type: "size", Help: help, parse: func(text string) error {
		v, err := ParseSize(text)
		*p = v
		return err
	}}, opts)
}

// Duration binds a span of time such as 30s or 5m; a bare number is seconds.
func (s *FieldSet) Duration(p *time.Duration, key, help string, opts ...Option) {
	s.add(&Field{Key: key, Type: "duration", Help: help, parse: func(text string) error {
		v, err := ParseDuration(text)
		*p = v
		return err
	}}, opts)
}

// URL binds an absolute URL, kept as it was typed. Schemes says which schemes
// it may have.
func (s *FieldSet) URL(p *string, key, help string, opts ...Option) {
	s.add(&Field{Key: key, Type: "url", Help: help, parse: func(text string) error {
		*p = text
		return checkURL(text)
	}}, opts)
}

// Path binds the path of a file or, with Directory, a directory.
func (s *FieldSet) Path(p *string, key, help string, opts ...Option) {
	s.add(&Field{Key: key, Type: "path", Help: help, parse: func(text string) error {
		*p = text
		return checkPath(text)
	}}, opts)
}

// CSV binds a list whose members are separated by commas; white space around
// them and empty members are dropped.
func (s *FieldSet) CSV(p *[]string, key, help string, opts ...Option) {
	s.add(&Field{Key: key, Type: "csv", Help: help, parse: func(text string) error {
		*p = splitList(text)
		return nil
	}}, opts)
}

func (s *FieldSet) add(f *Field, opts []Option) {
	for _, o := range opts {
		o(f)
	}
	if f.EnvKey == "" {
		f.EnvKey = strings.ToUpper(f.Key)
	}
	s.fields = append(s.fields, f)
}

// find returns the field of a key or alias, or nil.
func (s *FieldSet) find(key string) *Field {
	for _, f := range s.fields {
		if f.Key == key {
			return f
		}
		for _, a := range f.Aliases {
			if a == key {
				return f
			}
		}
	}
	return nil
}
