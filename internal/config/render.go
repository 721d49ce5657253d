package config

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Render returns the text of `mc admin config get`: for `subsys` all of its
// instances, the default one always and first, for `subsys:target` that one
// alone. Each line holds the stored values, or defaults, in declared order;
// enable=on is left out, and so are secrets that have a value. Above it come,
// as comments, the variables of the environment that win over it.
//
// Source: the bucket notification guide; order and spacing as its client reads
// them.
func (s *Store) Render(head string) (string, error) {
	name, target, named := splitHead(strings.TrimSpace(head))
	schema, err := s.opts.Registry.lookup(name)
	if err != nil {
		return "", &Error{Code: Malformed, Problems: []error{err}}
	}
	if named && !schema.Multiple {
		_, _, err := s.opts.Registry.parseHead(head)
		return "", &Error{Code: Malformed, Problems: []error{err}}
	}
	var b strings.Builder
	found := false
	for _, t := range s.targetsOf(schema) {
		if !named || t == target {
			found = true
			s.renderOne(&b, schema, t, false)
		}
	}
	if !found {
		return "", &Error{Code: Malformed, Problems: []error{errors.New("there is no " + clip(head))}}
	}
	return b.String(), nil
}

// Export returns the stored settings of all sub-systems in the form that Import
// reads. Secrets are in it. Lines of instances that are not enabled are
// comments.
func (s *Store) Export() string {
	var b strings.Builder
	for _, schema := range s.opts.Registry.schemas {
		for _, t := range s.targetsOf(schema) {
			s.renderOne(&b, schema, t, true)
		}
	}
	return b.String()
}

// targetsOf returns the names of the instances, with the default one.
func (s *Store) targetsOf(schema *schema) []string {
	targets := map[string]bool{DefaultTarget: true}
	for _, i := range s.Effective(schema.Name) {
		targets[i.Target] = true
	}
	return slices.SortedFunc(maps.Keys(targets), compareTargets)
}

func (s *Store) renderOne(b *strings.Builder, schema *schema, target string, export bool) {
	s.mu.RLock()
	record, stored := s.stored[instanceID{schema.Name, target}]
	s.mu.RUnlock()
	overrides := schema.overrides(target, s.opts.Env)
	if !export {
		for _, line := range overrides {
			b.WriteString(line)
		}
	}
	if !stored && len(overrides) > 0 && target != DefaultTarget {
		if !export { // it is the environment's alone
			b.WriteString(headOf(schema.Name, target) + " \n")
		}
		return
	}
	if on, err := ParseBool(record.values[keyEnable]); export && !schema.AlwaysOn && err == nil && !on {
		b.WriteString("# ")
	}
	b.WriteString(headOf(schema.Name, target) + " ")
	for _, f := range schema.fields.fields {
		text := record.values[f.Key]
		given := text != ""
		if !given {
			text = f.Default
		}
		switch {
		case f.Secret && given && !export, f.HiddenIfEmpty && !given:
			continue
		case f.Key == keyEnable:
			if on, err := ParseBool(text); err == nil && on {
				continue
			}
		}
		b.WriteString(f.Key + "=" + quote(text) + " ")
	}
	b.WriteByte('\n')
}

// overrides are the lines `# VARIABLE=value` of an instance.
func (s *schema) overrides(target string, env Env) []string {
	var lines []string
	for _, f := range s.fields.fields {
		text, variable, ok := env.lookup(s, f, target)
		if ok && !f.Secret {
			lines = append(lines, "# "+variable+"="+oneLine(text)+"\n")
		}
	}
	return lines
}

// oneLine keeps a value of the environment from breaking the text apart.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// quote puts quotes around a value that would not be read back without: one
// with white space, or one that begins with a quote. The grammar has no
// escapes, so the other kind of quote is taken where the value holds one.
func quote(text string) string {
	if text == "" || !isQuote(text[0]) && !strings.ContainsFunc(text, unicode.IsSpace) {
		return text
	}
	if strings.Contains(text, `"`) && !strings.Contains(text, `'`) {
		return `'` + text + `'`
	}
	return `"` + text + `"`
}
