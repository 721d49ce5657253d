// Package cors says which programs of other origins a browser may let talk to a
// bucket: the rules of "Using cross-origin resource sharing (CORS)" of the Amazon
// S3 user guide. It is pure.
package cors

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// MaxBytes bounds a configuration's document ("PutBucketCors").
	MaxBytes = 64 << 10
	// MaxRules bounds the rules of a bucket ("PutBucketCors").
	MaxRules = 100
	// maxIDRunes bounds a rule's ID ("CORSRule").
	maxIDRunes = 255
	// maxHeaders bounds the headers that a preflight may ask for. Anybody may
	// ask, and each is compared with all that are allowed; browsers ask for a few.
	maxHeaders = 100
)

// Config is the CORS configuration of a bucket: the first rule that a request fits
// counts. It is stored, as CBOR. A Config does not change.
type Config struct {
	Rules []Rule `cbor:"1,keyasint"`
}

// Rule allows requests of some origins.
type Rule struct {
	ID string `cbor:"1,keyasint,omitempty"`
	// Origins and Headers may have one * each, which stands for any text.
	Origins []string `cbor:"2,keyasint"`
	Methods []string `cbor:"3,keyasint"`
	Headers []string `cbor:"4,keyasint,omitempty"`
	// Expose are the headers of answers that the program may read.
	Expose []string `cbor:"5,keyasint,omitempty"`
	// MaxAge is how long a browser may remember the answer to a preflight, in
	// seconds; nil says nothing.
	MaxAge *uint32 `cbor:"6,keyasint,omitempty"`
}

// Error says what is wrong with a configuration.
type Error struct {
	// Message is in S3's words; empty if the document is not of the schema.
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Message == "" {
		return "cors: the document does not fit the schema"
	}
	return e.Message
}

func invalid(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Validate returns an *Error if S3 would refuse the configuration.
func (c *Config) Validate() error {
	if len(c.Rules) == 0 {
		return &Error{}
	}
	if len(c.Rules) > MaxRules {
		return invalid("The number of CORS rules should not exceed allowed limit of %d rules.", MaxRules)
	}
	for i := range c.Rules {
		if err := c.Rules[i].validate(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rule) validate() error {
	if len(r.Origins) == 0 || len(r.Methods) == 0 {
		return &Error{}
	}
	if utf8.RuneCountInString(r.ID) > maxIDRunes {
		return invalid("The ID of a CORS rule should not exceed allowed limit of %d characters.", maxIDRunes)
	}
	for _, m := range r.Methods {
		if !KnownMethod(m) {
			return invalid("Found unsupported HTTP method in CORS config. Unsupported method is %s", m)
		}
	}
	if err := validatePatterns("AllowedOrigin", r.Origins); err != nil {
		return err
	}
	if err := validatePatterns("AllowedHeader", r.Headers); err != nil {
		return err
	}
	for _, name := range r.Expose {
		switch {
		case name == "":
			return &Error{}
		case strings.Contains(name, "*"):
			return invalid("ExposeHeader %q contains wildcard. We currently do not support wildcard for ExposeHeader.", name)
		case strings.ContainsFunc(name, notInHeaderName):
			return invalid("ExposeHeader %q contains invalid character.", name)
		}
	}
	return nil
}

func validatePatterns(element string, patterns []string) error {
	for _, p := range patterns {
		if p == "" {
			return &Error{}
		}
		if strings.Count(p, "*") > 1 {
			return invalid("%s %q can not have more than one wildcard.", element, p)
		}
	}
	return nil
}

// notInHeaderName reports what no name of a header has (RFC 9110, "token").
func notInHeaderName(c rune) bool {
	alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	return !alphanumeric && !strings.ContainsRune("!#$%&'+-.^_`|~", c)
}

// KnownMethod reports whether a rule may allow a method.
func KnownMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodHead:
		return true
	}
	return false
}

// AnyOrigin is the pattern of all origins.
const AnyOrigin = "*"

// Match returns the first rule that allows a method to an origin together with all
// of the headers, and the pattern of the rule that the origin fits; nil if none
// does or c is nil. Origins and methods are compared as they are, names of headers
// without regard to case.
func (c *Config) Match(origin, method string, headers []string) (rule *Rule, pattern string) {
	if c == nil || len(headers) > maxHeaders {
		return nil, ""
	}
	for i := range c.Rules {
		r := &c.Rules[i]
		if !slices.Contains(r.Methods, method) {
			continue
		}
		at := slices.IndexFunc(r.Origins, func(p string) bool { return fits(p, origin) })
		if at >= 0 && r.allows(headers) {
			return r, r.Origins[at]
		}
	}
	return nil, ""
}

func (r *Rule) allows(headers []string) bool {
	for _, name := range headers {
		lower := strings.ToLower(name)
		if !slices.ContainsFunc(r.Headers, func(p string) bool { return fits(strings.ToLower(p), lower) }) {
			return false
		}
	}
	return true
}

// fits reports whether a text is that of a pattern with at most one *.
func fits(pattern, text string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	return len(text) >= len(before)+len(after) && strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
}
