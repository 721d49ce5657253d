package admin

import (
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
)

// Values of an access key's status.
const (
	accountOn  = "on"
	accountOff = "off"
)

// accessKeyAnswer is the JSON of an access key.
type accessKeyAnswer struct {
	ParentUser  string `json:"parentUser"`
	Status      string `json:"accountStatus"`
	Implied     bool   `json:"impliedPolicy"`
	Policy      string `json:"policy,omitempty"`
	AccessKey   string `json:"accessKey,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	// Expiration is 1970 for a key that does not expire: mc ends in a panic where
	// it is missing in a list.
	Expiration time.Time `json:"expiration"`
}

func newAccessKeyAnswer(k iam.AccessKeyInfo) accessKeyAnswer {
	a := accessKeyAnswer{
		ParentUser: k.Parent, Status: accountOff, Implied: len(k.Document) == 0, AccessKey: k.AccessKey, Name: k.Name, Description: k.Description,
		Expiration: expiration(k.Expires),
	}
	if k.Enabled {
		a.Status = accountOn
	}
	return a
}

func (h *Handler) accessKeyInfo(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	k, err := h.ownedKey(c)
	if err != nil {
		return err
	}
	a, err := h.keyWithRights(k)
	if err != nil {
		return err
	}
	return h.sealedJSON(c, a)
}

// keyWithRights tells of an access key, with its own policy or what it inherits.
func (h *Handler) keyWithRights(k iam.AccessKeyInfo) (accessKeyAnswer, error) {
	a := newAccessKeyAnswer(k)
	a.AccessKey, a.Policy = "", string(k.Document)
	if a.Implied {
		rights, err := h.Identities.Rights(k.Parent)
		if err != nil {
			return a, identityError(err)
		}
		a.Policy = string(rights)
	}
	return a, nil
}

// listAccessKeys answers with the keys of one user, the caller if none is named.
func (h *Handler) listAccessKeys(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	user := c.query.Get("user")
	if user == "" {
		user = c.principal.User
	}
	if err := h.mayActFor(c, user); err != nil {
		return err
	}
	if err := h.userExists(user); err != nil {
		return err
	}
	return h.sealedJSON(c, map[string][]accessKeyAnswer{"accounts": h.accessKeysByUser()[user]})
}

// Values of listType, of which svcacc-only is not asked for by name: what is
// listed beside service accounts does not exist.
const (
	listUsersOnly = "users-only"
	listTemporary = "sts-only"
)

// accessKeys are those of one user.
type accessKeys struct {
	ServiceAccounts []accessKeyAnswer `json:"serviceAccounts"`
	Temporary       []struct{}        `json:"stsKeys"`
}

// listAccessKeysOf answers with the keys of all users, of some, or of the caller.
func (h *Handler) listAccessKeysOf(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	users := c.query["users"]
	switch {
	case c.query.Get("all") == "true":
		if !c.all {
			return errAccessDenied
		}
		users = nil
		for _, u := range h.Identities.Users() {
			users = append(users, u.Name)
		}
		if c.principal.User == h.Identities.Root.AccessKey {
			users = append(users, c.principal.User)
		}
	case len(users) == 0:
		users = []string{c.principal.User}
	}
	of := h.accessKeysByUser()
	kind := c.query.Get("listType")
	out := make(map[string]accessKeys)
	for _, user := range users {
		if err := h.mayActFor(c, user); err != nil {
			return err
		}
		if err := h.userExists(user); err != nil {
			return err
		}
		keys := accessKeys{}
		if kind != listUsersOnly && kind != listTemporary {
			keys.ServiceAccounts = of[user]
		}
		out[user] = keys
	}
	return h.sealedJSON(c, out)
}

func (h *Handler) accessKeysByUser() map[string][]accessKeyAnswer {
	of := make(map[string][]accessKeyAnswer)
	for _, k := range h.Identities.AccessKeys() {
		of[k.Parent] = append(of[k.Parent], newAccessKeyAnswer(k))
	}
	return of
}

// userExists wants a user, or root.
func (h *Handler) userExists(name string) error {
	if name == h.Identities.Root.AccessKey {
		return nil
	}
	_, err := h.Identities.User(name)
	return identityError(err)
}
