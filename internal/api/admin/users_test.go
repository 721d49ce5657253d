package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/iam"
)

// rights gives the guest a policy of one statement.
func (s *site) rights(element string) {
	s.t.Helper()
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + element + `}]}`
	if err := s.identities.PutPolicy(s.t.Context(), "rights", []byte(document)); err != nil {
		s.t.Fatal(err)
	}
	if err := s.identities.SetPolicies(s.t.Context(), iam.Holder{User: guest}, []string{"rights"}); err != nil {
		s.t.Fatal(err)
	}
}

// TestEveryAdminRouteIsGuarded walks the tables: each call refuses nobody and who
// has every right but the one it names, and lets through who has only that.
func TestEveryAdminRouteIsGuarded(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	for below, table := range map[string]map[string]route{prefix: s.handler.routes, "/carillon/admin/v1/": s.handler.eventRoutes, kmsPrefix: s.handler.kmsRoutes} {
		for name, rt := range table {
			method, path, _ := strings.Cut(name, " ")
			path = below + path
			for i, parameter := range rt.query {
				path += map[bool]string{true: "?", false: "&"}[i == 0] + parameter + "=root"
			}
			if rt.action == "" {
				t.Errorf("%s names no action", name)
				continue
			}
			action := string(rt.action)
			if r := s.send(s.request(method, path, nil), "", ""); r.status != http.StatusForbidden {
				t.Errorf("%s of nobody: %d", name, r.status)
			}
			body := s.guestBody(name)
			if !rt.own || strings.HasSuffix(path, "update-group-members") {
				s.rights(`"NotAction":["` + action + `"],"Resource":"arn:aws:s3:::*"`)
				if r := s.send(s.request(method, path, body), guest, testSecret); r.status != http.StatusForbidden {
					t.Errorf("%s without %s: %d %s", name, action, r.status, r.body)
				}
			}
			s.rights(`"Action":["` + action + `"]`)
			if r := s.send(s.request(method, path, body), guest, testSecret); r.status == http.StatusForbidden {
				t.Errorf("%s with %s: %d %s", name, action, r.status, r.body)
			}
		}
	}
}

// guestBody is a body that a call takes, where a right is looked for behind it.
func (s *site) guestBody(name string) []byte {
	if name == "PUT update-group-members" {
		return []byte(`{"group":"team","members":[],"isRemove":false}`)
	}
	return nil
}

// TestOwnAccessKeys: everybody manages their own keys and sees themselves, and
// nobody else's; a denial holds.
func TestOwnAccessKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	if err := s.identities.PutUser(ctx, "other", testSecret, true); err != nil {
		t.Fatal(err)
	}
	for key, parent := range map[string]string{"others-key": "other", "roots-key": testAccess, "guests-key": guest} {
		if _, err := s.identities.AddAccessKey(ctx, iam.NewAccessKey{Parent: parent, AccessKey: key, SecretKey: testSecret}); err != nil {
			t.Fatal(err)
		}
	}
	narrow := []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*"}]}`)
	if _, err := s.identities.AddAccessKey(ctx, iam.NewAccessKey{Parent: guest, AccessKey: "narrow", SecretKey: testSecret, Document: narrow}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		who, method, path, body string
		status                  int
		code                    string
	}{
		"own info":              {guest, "GET", "user-info?accessKey=guest", "", 200, ""},
		"another's info":        {guest, "GET", "user-info?accessKey=other", "", 403, "AccessDenied"},
		"own key":               {guest, "GET", "info-service-account?accessKey=guests-key", "", 200, ""},
		"another's key":         {guest, "GET", "info-service-account?accessKey=others-key", "", 403, "AccessDenied"},
		"no key":                {guest, "GET", "info-service-account?accessKey=none", "", 403, "AccessDenied"},
		"own list":              {guest, "GET", "list-service-accounts", "", 200, ""},
		"another's list":        {guest, "GET", "list-service-accounts?user=other", "", 403, "AccessDenied"},
		"own bulk":              {guest, "GET", "list-access-keys-bulk?listType=all", "", 200, ""},
		"all of bulk":           {guest, "GET", "list-access-keys-bulk?listType=all&all=true", "", 403, "AccessDenied"},
		"make one":              {guest, "PUT", "add-service-account", `{"name":"mine"}`, 200, ""},
		"make another's":        {guest, "PUT", "add-service-account", `{"targetUser":"other"}`, 403, "AccessDenied"},
		"make root's":           {guest, "PUT", "add-service-account", `{"targetUser":"` + testAccess + `"}`, 403, "AccessDenied"},
		"rename own":            {guest, "POST", "update-service-account?accessKey=guests-key", `{"newName":"n"}`, 204, ""},
		"rename root's":         {guest, "POST", "update-service-account?accessKey=roots-key", `{"newName":"n"}`, 403, "AccessDenied"},
		"remove another's":      {guest, "DELETE", "delete-service-account?accessKey=others-key", "", 403, "AccessDenied"},
		"a key makes a key":     {"guests-key", "PUT", "add-service-account", `{}`, 200, ""},
		"a narrow key does not": {"narrow", "PUT", "add-service-account", `{}`, 403, "AccessDenied"},
		"nor widens itself":     {"narrow", "POST", "update-service-account?accessKey=narrow", `{"newPolicy":{}}`, 403, "AccessDenied"},
		"root's key is root":    {"roots-key", "GET", "list-users", "", 200, ""},
		"root and any key":      {testAccess, "GET", "info-service-account?accessKey=others-key", "", 200, ""},
		"root and no key":       {testAccess, "GET", "info-service-account?accessKey=none", "", 404, "XMinioInvalidIAMCredentials"},
	} {
		t.Run(name, func(t *testing.T) {
			body := []byte(nil)
			if c.body != "" {
				var err error
				if body, err = newEnvelopes().seal(ctx, testSecret, []byte(c.body)); err != nil {
					t.Fatal(err)
				}
			}
			r := s.send(s.request(c.method, prefix+c.path, body), c.who, testSecret)
			if c.code != "" {
				wantError(t, r, c.status, c.code, "")
			} else if r.status != c.status {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	s.rights(`"Action":"admin:*"},{"Effect":"Deny","Action":"admin:CreateServiceAccount"`)
	body, err := newEnvelopes().seal(ctx, testSecret, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, s.send(s.request("PUT", prefix+"add-service-account", body), guest, testSecret), 403, "AccessDenied", "")
}

// TestIdentityErrors: the codes and statuses that clients act on.
func TestIdentityErrors(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.identities.AddMembers(t.Context(), "team", []string{guest}); err != nil {
		t.Fatal(err)
	}
	if err := s.identities.SetPolicies(t.Context(), iam.Holder{User: guest}, []string{"readonly"}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		method, path, sealed, plain string
		status                      int
		code, message               string
	}{
		"no user":           {"GET", "user-info?accessKey=no", "", "", 404, "XMinioAdminNoSuchUser", ""},
		"no user's status":  {"PUT", "set-user-status?accessKey=no&status=disabled", "", "", 404, "XMinioAdminNoSuchUser", ""},
		"odd status":        {"PUT", "set-user-status?accessKey=guest&status=odd", "", "", 400, "InvalidArgument", ""},
		"no user removed":   {"DELETE", "remove-user?accessKey=no", "", "", 404, "XMinioAdminNoSuchUser", ""},
		"short secret":      {"PUT", "add-user?accessKey=alice", `{"secretKey":"short"}`, "", 400, "XMinioAdminInvalidSecretKey", ""},
		"short name":        {"PUT", "add-user?accessKey=al", `{"secretKey":"long-enough"}`, "", 400, "XMinioAdminInvalidAccessKey", "3 to 128"},
		"root's name":       {"PUT", "add-user?accessKey=" + testAccess, `{"secretKey":"long-enough"}`, "", 400, "XMinioInvalidIAMCredentials", ""},
		"no JSON":           {"PUT", "add-user?accessKey=alice", `hello`, "", 400, "InvalidArgument", ""},
		"no envelope":       {"PUT", "add-user?accessKey=alice", "", `{"secretKey":"long-enough"}`, 400, "XMinioAdminConfigBadJSON", ""},
		"no group":          {"GET", "group?group=no", "", "", 404, "XMinioAdminNoSuchGroup", ""},
		"a full group":      {"PUT", "update-group-members", "", `{"group":"team","members":[],"isRemove":true}`, 400, "XMinioAdminGroupNotEmpty", ""},
		"no member":         {"PUT", "update-group-members", "", `{"group":"team","members":["no"]}`, 404, "XMinioAdminNoSuchUser", "no"},
		"no policy":         {"GET", "info-canned-policy?name=no&v=2", "", "", 404, "XMinioAdminNoSuchPolicy", ""},
		"policy in use":     {"DELETE", "remove-canned-policy?name=readonly", "", "", 400, "XMinioIAMPolicyInUse", ""},
		"malformed policy":  {"PUT", "add-canned-policy?name=p", "", `{"Statement":[{"Effect":"Perhaps"}]}`, 400, "XMinioMalformedIAMPolicy", "Perhaps"},
		"attached already":  {"POST", "idp/builtin/policy/attach", `{"policies":["readonly"],"user":"guest"}`, "", 400, "XMinioAdminPolicyChangeAlreadyApplied", ""},
		"attach unknown":    {"POST", "idp/builtin/policy/attach", `{"policies":["no"],"user":"guest"}`, "", 404, "XMinioAdminNoSuchPolicy", ""},
		"detach of nobody":  {"POST", "idp/builtin/policy/detach", `{"policies":["readonly"],"user":"no"}`, "", 404, "XMinioAdminNoSuchUser", ""},
		"attach to neither": {"POST", "idp/builtin/policy/attach", `{"policies":["readonly"]}`, "", 400, "InvalidArgument", ""},
		"key of nobody":     {"PUT", "add-service-account", `{"targetUser":"no"}`, "", 404, "XMinioAdminNoSuchUser", ""},
		"no key changed":    {"POST", "update-service-account?accessKey=no", `{}`, "", 404, "XMinioInvalidIAMCredentials", ""},
		"no key removed":    {"DELETE", "delete-service-account?accessKey=no", "", "", 404, "XMinioInvalidIAMCredentials", ""},
		"temporary":         {"GET", "temporary-account-info?accessKey=no", "", "", 404, "XMinioInvalidIAMCredentials", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.sealed != "" {
				wantError(t, s.doSealed(c.method, prefix+c.path, c.sealed), c.status, c.code, c.message)
				return
			}
			wantError(t, s.do(c.method, prefix+c.path, []byte(c.plain)), c.status, c.code, c.message)
		})
	}
	if r := s.do("PUT", prefix+"set-user-or-group-policy?policyName=readwrite,writeonly&userOrGroup=team&isGroup=true", nil); r.status != http.StatusOK {
		t.Errorf("the older way to attach: %d %s", r.status, r.body)
	}
	var g groupAnswer
	if err := json.Unmarshal(s.do("GET", prefix+"group?group=team", nil).body, &g); err != nil || g.Policy != "readwrite,writeonly" {
		t.Errorf("%v %+v", err, g)
	}
}
