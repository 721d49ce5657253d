package admin

import (
	"slices"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
)

// entities is the JSON of who has which policies.
type entities struct {
	Time     time.Time       `json:"timestamp"`
	Users    []userMapping   `json:"userMappings,omitempty"`
	Groups   []groupMapping  `json:"groupMappings,omitempty"`
	Policies []policyMapping `json:"policyMappings,omitempty"`
}

type userMapping struct {
	User     string         `json:"user"`
	Policies []string       `json:"policies"`
	MemberOf []groupMapping `json:"memberOfMappings,omitempty"`
}

type groupMapping struct {
	Group    string   `json:"group"`
	Policies []string `json:"policies"`
}

type policyMapping struct {
	Policy string   `json:"policy"`
	Users  []string `json:"users"`
	Groups []string `json:"groups"`
}

// policyEntities answers for the users, groups and policies that are named; for
// all policies that are attached if none is.
func (h *Handler) policyEntities(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	users, groups, policies := c.query["user"], c.query["group"], c.query["policy"]
	out := entities{Time: h.Now()}
	for _, name := range users {
		u, err := h.Identities.User(name)
		if err != nil {
			return identityError(err)
		}
		m := userMapping{User: name, Policies: orEmpty(u.Policies)}
		for _, group := range u.MemberOf {
			if g, err := h.Identities.Group(group); err == nil { // it may have gone meanwhile
				m.MemberOf = append(m.MemberOf, groupMapping{group, orEmpty(g.Policies)})
			}
		}
		out.Users = append(out.Users, m)
	}
	for _, name := range groups {
		g, err := h.Identities.Group(name)
		if err != nil {
			return identityError(err)
		}
		out.Groups = append(out.Groups, groupMapping{name, orEmpty(g.Policies)})
	}
	if len(policies) > 0 || len(users)+len(groups) == 0 {
		var err error
		if out.Policies, err = h.policyMappings(policies); err != nil {
			return identityError(err)
		}
	}
	return h.sealedJSON(c, out)
}

// policyMappings are those of the named policies; of all that are attached if
// none is named.
func (h *Handler) policyMappings(named []string) ([]policyMapping, error) {
	for _, name := range named {
		if _, err := h.Identities.Policy(name); err != nil {
			return nil, err
		}
	}
	var groups []iam.GroupInfo
	for _, name := range h.Identities.Groups() {
		if g, err := h.Identities.Group(name); err == nil { // it may have gone meanwhile
			groups = append(groups, g)
		}
	}
	users := h.Identities.Users()
	var out []policyMapping
	for _, p := range h.Identities.Policies() {
		if len(named) > 0 && !slices.Contains(named, p.Name) {
			continue
		}
		m := policyMapping{Policy: p.Name, Users: []string{}, Groups: []string{}}
		for _, u := range users {
			if slices.Contains(u.Policies, p.Name) {
				m.Users = append(m.Users, u.Name)
			}
		}
		for _, g := range groups {
			if slices.Contains(g.Policies, p.Name) {
				m.Groups = append(m.Groups, g.Name)
			}
		}
		if len(named) > 0 || len(m.Users)+len(m.Groups) > 0 {
			out = append(out, m)
		}
	}
	return out, nil
}

// orEmpty is a list that is never null.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
