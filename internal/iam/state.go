package iam

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/carillon-s3/carillon/internal/policy"
)

// state is everything stored, at one revision. Once published it is not changed,
// nor is anything that it points to: an edit puts new values into a clone.
type state struct {
	revision uint64
	users    map[string]*user
	groups   map[string]*groupRecord
	policies map[string]*storedPolicy
	keys     map[string]*accessKey

	// entries are who may sign, by access key.
	entries map[string]entry
}

type user struct {
	userRecord
	secret string // empty if it cannot be opened
}

type accessKey struct {
	keyRecord
	secret string
	own    *policy.Document // nil inherits all that its parent may do
}

type storedPolicy struct {
	policyRecord
	document *policy.Document
	builtIn  bool
}

// entry is a credential that is in force until expires, if that is set.
type entry struct {
	credential Credential
	expires    time.Time
}

func newState() *state {
	s := &state{
		users: make(map[string]*user), groups: make(map[string]*groupRecord),
		policies: builtInPolicies(), keys: make(map[string]*accessKey),
	}
	return s
}

func (s *state) clone() *state {
	return &state{
		users: maps.Clone(s.users), groups: maps.Clone(s.groups),
		policies: maps.Clone(s.policies), keys: maps.Clone(s.keys),
	}
}

func newStoredPolicy(r policyRecord) (*storedPolicy, error) {
	document, err := policy.ParseIdentity(r.Document)
	if err != nil {
		return nil, err
	}
	return &storedPolicy{policyRecord: r, document: document}, nil
}

// parseOwn reads the policy of an access key, if it has one.
func parseOwn(document []byte) (*policy.Document, error) {
	if len(document) == 0 {
		return nil, nil
	}
	return policy.ParseIdentity(document)
}

// prepare makes the entries.
func (s *state) prepare(root Credential, log *slog.Logger) {
	memberOf := s.memberships()
	s.entries = make(map[string]entry, len(s.users)+len(s.keys))
	grantsOf := make(map[string]*grants, len(s.users))
	for name, u := range s.users {
		if name == root.AccessKey {
			continue // root came to have the name of a user: root's secret counts
		}
		if u.secret == "" {
			log.Error("the secret of a user cannot be opened; the user cannot sign until it is set again", "user", name)
		}
		if u.Disabled || u.secret == "" {
			continue
		}
		g := &grants{names: s.policyNames(u, memberOf[name]), groups: memberOf[name]}
		for _, policy := range g.names {
			g.documents = append(g.documents, s.policies[policy].document)
		}
		grantsOf[name] = g
		s.entries[name] = entry{credential: Credential{AccessKey: name, SecretKey: u.secret, grants: g}}
	}
	for name, k := range s.keys {
		of := grantsOf[k.Parent]
		inherited := of
		if k.Parent == root.AccessKey {
			inherited = &grants{all: true}
		}
		if k.secret == "" {
			log.Error("the secret of an access key cannot be opened; it cannot sign until it is set again", "accessKey", name)
		}
		if k.Disabled || k.secret == "" || inherited == nil || name == root.AccessKey {
			continue
		}
		c := Credential{AccessKey: name, SecretKey: k.secret, Parent: k.Parent, grants: inherited}
		if k.own != nil {
			c.grants = inherited.narrowedBy(k.own, k.Document)
		}
		c.Owner = c.grants.all && c.grants.own == nil
		s.entries[name] = entry{credential: c, expires: k.Expires}
	}
}

// memberships are the groups of each user, sorted.
func (s *state) memberships() map[string][]string {
	of := make(map[string][]string)
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		for _, member := range s.groups[name].Members {
			of[member] = append(of[member], name)
		}
	}
	return of
}

// policyNames are the policies of a user and of its groups that are enabled,
// sorted. Every policy that is attached exists:
// changes require it.
func (s *state) policyNames(u *user, groups []string) []string {
	names := u.Policies
	for _, name := range groups {
		if g := s.groups[name]; !g.Disabled {
			names = union(names, g.Policies)
		}
	}
	return slices.DeleteFunc(union(names, nil), func(name string) bool { return s.policies[name] == nil })
}
