package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/policy"
)

// accountRoutes is the table of what clients ask about the caller itself, and of
// `mc admin cluster iam`.
func accountRoutes() map[string]route {
	return map[string]route{
		"GET accountinfo":     {serve: (*Handler).accountInfo, action: iam.AdminGetUser, own: true},
		"GET info-access-key": {query: []string{"accessKey"}, serve: (*Handler).infoAccessKey, action: iam.AdminListServiceAccounts, own: true},
		"GET export-iam":      {serve: (*Handler).exportIAM, action: iam.AdminExportIAM},
		"PUT import-iam":      {serve: importIAM(false), action: iam.AdminImportIAM},
		"PUT import-iam-v2":   {serve: importIAM(true), action: iam.AdminImportIAM},
	}
}

// accountAnswer tells who the caller is, and what it may do.
type accountAnswer struct {
	AccountName string
	Server      struct{ Type int }
	Policy      json.RawMessage
	Buckets     []accountBucket
}

// accountBucket is a bucket that the caller may use.
type accountBucket struct {
	Name    string    `json:"name"`
	Size    int64     `json:"size"`
	Objects int64     `json:"objects"`
	Created time.Time `json:"created"`
	Access  struct {
		Read  bool `json:"read"`
		Write bool `json:"write"`
	} `json:"access"`
}

// erasure is the type that clients take for a server whose drives they can show.
const erasure = 2

func (h *Handler) accountInfo(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	rights, err := h.Identities.RightsOf(c.principal)
	if err != nil {
		return err
	}
	out := accountAnswer{AccountName: c.principal.User, Policy: rights}
	out.Server.Type = erasure
	if out.Buckets, err = h.usableBuckets(c); err != nil {
		return err
	}
	return c.plain(out)
}

// usableBuckets are those that the caller may list, or put objects into.
func (h *Handler) usableBuckets(c *call) ([]accountBucket, error) {
	ctx := c.r.Context()
	buckets, err := h.Buckets.Buckets(ctx)
	if err != nil {
		return nil, err
	}
	usage, _ := h.usage(ctx)
	counted := make(map[string]BucketUsage, len(usage.Buckets))
	for _, b := range usage.Buckets {
		counted[b.Name] = b
	}
	var out []accountBucket
	for _, b := range buckets {
		one := accountBucket{Name: b.Name, Created: b.Created, Size: counted[b.Name].Bytes, Objects: counted[b.Name].Objects}
		// Any key stands for all: what is allowed for some alone does not count.
		one.Access.Read, err = h.mayOn(ctx, c, iam.ActionListBucket, iam.Resource{Bucket: b.Name})
		if err == nil {
			one.Access.Write, err = h.mayOn(ctx, c, iam.ActionPutObject, iam.Resource{Bucket: b.Name, Key: "*"})
		}
		if err != nil {
			return nil, err
		}
		if one.Access.Read || one.Access.Write {
			out = append(out, one)
		}
	}
	return out, nil
}

// mayOn reports whether the caller may take an action of S3.
func (h *Handler) mayOn(ctx context.Context, c *call, action iam.Action, on iam.Resource) (bool, error) {
	ofBucket, _, err := h.Buckets.Policy(ctx, on.Bucket)
	if err != nil {
		return false, err
	}
	sourceIP := iam.SourceIP(c.r, h.TrustedProxies)
	verdict := iam.Decide(iam.Ask{Principal: c.principal, Action: action, Resource: on, Value: func(name string) []string {
		return iam.GlobalValues(c.r, c.principal, sourceIP, h.Now(), name)
	}}, ofBucket)
	return verdict == policy.Allowed, nil
}

// Sorts of credentials, as clients show them.
const (
	sortAccessKey = "Service Account"
	sortTemporary = "STS"
	builtIn       = "builtin"
	webIdentity   = "openid"
)

// infoAccessKey tells of an access key, or of the temporary credential that asks:
// others are not known until they come.
func (h *Handler) infoAccessKey(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	type answer struct {
		accessKeyAnswer
		AccessKey    string `json:"AccessKey"`
		UserType     string `json:"userType"`
		UserProvider string `json:"userProvider"`
	}
	name := c.query.Get("accessKey")
	if name == c.principal.AccessKey && c.principal.Temporary {
		rights, err := h.Identities.RightsOf(c.principal)
		if err != nil {
			return err
		}
		a := answer{AccessKey: name, UserType: sortTemporary, UserProvider: builtIn}
		if strings.HasPrefix(c.principal.User, iam.WebIdentityPrefix) {
			a.UserProvider = webIdentity
		}
		a.ParentUser, a.Status, a.Policy, a.Expiration = c.principal.User, accountOn, string(rights), c.principal.Expires
		return h.sealedJSON(c, a)
	}
	k, err := h.ownedKey(c)
	if err != nil {
		return err
	}
	told, err := h.keyWithRights(k)
	if err != nil {
		return err
	}
	return h.sealedJSON(c, answer{accessKeyAnswer: told, AccessKey: k.AccessKey, UserType: sortAccessKey, UserProvider: builtIn})
}

// answerZip answers with a file of secrets.
func answerZip(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // nobody is left to be told
}
