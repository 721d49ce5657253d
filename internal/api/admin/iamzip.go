package admin

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
)

// The files of an export, as MinIO writes them: a zip of JSON objects by name.
const (
	zipPolicies      = "iam-assets/policies.json"
	zipUsers         = "iam-assets/users.json"
	zipGroups        = "iam-assets/groups.json"
	zipKeys          = "iam-assets/svcaccts.json"
	zipUserPolicies  = "iam-assets/user_mappings.json"
	zipGroupPolicies = "iam-assets/group_mappings.json"
	zipSTSPolicies   = "iam-assets/stsuser_mappings.json"

	// maxZipBytes bounds an import, and maxUnzippedBytes each file in it: ten
	// thousand users with as many access keys and groups take less.
	maxZipBytes      = 16 << 20
	maxUnzippedBytes = 32 << 20
)

var errBadZip = &code{"InvalidRequest", http.StatusBadRequest, "The body is not an export of users and policies."}

type zipUser struct {
	SecretKey string `json:"secretKey"`
	Status    string `json:"status"`
}

type zipGroup struct {
	Version int       `json:"version"`
	Status  string    `json:"status"`
	Members []string  `json:"members"`
	Updated time.Time `json:"updatedAt"`
}

type zipKey struct {
	Parent        string          `json:"parent"`
	AccessKey     string          `json:"accessKey"`
	SecretKey     string          `json:"secretKey"`
	Groups        []string        `json:"groups"`
	Claims        map[string]any  `json:"claims"`
	SessionPolicy json.RawMessage `json:"sessionPolicy"`
	Status        string          `json:"status"`
	Name          string          `json:"name"`
	Description   string          `json:"description"`
	Expiration    *time.Time      `json:"expiration"`
}

type zipMapping struct {
	Version int       `json:"version"`
	Policy  string    `json:"policy"`
	Updated time.Time `json:"updatedAt"`
}

// zipContent are the files, read.
type zipContent struct {
	policies                                map[string]json.RawMessage
	users                                   map[string]zipUser
	groups                                  map[string]zipGroup
	keys                                    map[string]zipKey
	userPolicies, groupPolicies, stsMapping map[string]zipMapping
}

// files says where each file goes.
func (z *zipContent) files() map[string]any {
	return map[string]any{
		zipPolicies: &z.policies, zipUsers: &z.users, zipGroups: &z.groups, zipKeys: &z.keys,
		zipUserPolicies: &z.userPolicies, zipGroupPolicies: &z.groupPolicies, zipSTSPolicies: &z.stsMapping,
	}
}

func (h *Handler) exportIAM(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	z := newZipContent(h.Identities.Export(c.principal.Owner), h.Now())
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	files := z.files()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := out.Create(name)
		if err == nil {
			err = json.NewEncoder(f).Encode(files[name])
		}
		if err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	answerZip(c.w, b.Bytes())
	return nil
}

func newZipContent(e iam.Export, now time.Time) *zipContent {
	z := &zipContent{
		policies: make(map[string]json.RawMessage), users: make(map[string]zipUser), groups: make(map[string]zipGroup),
		keys: make(map[string]zipKey), userPolicies: make(map[string]zipMapping), groupPolicies: make(map[string]zipMapping),
		stsMapping: make(map[string]zipMapping),
	}
	for name, document := range e.Policies {
		z.policies[name] = document
	}
	for name, u := range e.Users {
		z.users[name] = zipUser{u.Secret, status(u.Enabled)}
		if len(u.Policies) > 0 {
			z.userPolicies[name] = zipMapping{Policy: strings.Join(u.Policies, ","), Updated: now}
		}
	}
	for name, g := range e.Groups {
		z.groups[name] = zipGroup{1, status(g.Enabled), orEmpty(g.Members), g.Updated}
		if len(g.Policies) > 0 {
			z.groupPolicies[name] = zipMapping{Policy: strings.Join(g.Policies, ","), Updated: g.Updated}
		}
	}
	for name, k := range e.Keys {
		expires := expiration(k.Expires)
		sort := "inherited-policy"
		if len(k.Document) > 0 {
			sort = "embedded-policy"
		}
		out := zipKey{
			Parent: k.Parent, AccessKey: name, SecretKey: k.Secret, SessionPolicy: k.Document, Status: accountOff, Name: k.Name,
			Description: k.Description, Expiration: &expires, Claims: map[string]any{"accessKey": name, "parent": k.Parent, "sa-policy": sort},
		}
		if k.Enabled {
			out.Status = accountOn
		}
		z.keys[name] = out
	}
	return z
}

// readZip reads an import; unknown files are left to newer clients.
func readZip(body []byte) (*zipContent, error) {
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return nil, errBadZip
	}
	z := &zipContent{}
	files := z.files()
	for _, f := range archive.File {
		into := files[f.Name]
		if into == nil {
			continue
		}
		delete(files, f.Name) // a second of the name is not read
		if err := readZipped(f, into); err != nil {
			return nil, errBadZip.with(fmt.Sprintf("%s cannot be read: %v.", f.Name, err))
		}
	}
	return z, nil
}

func readZipped(f *zip.File, into any) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // it is only read
	text, err := io.ReadAll(io.LimitReader(r, maxUnzippedBytes+1))
	if err != nil {
		return err
	}
	if len(text) > maxUnzippedBytes {
		return errors.New("it is larger than 32 MiB")
	}
	if json.Unmarshal(text, into) != nil {
		return errors.New("it is not the JSON that it should be") // the text has secrets
	}
	return nil
}

// export is what is to be stored.
func (z *zipContent) export() iam.Export {
	e := iam.Export{
		Policies: make(map[string][]byte), Users: make(map[string]iam.ExportedUser),
		Groups: make(map[string]iam.ExportedGroup), Keys: make(map[string]iam.ExportedKey),
	}
	for name, document := range z.policies {
		e.Policies[name] = document
	}
	for name, u := range z.users {
		e.Users[name] = iam.ExportedUser{Secret: u.SecretKey, Enabled: u.Status != disabled, Policies: z.userPolicies[name].names()}
	}
	for name, g := range z.groups {
		e.Groups[name] = iam.ExportedGroup{Members: g.Members, Enabled: g.Status != disabled, Policies: z.groupPolicies[name].names()}
	}
	for name, k := range z.keys {
		e.Keys[name] = iam.ExportedKey{
			Parent: k.Parent, Secret: k.SecretKey, Enabled: k.Status != accountOff && k.Status != disabled, Document: orNone(k.SessionPolicy),
			Name: k.Name, Description: k.Description, Expires: parseExpiration(k.Expiration),
		}
	}
	return e
}

// names are nil where there is no mapping: policies then stay as they are.
func (m zipMapping) names() []string {
	if m.Policy == "" {
		return nil
	}
	return strings.FieldsFunc(m.Policy, func(r rune) bool { return r == ',' })
}

// importAnswer tells what became of an import.
type importAnswer struct {
	Skipped map[string]any `json:"skipped"`
	Removed map[string]any `json:"removed"`
	Added   importedAnswer `json:"added"`
	Failed  failedAnswer   `json:"failed"`
}

type importedAnswer struct {
	Policies        []string              `json:"policies"`
	Users           []string              `json:"users"`
	Groups          []string              `json:"groups"`
	ServiceAccounts []string              `json:"serviceAccounts"`
	UserPolicies    []map[string][]string `json:"userPolicies,omitempty"`
	GroupPolicies   []map[string][]string `json:"groupPolicies,omitempty"`
}

type failedAnswer struct {
	Policies        []failedEntity `json:"policies,omitempty"`
	Users           []failedEntity `json:"users,omitempty"`
	Groups          []failedEntity `json:"groups,omitempty"`
	ServiceAccounts []failedEntity `json:"serviceAccounts,omitempty"`
	UserPolicies    []failedEntity `json:"userPolicies,omitempty"`
	GroupPolicies   []failedEntity `json:"groupPolicies,omitempty"`
}

// failedEntity names what was left out, and why. The client has a field error of
// which it can read nothing but null.
type failedEntity struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

func failures(i iam.Imported) (out []failedEntity) {
	for _, name := range slices.Sorted(maps.Keys(i.Failed)) {
		out = append(out, failedEntity{name, identityError(i.Failed[name]).Error()})
	}
	return out
}

func importIAM(report bool) func(*Handler, *call) error {
	return func(h *Handler, c *call) error {
		body, err := io.ReadAll(io.LimitReader(c.body, maxZipBytes+1))
		if err != nil {
			return bodyError(err)
		}
		if len(body) > maxZipBytes {
			return errBadZip.with("The import is larger than 16 MiB.")
		}
		z, err := readZip(body)
		if err != nil {
			return err
		}
		in := z.export()
		done, err := h.Identities.Import(c.r.Context(), in, c.principal.Owner)
		if err != nil {
			return identityError(err)
		}
		if !report {
			answerEmpty(c.w, http.StatusOK)
			return nil
		}
		out := importAnswer{
			Skipped: map[string]any{}, Removed: map[string]any{},
			Added: importedAnswer{
				Policies: done.Policies.Added, Users: done.Users.Added, Groups: done.Groups.Added, ServiceAccounts: done.Keys.Added,
			},
			Failed: failedAnswer{
				failures(done.Policies), failures(done.Users), failures(done.Groups), failures(done.Keys),
				failures(done.UserPolicies), failures(done.GroupPolicies),
			},
		}
		for _, name := range done.UserPolicies.Added {
			out.Added.UserPolicies = append(out.Added.UserPolicies, map[string][]string{name: in.Users[name].Policies})
		}
		for _, name := range done.GroupPolicies.Added {
			out.Added.GroupPolicies = append(out.Added.GroupPolicies, map[string][]string{name: in.Groups[name].Policies})
		}
		if len(z.stsMapping) > 0 { // there are no stored identities of other directories
			out.Skipped["stsPolicies"] = slices.Sorted(maps.Keys(z.stsMapping))
		}
		return c.plain(out)
	}
}
