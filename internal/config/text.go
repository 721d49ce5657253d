package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// assignment is what one line of text says about one instance.
type assignment struct {
	schema *schema
	target string
	// values are by key, aliases resolved.
	values map[string]string
	line   int
}

func (a *assignment) head() string { return headOf(a.schema.Name, a.target) }

func headOf(subSystem, target string) string {
	if target == DefaultTarget {
		return subSystem
	}
	return subSystem + ":" + target
}

// eachLine calls fn for the lines of text that hold something: not those that
// are blank, nor those that begin with #.
func eachLine(text string, fn func(number int, line string)) {
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		fn(number, strings.TrimSpace(line))
	}
}

// parseText reads the lines `subsys[:target] key=value key="two words" ...` that
// `mc admin config set` and `import` send. It returns every error that it
// finds, each with its line.
//
// mc joins its arguments with one space, and by then the shell has taken the
// quotes. So a value ends at white space, except that
//   - a value in quotes (" or ') ends at the quote that closes it;
//   - the value of a free-text key runs to the next current key;
//   - a word that has no key and no equals sign belongs to the value before it.
//
// `word=` with an unknown key is an error wherever it is not part of free text.
func (r *Registry) parseText(text string) ([]*assignment, []error) {
	var list []*assignment
	var errs []error
	if !utf8.ValidString(text) {
		return nil, []error{errors.New("the text is not UTF-8")}
	}
	eachLine(text, func(number int, line string) {
		a, lineErrs := r.parseLine(line)
		for _, err := range lineErrs {
			errs = append(errs, atLine(number, err))
		}
		if a != nil {
			a.line = number
			list = append(list, a)
		}
	})
	return list, errs
}

// atLine names the line unless it is the first, which is most often the only.
func atLine(number int, err error) error {
	if number == 1 {
		return err
	}
	return fmt.Errorf("line %d: %w", number, err)
}

func (r *Registry) parseLine(line string) (*assignment, []error) {
	head, rest := cutSpace(line)
	schema, target, err := r.parseHead(head)
	if err != nil {
		return nil, []error{err}
	}
	l := lexer{fields: &schema.fields, rest: rest, values: make(map[string]string)}
	l.run()
	return &assignment{schema: schema, target: target, values: l.values}, l.errs
}

func (r *Registry) parseHead(head string) (*schema, string, error) {
	name, target, named := splitHead(head)
	schema, err := r.lookup(name)
	if err != nil {
		return nil, "", err
	}
	if named && !schema.Multiple {
		return nil, "", fmt.Errorf("%s has one instance only and takes no :name", name)
	}
	return schema, target, checkTarget(target)
}

// lexer reads the keys and values of one line.
type lexer struct {
	fields *FieldSet
	rest   string
	values map[string]string
	errs   []error

	// key is the one whose value was read last; open says that a bare word may
	// still be added to it.
	key  string
	open bool
}

func (l *lexer) run() {
	for l.rest = trimLeft(l.rest); l.rest != ""; l.rest = trimLeft(l.rest) {
		key, value, ok := cutKey(l.rest)
		switch {
		case !ok:
			l.bareWords()
		case l.fields.find(key) == nil:
			l.errs = append(l.errs, unknownKey(key, l.fields.keys()))
			_, l.rest = cutSpace(value)
			l.key, l.open = "", true // its further words say nothing new
		default:
			l.rest = value
			l.assign(l.fields.find(key))
		}
	}
	for _, f := range l.fields.fields {
		if strings.ContainsFunc(l.values[f.Key], notTab) {
			l.errs = append(l.errs, &FieldError{Key: f.Key, Err: errors.New("the value holds a control character")})
		}
	}
}

// bareWords takes the words before the next key, which are no assignments.
func (l *lexer) bareWords() {
	var words []string
	for l.rest != "" {
		if _, _, ok := cutKey(l.rest); ok {
			break
		}
		var word string
		word, l.rest = cutSpace(l.rest)
		words = append(words, word)
		l.rest = trimLeft(l.rest)
	}
	switch {
	case l.open && l.key != "":
		l.values[l.key] += " " + strings.Join(words, " ")
	case l.open:
	default:
		err := errors.New("there is text without a key; expected key=value")
		if near := nearest(words[0], l.fields.keys()); near != "" {
			err = fmt.Errorf("there is text without a key; expected key=value, such as %s=value", near)
		}
		l.errs = append(l.errs, err)
	}
}

func (l *lexer) assign(f *Field) {
	var value string
	var err error
	l.open = false
	switch {
	case f.FreeText:
		value, l.rest = l.freeText()
	case l.rest != "" && isQuote(l.rest[0]):
		value, l.rest, err = quoted(l.rest)
	default:
		value, l.rest = cutSpace(l.rest)
		l.open = value != ""
	}
	l.key = f.Key
	switch _, twice := l.values[f.Key]; {
	case err != nil:
		l.errs = append(l.errs, &FieldError{Key: f.Key, Err: err})
	case twice:
		l.errs = append(l.errs, &FieldError{Key: f.Key, Err: errors.New("given twice")})
	}
	l.values[f.Key] = value
}

// notTab finds control characters, which no setting needs; a tab is white space.
func notTab(r rune) bool { return r != '\t' && unicode.IsControl(r) }

// freeText cuts a value that runs to the next current key. A quote that opens
// it is closed by one that stands at its end.
func (l *lexer) freeText() (value, rest string) {
	if l.rest != "" && isQuote(l.rest[0]) {
		for i := 1; i < len(l.rest); i++ {
			if l.rest[i] == l.rest[0] && l.endsValue(l.rest[i+1:]) {
				return l.rest[1:i], l.rest[i+1:]
			}
		}
	}
	for i := 0; i < len(l.rest); i++ {
		first := isSpace(l.rest[i]) && (i == 0 || !isSpace(l.rest[i-1])) // of a run: looking past each byte of one would take for ever
		if first && l.endsValue(l.rest[i:]) {
			return unquote(l.rest[:i]), l.rest[i:]
		}
	}
	return unquote(l.rest), ""
}

// endsValue reports whether what follows a free text is the end of the line or
// a current key.
func (l *lexer) endsValue(rest string) bool {
	trimmed := trimLeft(rest)
	if trimmed == "" {
		return true
	}
	if len(trimmed) == len(rest) {
		return false // no white space between
	}
	key, _, ok := cutKey(trimmed)
	if !ok {
		return false
	}
	f := l.fields.find(key)
	return f != nil && f.Key == key && f.current()
}

// unquote drops a quote that was opened and never closed.
func unquote(text string) string {
	if text != "" && isQuote(text[0]) {
		return text[1:]
	}
	return text
}

// quoted cuts a value in quotes; there are no escapes.
func quoted(text string) (value, rest string, err error) {
	for i := 1; i < len(text); i++ {
		if text[i] == text[0] && (i+1 == len(text) || isSpace(text[i+1])) {
			return text[1:i], text[i+1:], nil
		}
	}
	return "", "", fmt.Errorf("the quote %c is not closed", text[0])
}

// cutKey splits `key=rest` where key is a word of letters, digits and
// underscores.
func cutKey(text string) (key, rest string, ok bool) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '=':
			return text[:i], text[i+1:], i > 0
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', i > 0 && '0' <= c && c <= '9':
		default:
			return "", "", false
		}
	}
	return "", "", false
}

// cutSpace splits text at its first white space, which stays with rest.
func cutSpace(text string) (word, rest string) {
	for i := 0; i < len(text); i++ {
		if isSpace(text[i]) {
			return text[:i], text[i:]
		}
	}
	return text, ""
}

func trimLeft(text string) string {
	for text != "" && isSpace(text[0]) {
		text = text[1:]
	}
	return text
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' }

func isQuote(c byte) bool { return c == '"' || c == '\'' }
