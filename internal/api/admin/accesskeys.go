package admin

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
)

// accessKeyRoutes is the table of what `mc admin accesskey` and `mc admin user
// svcacct` call. Everybody may do it with their own keys, unless denied.
func accessKeyRoutes() map[string]route {
	return map[string]route{
		"PUT add-service-account":       {serve: (*Handler).addAccessKey, action: iam.AdminCreateServiceAccount, own: true},
		"POST update-service-account":   {query: []string{"accessKey"}, serve: (*Handler).changeAccessKey, action: iam.AdminUpdateServiceAccount, own: true},
		"DELETE delete-service-account": {query: []string{"accessKey"}, serve: (*Handler).removeAccessKey, action: iam.AdminRemoveServiceAccount, own: true},
		"GET info-service-account":      {query: []string{"accessKey"}, serve: (*Handler).accessKeyInfo, action: iam.AdminListServiceAccounts, own: true},
		"GET list-service-accounts":     {serve: (*Handler).listAccessKeys, action: iam.AdminListServiceAccounts, own: true},
		"GET list-access-keys-bulk":     {serve: (*Handler).listAccessKeysOf, action: iam.AdminListServiceAccounts, own: true},
		"GET temporary-account-info":    {query: []string{"accessKey"}, serve: (*Handler).temporaryInfo, action: iam.AdminListTemporary},
	}
}

// mayActFor wants the caller to have the right for all, or the keys to be its
// own. Those of root are root's own, whatever rights others have.
func (h *Handler) mayActFor(c *call, user string) error {
	if user != c.principal.User && (!c.all || user == h.Identities.Root.AccessKey) {
		return errAccessDenied
	}
	return nil
}

// ownedKey returns an access key that the caller may act on.
func (h *Handler) ownedKey(c *call) (iam.AccessKeyInfo, error) {
	k, err := h.Identities.AccessKey(c.query.Get("accessKey"))
	if err != nil {
		if !c.all {
			return k, errAccessDenied // not to tell which keys there are
		}
		return k, identityError(err)
	}
	return k, h.mayActFor(c, k.Parent)
}

func (h *Handler) addAccessKey(c *call) error {
	var in struct {
		Policy      json.RawMessage `json:"policy"`
		TargetUser  string          `json:"targetUser"`
		AccessKey   string          `json:"accessKey"`
		SecretKey   string          `json:"secretKey"`
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Expiration  *time.Time      `json:"expiration"`
	}
	if err := h.openJSON(c, &in); err != nil {
		return err
	}
	if in.TargetUser == "" {
		in.TargetUser = c.principal.User
	}
	if err := h.mayActFor(c, in.TargetUser); err != nil {
		return err
	}
	made, err := h.Identities.AddAccessKey(c.r.Context(), iam.NewAccessKey{
		Parent: in.TargetUser, AccessKey: in.AccessKey, SecretKey: in.SecretKey, Document: orNone(in.Policy),
		Name: in.Name, Description: in.Description, Expires: parseExpiration(in.Expiration),
	})
	if err != nil {
		return identityError(err)
	}
	type credentials struct {
		AccessKey  string    `json:"accessKey"`
		SecretKey  string    `json:"secretKey"`
		Expiration time.Time `json:"expiration"`
	}
	return h.sealedJSON(c, map[string]credentials{"credentials": {made.AccessKey, made.SecretKey, expiration(parseExpiration(in.Expiration))}})
}

// expiration is a time as clients read it: 1970 for never.
func expiration(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t
}

// orNone is a policy, or nothing where the client wrote null.
func orNone(document json.RawMessage) []byte {
	if string(document) == "null" {
		return nil
	}
	return document
}

// parseExpiration is zero for never, which clients write as 1970 too.
func parseExpiration(t *time.Time) time.Time {
	if t == nil || t.Unix() == 0 {
		return time.Time{}
	}
	return *t
}

func (h *Handler) changeAccessKey(c *call) error {
	var in struct {
		Policy      json.RawMessage `json:"newPolicy"`
		SecretKey   string          `json:"newSecretKey"`
		Status      string          `json:"newStatus"`
		Name        string          `json:"newName"`
		Description string          `json:"newDescription"`
		Expiration  *time.Time      `json:"newExpiration"`
	}
	if err := h.openJSON(c, &in); err != nil {
		return err
	}
	k, err := h.ownedKey(c)
	if err != nil {
		return err
	}
	change := iam.AccessKeyChange{SecretKey: given(in.SecretKey), Name: given(in.Name), Description: given(in.Description)}
	if document := orNone(in.Policy); len(document) > 0 {
		change.Document = &document
	}
	if in.Expiration != nil {
		expires := parseExpiration(in.Expiration)
		change.Expires = &expires
	}
	switch in.Status {
	case "":
	case accountOn, enabled:
		change.Enabled = new(bool)
		*change.Enabled = true
	case accountOff, disabled:
		change.Enabled = new(bool)
	default:
		return errInvalidQuery.with("The status is neither on nor off.")
	}
	return c.done(http.StatusNoContent, h.Identities.ChangeAccessKey(c.r.Context(), k.AccessKey, change))
}

// given is a text that is to be set, or nil: clients leave out what stays.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (h *Handler) removeAccessKey(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	k, err := h.ownedKey(c)
	if err != nil {
		return err
	}
	return c.done(http.StatusNoContent, h.Identities.RemoveAccessKey(c.r.Context(), k.AccessKey))
}

// temporaryInfo is asked for keys that were found nowhere else. There are no
// temporary ones.
func (h *Handler) temporaryInfo(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	return identityError(iam.ErrNoSuchAccessKey)
}
