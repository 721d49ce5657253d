package iam

import (
	"context"
	"maps"
	"slices"
	"time"
)

// GroupInfo tells of a group.
type GroupInfo struct {
	Name     string
	Enabled  bool
	Members  []string // sorted
	Policies []string // sorted
	Updated  time.Time
}

// Groups returns the names of all groups, sorted.
func (s *Store) Groups() []string { return slices.Sorted(maps.Keys(s.state.Load().groups)) }

// Group returns one group: ErrNoSuchGroup.
func (s *Store) Group(name string) (GroupInfo, error) {
	g, ok := s.state.Load().groups[name]
	if !ok {
		return GroupInfo{}, ErrNoSuchGroup
	}
	return GroupInfo{
		Name: name, Enabled: !g.Disabled, Members: slices.Clone(g.Members), Policies: slices.Clone(g.Policies), Updated: g.Updated,
	}, nil
}

// AddMembers adds users to a group, which is made if there is none. ErrInvalidName,
// or ErrNoSuchUser if any of them is missing: then none is added.
func (s *Store) AddMembers(ctx context.Context, group string, members []string) error {
	if err := checkName("group's name", group, 1); err != nil {
		return err
	}
	return s.change(ctx, func(next *state, w *writes) error {
		for _, m := range members {
			if next.users[m] == nil {
				return noSuchUser(m)
			}
		}
		g := next.groups[group]
		if g == nil {
			g = &groupRecord{}
		}
		next.putGroup(w, group, g.with(s.Now(), union(g.Members, members)))
		return nil
	})
}

// RemoveMembers removes users from a group. ErrNoSuchGroup; ErrNoSuchUser if any
// of them does not exist at all.
func (s *Store) RemoveMembers(ctx context.Context, group string, members []string) error {
	return s.change(ctx, func(next *state, w *writes) error {
		g := next.groups[group]
		if g == nil {
			return ErrNoSuchGroup
		}
		for _, m := range members {
			if next.users[m] == nil {
				return noSuchUser(m)
			}
		}
		next.putGroup(w, group, g.with(s.Now(), without(g.Members, members)))
		return nil
	})
}

// RemoveGroup removes a group that has no members: ErrNoSuchGroup, ErrGroupNotEmpty.
func (s *Store) RemoveGroup(ctx context.Context, name string) error {
	return s.change(ctx, func(next *state, w *writes) error {
		switch g := next.groups[name]; {
		case g == nil:
			return ErrNoSuchGroup
		case len(g.Members) > 0:
			return ErrGroupNotEmpty
		}
		delete(next.groups, name)
		w.remove(kindGroup, name)
		return nil
	})
}

// SetGroupStatus enables or disables a group, whose policies then count for
// nobody: ErrNoSuchGroup.
func (s *Store) SetGroupStatus(ctx context.Context, name string, enabled bool) error {
	return s.change(ctx, func(next *state, w *writes) error {
		old := next.groups[name]
		if old == nil {
			return ErrNoSuchGroup
		}
		g := old.with(s.Now(), old.Members)
		g.Disabled = !enabled
		next.putGroup(w, name, g)
		return nil
	})
}

// with is the group with other members.
func (g *groupRecord) with(now time.Time, members []string) *groupRecord {
	changed := *g
	changed.Members, changed.Updated = members, now
	return &changed
}

func (s *state) putGroup(w *writes, name string, g *groupRecord) {
	s.groups[name] = g
	w.set(kindGroup, name, g)
}
