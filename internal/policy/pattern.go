package policy

import "strings"

// Runes of a compiled pattern that stand for others.
const (
	anyRunes rune = -1 - iota // *
	anyRune                   // ?
)

// patterns are the values of an Action, Resource, NotAction or NotResource.
type patterns struct {
	of  []pattern
	not bool
}

func (p *patterns) match(text string, r *Request) bool {
	for i := range p.of {
		if p.of[i].match(text, r) {
			return !p.not
		}
	}
	return p.not
}

// pattern is text with the wildcards * and ?, and with variables of the form
// ${key}, for which the request's value is put, taken literally.
type pattern struct {
	text string
	// compiled is nil if there are variables, which a request gives values to.
	compiled []rune
	// fold ignores the case, as in the names of actions.
	fold bool
	// plain takes wildcards for what they are, as StringEquals does.
	plain bool
}

func newPattern(text string, fold, plain bool) pattern {
	p := pattern{text: text, fold: fold, plain: plain}
	if fold {
		p.text = strings.ToLower(text)
	}
	if !strings.Contains(text, "${") {
		p.compiled, _ = p.compile(nil)
	}
	return p
}

// match reports whether the pattern fits all of text. A variable without
// exactly one value fits nothing.
func (p *pattern) match(text string, r *Request) bool {
	compiled := p.compiled
	if compiled == nil {
		var ok bool
		if compiled, ok = p.compile(r); !ok {
			return false
		}
	}
	if p.fold {
		text = strings.ToLower(text)
	}
	return glob(compiled, []rune(text))
}

// compile turns wildcards into their runes, and variables into their values.
func (p *pattern) compile(r *Request) ([]rune, bool) {
	out := make([]rune, 0, len(p.text))
	for rest := p.text; rest != ""; {
		if r != nil && strings.HasPrefix(rest, "${") {
			name, after, closed := strings.Cut(rest[2:], "}")
			if !closed {
				return nil, false
			}
			value, ok := variable(name, r)
			if !ok {
				return nil, false
			}
			if p.fold {
				value = strings.ToLower(value)
			}
			out, rest = append(out, []rune(value)...), after
			continue
		}
		c := rest[0]
		switch {
		case p.plain || c != '*' && c != '?':
			n := 1
			for n < len(rest) && rest[n] != '*' && rest[n] != '?' && rest[n] != '$' {
				n++
			}
			out, rest = append(out, []rune(rest[:n])...), rest[n:]
		case c == '*':
			out, rest = append(out, anyRunes), rest[1:]
		default:
			out, rest = append(out, anyRune), rest[1:]
		}
	}
	return out, true
}

// variable is the value of ${name}; ${*}, ${?} and ${$} are those characters,
// and 'name, "default"' has one for a request without.
func variable(name string, r *Request) (string, bool) {
	switch name {
	case "*", "?", "$":
		return name, true
	}
	name, otherwise, hasDefault := strings.Cut(name, ",")
	values := r.values(strings.ToLower(strings.TrimSpace(name)))
	if len(values) == 1 {
		return values[0], true
	}
	otherwise = strings.TrimSpace(otherwise)
	if len(values) == 0 && hasDefault && len(otherwise) >= 2 && otherwise[0] == '\'' && otherwise[len(otherwise)-1] == '\'' {
		return otherwise[1 : len(otherwise)-1], true
	}
	return "", false
}

// glob matches with at most len(pattern)*len(text) steps: on a mismatch only
// the last * takes more.
func glob(pattern, text []rune) bool {
	p, t := 0, 0
	star, after := -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == anyRunes:
			star, after = p, t
			p++
		case p < len(pattern) && (pattern[p] == anyRune || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			after++
			p, t = star+1, after
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == anyRunes {
		p++
	}
	return p == len(pattern)
}
