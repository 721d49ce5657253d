package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
)

// userRoutes is the table of what `mc admin user` calls.
func userRoutes() map[string]route {
	return map[string]route{
		"PUT add-user":        {query: []string{"accessKey"}, serve: (*Handler).addUser, action: iam.AdminCreateUser, own: true},
		"GET list-users":      {serve: (*Handler).listUsers, action: iam.AdminListUsers},
		"GET user-info":       {query: []string{"accessKey"}, serve: (*Handler).userInfo, action: iam.AdminGetUser, own: true},
		"PUT set-user-status": {query: []string{"accessKey", "status"}, serve: (*Handler).setUserStatus, action: iam.AdminEnableUser, actionOf: userStatusAction},
		"DELETE remove-user":  {query: []string{"accessKey"}, serve: (*Handler).removeUser, action: iam.AdminDeleteUser},
	}
}

func userStatusAction(q url.Values) iam.Action {
	if q.Get("status") == disabled {
		return iam.AdminDisableUser
	}
	return iam.AdminEnableUser
}

// Values of a user's or group's status.
const (
	enabled  = "enabled"
	disabled = "disabled"
)

func status(on bool) string {
	if on {
		return enabled
	}
	return disabled
}

func parseStatus(text string) (on bool, err error) {
	switch text {
	case enabled:
		return true, nil
	case disabled:
		return false, nil
	}
	return false, errInvalidQuery.with("The status is neither enabled nor disabled.")
}

// userAnswer is the JSON of a user.
type userAnswer struct {
	PolicyName string    `json:"policyName,omitempty"`
	Status     string    `json:"status"`
	MemberOf   []string  `json:"memberOf,omitempty"`
	Updated    time.Time `json:"updatedAt"`
}

func newUserAnswer(u iam.UserInfo) userAnswer {
	return userAnswer{PolicyName: strings.Join(u.Policies, ","), Status: status(u.Enabled), MemberOf: u.MemberOf, Updated: u.Updated}
}

// addUser makes a user or changes one. Without the right to, a user changes its
// own password: not by an access key, which may be in more hands.
func (h *Handler) addUser(c *call) error {
	name := c.query.Get("accessKey")
	if !c.all && (name != c.principal.User || name != c.principal.AccessKey) {
		return errAccessDenied
	}
	var in struct {
		SecretKey string `json:"secretKey"`
		Status    string `json:"status"`
	}
	if err := h.openJSON(c, &in); err != nil {
		return err
	}
	on := true
	if in.Status != "" {
		var err error
		if on, err = parseStatus(in.Status); err != nil {
			return err
		}
	}
	if !c.all {
		return c.done(http.StatusOK, h.Identities.SetPassword(c.r.Context(), name, in.SecretKey))
	}
	return c.done(http.StatusOK, h.Identities.PutUser(c.r.Context(), name, in.SecretKey, on))
}

func (h *Handler) listUsers(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	all := make(map[string]userAnswer)
	for _, u := range h.Identities.Users() {
		all[u.Name] = newUserAnswer(u)
	}
	return h.sealedJSON(c, all)
}

func (h *Handler) userInfo(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	name := c.query.Get("accessKey")
	if !c.all && name != c.principal.User {
		return errAccessDenied
	}
	u, err := h.Identities.User(name)
	if err != nil {
		return identityError(err)
	}
	return c.plain(newUserAnswer(u))
}

func (h *Handler) setUserStatus(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	on, err := parseStatus(c.query.Get("status"))
	if err != nil {
		return err
	}
	return c.done(http.StatusOK, h.Identities.SetUserStatus(c.r.Context(), c.query.Get("accessKey"), on))
}

func (h *Handler) removeUser(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	return c.done(http.StatusOK, h.Identities.RemoveUser(c.r.Context(), c.query.Get("accessKey")))
}

// openJSON reads a sealed body of JSON. Unknown fields are left to newer clients.
func (h *Handler) openJSON(c *call, into any) error {
	text, err := h.openBody(c)
	if err != nil {
		return err
	}
	return decodeJSON([]byte(text), into)
}

func decodeJSON(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return errInvalidQuery.with("The body is not the JSON that this call takes.")
	}
	return nil
}

// sealedJSON answers 200 with JSON in an envelope.
func (h *Handler) sealedJSON(c *call, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return h.sealed(c, body)
}

// done answers a change of identities: its error, or that it is durable and in
// force.
func (c *call) done(status int, err error) error {
	if err != nil {
		return identityError(err)
	}
	answerEmpty(c.w, status)
	return nil
}
