package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// DefaultTarget is the name of the instance that is meant when none is named.
const DefaultTarget = "_"

const (
	keyEnable  = "enable"
	keyComment = "comment"
)

// Registry is the set of sub-systems that a server knows. It never changes.
type Registry struct {
	schemas []*schema
}

// NewRegistry returns a registry of the given sub-systems, in their order. An
// error is a mistake in a declaration: a name or key that is malformed or given
// twice, a default that its own field refuses.
func NewRegistry(subSystems []SubSystem) (*Registry, error) {
	r := &Registry{}
	var errs []error
	for _, sub := range subSystems {
		if r.find(sub.Name) != nil {
			errs = append(errs, fmt.Errorf("config: sub-system %s is declared twice", sub.Name))
			continue
		}
		s, err := newSchema(sub)
		if err != nil {
			errs = append(errs, fmt.Errorf("config: sub-system %s: %w", sub.Name, err))
			continue
		}
		r.schemas = append(r.schemas, s)
	}
	return r, errors.Join(errs...)
}

// SubSystems returns the declarations, in order.
func (r *Registry) SubSystems() []SubSystem {
	list := make([]SubSystem, len(r.schemas))
	for i, s := range r.schemas {
		list[i] = s.SubSystem
	}
	return list
}

// Fields returns the declared fields of a sub-system, enable and comment among
// them, or nil if there is no such sub-system.
func (r *Registry) Fields(subSystem string) []Field {
	if s := r.find(subSystem); s != nil {
		return s.fields.List()
	}
	return nil
}

func (r *Registry) find(name string) *schema {
	for _, s := range r.schemas {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// lookup is find with an error that names the nearest sub-system.
func (r *Registry) lookup(name string) (*schema, error) {
	if s := r.find(name); s != nil {
		return s, nil
	}
	names := make([]string, len(r.schemas))
	for i, s := range r.schemas {
		names[i] = s.Name
	}
	if near := nearest(name, names); near != "" {
		return nil, fmt.Errorf("unknown sub-system %s, did you mean %s?", clip(name), near)
	}
	return nil, fmt.Errorf("unknown sub-system %s", clip(name))
}

// schema is a sub-system with its declared fields.
type schema struct {
	SubSystem
	// fields are for their declarations only; the variables that they are bound
	// to belong to nobody.
	fields FieldSet
}

// instance is a fresh set of variables for one instance, and what is bound to
// them.
type instance struct {
	settings Settings
	fields   FieldSet
	enabled  bool
	comment  string
}

func (s SubSystem) instance() *instance {
	i := &instance{settings: s.New(), enabled: s.AlwaysOn}
	if !s.AlwaysOn {
		help := fmt.Sprintf("enable %s target, default is 'off'", s.Name)
		i.fields.Bool(&i.enabled, keyEnable, help, Required())
	}
	i.settings.Fields(&i.fields)
	i.fields.String(&i.comment, keyComment, "sentence", "optionally add a comment to this setting", FreeText(), HiddenIfEmpty())
	return i
}

func newSchema(sub SubSystem) (*schema, error) {
	i := sub.instance()
	seen := make(map[string]bool)
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	var errs []error
	if !name.MatchString(sub.Name) {
		errs = append(errs, errors.New("malformed name"))
	}
	for _, f := range i.fields.fields {
		for _, key := range append([]string{f.Key}, f.Aliases...) {
			if !name.MatchString(key) || seen[key] {
				errs = append(errs, fmt.Errorf("key %q is malformed or declared twice", key))
			}
			seen[key] = true
		}
		if err := f.parse(f.Default); err != nil {
			errs = append(errs, fmt.Errorf("default of %s: %w", f.Key, err))
		}
	}
	return &schema{SubSystem: sub, fields: i.fields}, errors.Join(errs...)
}

// splitHead splits `subsys[:target]`. A colon with nothing after it means the
// default target, as no colon does; named tells them from a named one.
func splitHead(head string) (subSystem, target string, named bool) {
	subSystem, target, named = strings.Cut(head, ":")
	if target == "" {
		target = DefaultTarget
	}
	return subSystem, target, named
}

// maxTarget bounds the name of an instance, which becomes part of directory and
// metric names.
const maxTarget = 128

// checkTarget allows what can stand in an ARN, in a directory's name and in the
// environment.
func checkTarget(target string) error {
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`:/\"'=`, r) }
	switch {
	case len(target) > maxTarget:
		return fmt.Errorf("a target's name has at most %d bytes", maxTarget)
	case target == "." || target == ".." || strings.ContainsFunc(target, bad):
		return fmt.Errorf("target %s: a name has no white space, colon, slash, quote or equals sign in it", clip(target))
	}
	return nil
}

// clip quotes a word of the user's for an error, and keeps it short.
func clip(word string) string {
	const most = 64
	if len(word) > most {
		word = word[:most] + "…"
	}
	return fmt.Sprintf("%q", word)
}
