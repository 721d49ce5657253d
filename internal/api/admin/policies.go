package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
)

// policyRoutes is the table of what `mc admin policy` calls.
func policyRoutes() map[string]route {
	return map[string]route{
		"PUT add-canned-policy":           {query: []string{"name"}, serve: (*Handler).putPolicy, action: iam.AdminCreatePolicy},
		"GET list-canned-policies":        {serve: (*Handler).listPolicies, action: iam.AdminListUserPolicies},
		"GET info-canned-policy":          {query: []string{"name"}, serve: (*Handler).policyInfo, action: iam.AdminGetPolicy},
		"DELETE remove-canned-policy":     {query: []string{"name"}, serve: (*Handler).removePolicy, action: iam.AdminDeletePolicy},
		"POST idp/builtin/policy/attach":  {serve: changePolicies(true), action: iam.AdminAttachPolicy},
		"POST idp/builtin/policy/detach":  {serve: changePolicies(false), action: iam.AdminAttachPolicy},
		"PUT set-user-or-group-policy":    {query: []string{"policyName", "userOrGroup", "isGroup"}, serve: (*Handler).setPolicies, action: iam.AdminAttachPolicy},
		"GET idp/builtin/policy-entities": {serve: (*Handler).policyEntities, action: iam.AdminListUserPolicies},
	}
}

func (h *Handler) putPolicy(c *call) error {
	document, err := c.readPlain()
	if err != nil {
		return err
	}
	return c.done(http.StatusOK, h.Identities.PutPolicy(c.r.Context(), c.query.Get("name"), document))
}

func (h *Handler) listPolicies(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	all := make(map[string]json.RawMessage)
	for _, p := range h.Identities.Policies() {
		all[p.Name] = p.Document
	}
	return c.plain(all)
}

func (h *Handler) policyInfo(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	p, err := h.Identities.Policy(c.query.Get("name"))
	if err != nil {
		return identityError(err)
	}
	if c.query.Get("v") != "2" {
		return c.plain(json.RawMessage(p.Document))
	}
	return c.plain(struct {
		PolicyName             string
		Policy                 json.RawMessage
		CreateDate, UpdateDate time.Time
	}{p.Name, p.Document, p.Created, p.Updated})
}

func (h *Handler) removePolicy(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	return c.done(http.StatusOK, h.Identities.RemovePolicy(c.r.Context(), c.query.Get("name")))
}

// policyChange is the answer to what was attached or detached.
type policyChange struct {
	Attached []string  `json:"policiesAttached,omitempty"`
	Detached []string  `json:"policiesDetached,omitempty"`
	Updated  time.Time `json:"updatedAt"`
}

func changePolicies(attach bool) func(*Handler, *call) error {
	return func(h *Handler, c *call) error {
		var in struct {
			Policies []string `json:"policies"`
			User     string   `json:"user"`
			Group    string   `json:"group"`
		}
		if err := h.openJSON(c, &in); err != nil {
			return err
		}
		of := iam.Holder{User: in.User, Group: in.Group}
		answer := policyChange{Updated: h.Now()}
		var err error
		if attach {
			answer.Attached, err = h.Identities.AttachPolicies(c.r.Context(), of, in.Policies)
		} else {
			answer.Detached, err = h.Identities.DetachPolicies(c.r.Context(), of, in.Policies)
		}
		if err != nil {
			return identityError(err)
		}
		return h.sealedJSON(c, answer)
	}
}

// setPolicies answers the older form of attaching, which replaces what was.
func (h *Handler) setPolicies(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	of := iam.Holder{User: c.query.Get("userOrGroup")}
	if c.query.Get("isGroup") == "true" {
		of = iam.Holder{Group: of.User}
	}
	names := strings.FieldsFunc(c.query.Get("policyName"), func(r rune) bool { return r == ',' })
	return c.done(http.StatusOK, h.Identities.SetPolicies(c.r.Context(), of, names))
}
