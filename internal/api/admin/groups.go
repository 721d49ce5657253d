package admin

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/policy"
)

// groupRoutes is the table of what `mc admin group` calls. Whether members are
// added or removed is in the body, so that its serve asks for the second right.
func groupRoutes() map[string]route {
	return map[string]route{
		"PUT update-group-members": {serve: (*Handler).updateGroup, action: iam.AdminAddUserToGroup, own: true},
		"GET groups":               {serve: (*Handler).listGroups, action: iam.AdminListGroups},
		"GET group":                {query: []string{"group"}, serve: (*Handler).groupInfo, action: iam.AdminGetGroup},
		"PUT set-group-status":     {query: []string{"group", "status"}, serve: (*Handler).setGroupStatus, action: iam.AdminEnableGroup, actionOf: groupStatusAction},
	}
}

func groupStatusAction(q url.Values) iam.Action {
	if q.Get("status") == disabled {
		return iam.AdminDisableGroup
	}
	return iam.AdminEnableGroup
}

// updateGroup adds members, removes them, or removes a group that has none.
func (h *Handler) updateGroup(c *call) error {
	text, err := c.readPlain()
	if err != nil {
		return err
	}
	var in struct {
		Group    string   `json:"group"`
		Members  []string `json:"members"`
		Status   string   `json:"groupStatus"`
		IsRemove bool     `json:"isRemove"`
	}
	if err := decodeJSON(text, &in); err != nil {
		return err
	}
	granted := c.all
	if in.IsRemove {
		granted = h.decide(c, iam.AdminRemoveUserFromGroup) == policy.Allowed
	}
	if !granted {
		return errAccessDenied
	}
	ctx, ids := c.r.Context(), h.Identities
	switch {
	case !in.IsRemove:
		err = ids.AddMembers(ctx, in.Group, in.Members)
	case len(in.Members) > 0:
		err = ids.RemoveMembers(ctx, in.Group, in.Members)
	default:
		err = ids.RemoveGroup(ctx, in.Group)
	}
	return c.done(http.StatusOK, err)
}

func (h *Handler) listGroups(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	groups := h.Identities.Groups()
	if groups == nil {
		groups = []string{}
	}
	return c.plain(groups)
}

// groupAnswer is the JSON of a group.
type groupAnswer struct {
	Name    string    `json:"name"`
	Status  string    `json:"status"`
	Members []string  `json:"members"`
	Policy  string    `json:"policy"`
	Updated time.Time `json:"updatedAt"`
}

func (h *Handler) groupInfo(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	g, err := h.Identities.Group(c.query.Get("group"))
	if err != nil {
		return identityError(err)
	}
	return c.plain(groupAnswer{g.Name, status(g.Enabled), g.Members, strings.Join(g.Policies, ","), g.Updated})
}

func (h *Handler) setGroupStatus(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	on, err := parseStatus(c.query.Get("status"))
	if err != nil {
		return err
	}
	return c.done(http.StatusOK, h.Identities.SetGroupStatus(c.r.Context(), c.query.Get("group"), on))
}

// readPlain reads a body that is not sealed.
func (c *call) readPlain() ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(c.body, maxTextBytes+1))
	if err != nil {
		return nil, bodyError(err)
	}
	if len(text) > maxTextBytes {
		return nil, errInvalidQuery.with("The body is larger than 256 KiB.")
	}
	return text, nil
}
