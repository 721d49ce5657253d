package iam

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// UserInfo tells of a user.
type UserInfo struct {
	Name     string
	Enabled  bool
	Policies []string // attached to the user itself, sorted
	MemberOf []string // groups, sorted
	Updated  time.Time
}

// Users returns all users by name, in its order.
func (s *Store) Users() []UserInfo {
	st := s.state.Load()
	memberOf := st.memberships()
	list := make([]UserInfo, 0, len(st.users))
	for _, name := range slices.Sorted(maps.Keys(st.users)) {
		list = append(list, st.users[name].info(name, memberOf[name]))
	}
	return list
}

// User returns one user: ErrNoSuchUser.
func (s *Store) User(name string) (UserInfo, error) {
	st := s.state.Load()
	u, ok := st.users[name]
	if !ok {
		return UserInfo{}, ErrNoSuchUser
	}
	return u.info(name, st.memberships()[name]), nil
}

func (u *user) info(name string, memberOf []string) UserInfo {
	return UserInfo{Name: name, Enabled: !u.Disabled, Policies: slices.Clone(u.Policies), MemberOf: memberOf, Updated: u.Updated}
}

// PutUser makes a user, or gives one that exists another secret and status; its
// policies and groups stay. ErrInvalidName, ErrInvalidSecretKey; ErrTaken if the
// name is root's or an access key's.
func (s *Store) PutUser(ctx context.Context, name, secret string, enabled bool) error {
	if err := checkUser(name, secret); err != nil {
		return err
	}
	return s.change(ctx, func(next *state, w *writes) error { return s.setUser(next, w, name, secret, enabled) })
}

// SetPassword gives a user that exists another secret, and leaves all else:
// ErrNoSuchUser, ErrInvalidSecretKey.
func (s *Store) SetPassword(ctx context.Context, name, secret string) error {
	if err := checkSecret(secret); err != nil {
		return err
	}
	return s.change(ctx, func(next *state, w *writes) error {
		old := next.users[name]
		if old == nil {
			return ErrNoSuchUser
		}
		return s.setUser(next, w, name, secret, !old.Disabled)
	})
}

// checkUser checks what does not depend on what is stored.
func checkUser(name, secret string) error {
	if err := checkName("user's name", name, minAccessKey); err != nil {
		return err
	}
	if strings.HasPrefix(name, WebIdentityPrefix) {
		return detail(ErrInvalidName, "Names that begin with %s are those of web identities.", WebIdentityPrefix)
	}
	return checkSecret(secret)
}

// setUser makes a user, or changes its secret and status.
func (s *Store) setUser(next *state, w *writes, name, secret string, enabled bool) error {
	if next.keys[name] != nil || name == s.Root.AccessKey {
		return ErrTaken
	}
	u := &user{userRecord: userRecord{Made: s.Now()}, secret: secret}
	if old := next.users[name]; old != nil {
		u.userRecord = old.userRecord
	}
	var err error
	u.Sealed, err = w.seal(kindUser, name, secret)
	if err != nil {
		return err
	}
	u.Disabled, u.Updated = !enabled, s.Now()
	next.putUser(w, name, u)
	return nil
}

// SetUserStatus enables or disables a user, with its access keys: ErrNoSuchUser.
func (s *Store) SetUserStatus(ctx context.Context, name string, enabled bool) error {
	return s.change(ctx, func(next *state, w *writes) error {
		old := next.users[name]
		if old == nil {
			return ErrNoSuchUser
		}
		u := *old
		u.Disabled, u.Updated = !enabled, s.Now()
		next.putUser(w, name, &u)
		return nil
	})
}

// RemoveUser removes a user with its access keys and memberships: ErrNoSuchUser.
func (s *Store) RemoveUser(ctx context.Context, name string) error {
	return s.change(ctx, func(next *state, w *writes) error {
		if next.users[name] == nil {
			return ErrNoSuchUser
		}
		for group, g := range next.groups {
			if slices.Contains(g.Members, name) {
				next.putGroup(w, group, g.with(s.Now(), without(g.Members, []string{name})))
			}
		}
		for key, k := range next.keys {
			if k.Parent == name {
				delete(next.keys, key)
				w.remove(kindKey, key)
			}
		}
		delete(next.users, name)
		w.remove(kindUser, name)
		return nil
	})
}

func (s *state) putUser(w *writes, name string, u *user) {
	s.users[name] = u
	w.set(kindUser, name, u.userRecord)
}

// union is a and b, sorted, each once.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// without is a without what is in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(name string) bool { return slices.Contains(b, name) })
}

func noSuchUser(name string) error {
	return detail(ErrNoSuchUser, "The specified user does not exist: %s.", name)
}
