package iam

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Export is everything that is stored, with all secrets.
type Export struct {
	Policies map[string][]byte // without the built-in ones
	Users    map[string]ExportedUser
	Groups   map[string]ExportedGroup
	Keys     map[string]ExportedKey
}

// ExportedUser is a user. Policies is nil in an import that leaves them.
type ExportedUser struct {
	Secret   string
	Enabled  bool
	Policies []string
}

// ExportedGroup is a group.
type ExportedGroup struct {
	Members  []string
	Enabled  bool
	Policies []string
	Updated  time.Time
}

// ExportedKey is an access key.
type ExportedKey struct {
	Parent, Secret    string
	Enabled           bool
	Document          []byte
	Name, Description string
	Expires           time.Time
}

// Export returns all of one moment; the access keys of root only if they are asked
// for.
func (s *Store) Export(ofRoot bool) Export {
	st := s.state.Load()
	out := Export{
		Policies: make(map[string][]byte), Users: make(map[string]ExportedUser),
		Groups: make(map[string]ExportedGroup), Keys: make(map[string]ExportedKey),
	}
	for name, p := range st.policies {
		if !p.builtIn {
			out.Policies[name] = p.Document
		}
	}
	for name, u := range st.users {
		out.Users[name] = ExportedUser{u.secret, !u.Disabled, slices.Clone(u.Policies)}
	}
	for name, g := range st.groups {
		out.Groups[name] = ExportedGroup{slices.Clone(g.Members), !g.Disabled, slices.Clone(g.Policies), g.Updated}
	}
	for name, k := range st.keys {
		if k.Parent != s.Root.AccessKey || ofRoot {
			out.Keys[name] = ExportedKey{k.Parent, k.secret, !k.Disabled, k.Document, k.Name, k.Description, k.Expires}
		}
	}
	return out
}

// ImportReport names what was put, and why what was not. Attached are the policies
// of users and groups.
type ImportReport struct {
	Policies, Users, Groups, Keys, UserPolicies, GroupPolicies Imported
}

// Imported are the entities of one sort.
type Imported struct {
	Added  []string
	Failed map[string]error
}

func (i *Imported) put(name string, err error) {
	if err == nil {
		i.Added = append(i.Added, name)
		return
	}
	if i.Failed == nil {
		i.Failed = make(map[string]error)
	}
	i.Failed[name] = err
}

// Import puts what is given beside, and over, what is stored, in one change. What
// is not valid, or refers to what does not exist, is left out and reported; so are
// access keys of root unless they are allowed. Errors are those of the store.
func (s *Store) Import(ctx context.Context, in Export, ofRoot bool) (ImportReport, error) {
	var report ImportReport
	err := s.change(ctx, func(next *state, w *writes) error {
		report = ImportReport{} // of an attempt that met another change
		each(in.Policies, &report.Policies, func(name string, document []byte) error { return s.importPolicy(next, w, name, document) })
		each(in.Users, &report.Users, func(name string, u ExportedUser) error { return s.importUser(next, w, name, u) })
		each(in.Groups, &report.Groups, func(name string, g ExportedGroup) error { return s.importGroup(next, w, name, g) })
		each(in.Keys, &report.Keys, func(name string, k ExportedKey) error { return s.importKey(next, w, name, k, ofRoot) })
		each(in.Users, &report.UserPolicies, func(name string, u ExportedUser) error {
			return s.importPolicies(next, w, Holder{User: name}, u.Policies)
		})
		each(in.Groups, &report.GroupPolicies, func(name string, g ExportedGroup) error {
			return s.importPolicies(next, w, Holder{Group: name}, g.Policies)
		})
		return nil
	})
	return report, err
}

// errNothing says that there is nothing to put: it is no entry of a report.
var errNothing = detail(ErrNoChange, "nothing")

func each[T any](all map[string]T, into *Imported, put func(name string, one T) error) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := put(name, all[name]); err != errNothing { //nolint:errorlint // this very value
			into.put(name, err)
		}
	}
}

func (s *Store) importPolicy(next *state, w *writes, name string, document []byte) error {
	if err := checkName("policy's name", name, 1); err != nil {
		return err
	}
	now := s.Now()
	p, err := newStoredPolicy(policyRecord{Document: slices.Clone(document), Created: now, Updated: now})
	if err != nil {
		return err
	}
	next.putPolicy(w, name, p)
	return nil
}

func (s *Store) importUser(next *state, w *writes, name string, u ExportedUser) error {
	if err := checkUser(name, u.Secret); err != nil {
		return err
	}
	return s.setUser(next, w, name, u.Secret, u.Enabled)
}

func (s *Store) importGroup(next *state, w *writes, name string, g ExportedGroup) error {
	if err := checkName("group's name", name, 1); err != nil {
		return err
	}
	for _, m := range g.Members {
		if next.users[m] == nil {
			return noSuchUser(m)
		}
	}
	old := next.groups[name]
	if old == nil {
		old = &groupRecord{}
	}
	changed := old.with(s.Now(), union(g.Members, nil))
	changed.Disabled = !g.Enabled
	next.putGroup(w, name, changed)
	return nil
}

func (s *Store) importKey(next *state, w *writes, name string, k ExportedKey, ofRoot bool) error {
	if err := checkName("access key", name, minAccessKey); err != nil {
		return err
	}
	old := next.keys[name]
	switch {
	case k.Parent == s.Root.AccessKey && !ofRoot, old != nil && old.Parent == s.Root.AccessKey && !ofRoot:
		return detail(ErrAccessDenied, "Access keys of root are root's to import.")
	case k.Parent != s.Root.AccessKey && next.users[k.Parent] == nil:
		return noSuchUser(k.Parent)
	case name == s.Root.AccessKey, next.users[name] != nil:
		return ErrTaken
	}
	change := AccessKeyChange{
		SecretKey: &k.Secret, Name: &k.Name, Description: &k.Description, Enabled: &k.Enabled, Document: &k.Document, Expires: &k.Expires,
	}
	own, err := s.checkChange(change)
	if err != nil {
		return err
	}
	return next.putKey(w, name, accessKey{keyRecord: keyRecord{Parent: k.Parent, Created: s.Now()}}, change, own)
}

func (s *Store) importPolicies(next *state, w *writes, of Holder, names []string) error {
	if names == nil {
		return errNothing
	}
	return s.setPolicies(next, w, of, names, func([]string) []string { return union(names, nil) })
}
