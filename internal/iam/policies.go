package iam

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"
)

// PolicyInfo tells of a policy.
type PolicyInfo struct {
	Name string
	// Document is the policy as it was put. It must not be changed.
	Document         []byte
	Created, Updated time.Time
}

// Policies returns all policies by name, in its order.
func (s *Store) Policies() []PolicyInfo {
	all := s.state.Load().policies
	list := make([]PolicyInfo, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[name].info(name))
	}
	return list
}

// Policy returns one policy: ErrNoSuchPolicy.
func (s *Store) Policy(name string) (PolicyInfo, error) {
	p, ok := s.state.Load().policies[name]
	if !ok {
		return PolicyInfo{}, ErrNoSuchPolicy
	}
	return p.info(name), nil
}

func (p *storedPolicy) info(name string) PolicyInfo {
	return PolicyInfo{Name: name, Document: p.Document, Created: p.Created, Updated: p.Updated}
}

// PutPolicy makes a policy, or replaces one for all to whom it is attached. A
// document that IAM would refuse gives a *policy.Error; ErrInvalidName.
func (s *Store) PutPolicy(ctx context.Context, name string, document []byte) error {
	if err := checkName("policy's name", name, 1); err != nil {
		return err
	}
	now := s.Now()
	p, err := newStoredPolicy(policyRecord{Document: slices.Clone(document), Created: now, Updated: now})
	if err != nil {
		return err
	}
	return s.change(ctx, func(next *state, w *writes) error {
		next.putPolicy(w, name, p)
		return nil
	})
}

// putPolicy puts a policy, which keeps the time of its making.
func (s *state) putPolicy(w *writes, name string, p *storedPolicy) {
	made := *p
	if old := s.policies[name]; old != nil && !old.builtIn {
		made.Created = old.Created
	}
	s.policies[name] = &made
	w.set(kindPolicy, name, made.policyRecord)
}

// RemovePolicy removes a policy that is attached to nobody; where it had replaced
// a built-in one, that is there again. ErrNoSuchPolicy, ErrPolicyInUse; a built-in
// policy gives ErrInvalidArgument.
func (s *Store) RemovePolicy(ctx context.Context, name string) error {
	return s.change(ctx, func(next *state, w *writes) error {
		p := next.policies[name]
		switch {
		case p == nil:
			return ErrNoSuchPolicy
		case next.inUse(name):
			return ErrPolicyInUse
		case p.builtIn:
			return detail(ErrInvalidArgument, "A built-in policy cannot be removed.")
		}
		delete(next.policies, name)
		if builtIn := builtInPolicies()[name]; builtIn != nil {
			next.policies[name] = builtIn
		}
		w.remove(kindPolicy, name)
		return nil
	})
}

func (s *state) inUse(name string) bool {
	for _, u := range s.users {
		if slices.Contains(u.Policies, name) {
			return true
		}
	}
	for _, g := range s.groups {
		if slices.Contains(g.Policies, name) {
			return true
		}
	}
	return false
}

// Holder is who policies are attached to: a user, or a group.
type Holder struct {
	User, Group string
}

// AttachPolicies attaches policies and returns those that were not yet, at least
// one. ErrNoSuchUser, ErrNoSuchGroup, ErrNoSuchPolicy, ErrNoChange.
func (s *Store) AttachPolicies(ctx context.Context, to Holder, names []string) (changed []string, err error) {
	err = s.changePolicies(ctx, to, names, func(had []string) []string {
		changed = without(union(names, nil), had)
		return union(had, names)
	})
	return changed, err
}

// DetachPolicies detaches policies and returns those that were attached, at least
// one. Errors are those of AttachPolicies.
func (s *Store) DetachPolicies(ctx context.Context, from Holder, names []string) (changed []string, err error) {
	err = s.changePolicies(ctx, from, names, func(had []string) []string {
		kept := without(had, names)
		changed = without(had, kept)
		return kept
	})
	return changed, err
}

// SetPolicies attaches these policies in place of all others; none detaches all.
// Errors are those of AttachPolicies without ErrNoChange.
func (s *Store) SetPolicies(ctx context.Context, of Holder, names []string) error {
	err := s.changePolicies(ctx, of, names, func([]string) []string { return union(names, nil) })
	if errors.Is(err, ErrNoChange) {
		return nil
	}
	return err
}

func (s *Store) changePolicies(ctx context.Context, of Holder, names []string, edit func(had []string) []string) error {
	if (of.User == "") == (of.Group == "") {
		return detail(ErrInvalidArgument, "Either a user or a group must be named.")
	}
	return s.change(ctx, func(next *state, w *writes) error {
		err := s.setPolicies(next, w, of, names, edit)
		if err == nil && w.batch.Empty() {
			return ErrNoChange
		}
		return err
	})
}

// setPolicies edits the policies of one holder. What changes nothing writes
// nothing.
func (s *Store) setPolicies(next *state, w *writes, of Holder, names []string, edit func(had []string) []string) error {
	u, g := next.users[of.User], next.groups[of.Group]
	switch {
	case of.User != "" && u == nil:
		return ErrNoSuchUser
	case of.Group != "" && g == nil:
		return ErrNoSuchGroup
	}
	for _, name := range names {
		if next.policies[name] == nil {
			return detail(ErrNoSuchPolicy, "The canned policy does not exist: %s.", name)
		}
	}
	var had []string
	if u != nil {
		had = u.Policies
	} else {
		had = g.Policies
	}
	want := edit(had)
	if slices.Equal(want, had) {
		return nil
	}
	if u != nil {
		changed := *u
		changed.Policies, changed.Updated = want, s.Now()
		next.putUser(w, of.User, &changed)
		return nil
	}
	changed := g.with(s.Now(), g.Members)
	changed.Policies = want
	next.putGroup(w, of.Group, changed)
	return nil
}

// Rights returns one policy document of all that the policies of a user and its
// groups say; that of consoleAdmin for root. ErrNoSuchUser.
func (s *Store) Rights(user string) ([]byte, error) {
	st := s.state.Load()
	if user == s.Root.AccessKey {
		return []byte(consoleAdmin), nil
	}
	u, ok := st.users[user]
	if !ok {
		return nil, ErrNoSuchUser
	}
	return st.merged(st.policyNames(u, st.memberships()[user]))
}

// RightsOf returns one policy document for a principal: its own if it has one,
// else all that the policies of its user say.
func (s *Store) RightsOf(p Principal) ([]byte, error) {
	g := p.grants
	switch {
	case p.Owner, g != nil && g.all && g.own == nil:
		return []byte(consoleAdmin), nil
	case g == nil:
		return s.state.Load().merged(nil)
	case g.own != nil:
		return g.ownText, nil
	}
	return s.state.Load().merged(g.names)
}

// merged is one document of all statements of policies.
func (s *state) merged(names []string) ([]byte, error) {
	all := struct {
		Version   string
		Statement []json.RawMessage
	}{"2012-10-17", []json.RawMessage{}}
	for _, name := range names {
		p := s.policies[name]
		if p == nil {
			continue // removed meanwhile
		}
		var one struct{ Statement json.RawMessage }
		if err := json.Unmarshal(p.Document, &one); err != nil {
			return nil, err
		}
		var list []json.RawMessage
		if json.Unmarshal(one.Statement, &list) != nil {
			list = []json.RawMessage{one.Statement} // a single one
		}
		all.Statement = append(all.Statement, list...)
	}
	return json.Marshal(all)
}
