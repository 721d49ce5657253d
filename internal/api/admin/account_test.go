package admin

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/iam"
)

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// sealedBy seals the text with a caller's secret and sends it as the caller.
func (s *site) sealedBy(method, path, text, access, secret string) reply {
	s.t.Helper()
	body, err := newEnvelopes().seal(s.t.Context(), secret, []byte(text))
	s.must(err)
	return s.send(s.request(method, prefix+path, body), access, secret)
}

// TestOwnPassword: a user changes its own and no other's, unless denied; its
// access keys do not.
func TestOwnPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	const fresh = "another-secret-42"
	_, err := s.identities.AddAccessKey(ctx, iam.NewAccessKey{Parent: guest, AccessKey: "guests-key", SecretKey: testSecret})
	s.must(err)
	s.must(s.identities.PutUser(ctx, "other", testSecret, true))
	s.must(s.identities.SetPolicies(ctx, iam.Holder{User: guest}, []string{"readonly"}))
	text := `{"secretKey":"` + fresh + `","status":"enabled"}`
	wantError(t, s.sealedBy("PUT", "add-user?accessKey=other", text, guest, testSecret), 403, "AccessDenied", "")
	wantError(t, s.sealedBy("PUT", "add-user?accessKey=new-user", text, guest, testSecret), 403, "AccessDenied", "")
	wantError(t, s.sealedBy("PUT", "add-user?accessKey=guest", text, "guests-key", testSecret), 403, "AccessDenied", "")
	wantError(t, s.sealedBy("PUT", "add-user?accessKey=guest", `{"secretKey":"short"}`, guest, testSecret), 400, "XMinioAdminInvalidSecretKey", "")
	if r := s.sealedBy("PUT", "add-user?accessKey=guest", text, guest, testSecret); r.status != http.StatusOK {
		t.Fatalf("own password: %d %s", r.status, r.body)
	}
	if r := s.send(s.request("GET", prefix+"user-info?accessKey=guest", nil), guest, fresh); r.status != http.StatusOK || !strings.Contains(string(r.body), "readonly") {
		t.Errorf("with the new password: %d %s", r.status, r.body)
	}
	wantError(t, s.send(s.request("GET", prefix+"user-info?accessKey=guest", nil), guest, testSecret), 403, "SignatureDoesNotMatch", "")
	s.must(s.identities.PutPolicy(ctx, "deny", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["admin:CreateUser"]}]}`)))
	s.must(s.identities.SetPolicies(ctx, iam.Holder{User: guest}, []string{"deny"}))
	wantError(t, s.sealedBy("PUT", "add-user?accessKey=guest", text, guest, fresh), 403, "AccessDenied", "")
}

// TestTemporaryCredentialsChangeNothing: they see what is their user's, and make
// nothing that would outlast them, unless their user may for all.
func TestTemporaryCredentialsChangeNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handler.Verifier = iam.New(iam.Config{Credentials: s.identities, Sessions: s.identities})
	c, _ := s.identities.Lookup(guest)
	made, err := s.identities.AssumeRole(c.Principal(), iam.SessionRequest{})
	s.must(err)
	send := func(method, path, text string) reply {
		body := []byte(nil)
		if text != "" {
			var err error
			body, err = newEnvelopes().seal(t.Context(), made.SecretKey, []byte(text))
			s.must(err)
		}
		r := s.request(method, prefix+path, body)
		r.Header.Set("X-Amz-Security-Token", made.Token)
		return s.send(r, made.AccessKey, made.SecretKey)
	}
	if r := send("GET", "user-info?accessKey=guest", ""); r.status != http.StatusOK {
		t.Errorf("its user: %d %s", r.status, r.body)
	}
	wantError(t, send("PUT", "add-service-account", `{}`), 403, "AccessDenied", "")
	wantError(t, send("PUT", "add-user?accessKey=guest", `{"secretKey":"long-enough"}`), 403, "AccessDenied", "")
	r := send("GET", "info-access-key?accessKey="+made.AccessKey, "")
	text, err := newEnvelopes().open(t.Context(), made.SecretKey, r.body)
	s.must(err)
	if !strings.Contains(string(text), `"userType":"STS"`) || !strings.Contains(string(text), `"parentUser":"guest"`) {
		t.Errorf("itself: %s", text)
	}
	s.rights(`"Action":["admin:CreateServiceAccount"]`)
	if r := send("PUT", "add-service-account", `{"targetUser":"guest"}`); r.status != http.StatusOK {
		t.Errorf("with the right for all: %d %s", r.status, r.body)
	}
}

func TestAccountInfo(t *testing.T) {
	t.Parallel()
	s := newEventSite(t)
	ask := func(access string) (a accountAnswer) {
		t.Helper()
		r := s.send(s.request("GET", prefix+"accountinfo", nil), access, testSecret)
		if r.status != http.StatusOK || json.Unmarshal(r.body, &a) != nil {
			t.Fatalf("%d %s", r.status, r.body)
		}
		return a
	}
	if a := ask(testAccess); a.AccountName != testAccess || len(a.Buckets) != 1 || !a.Buckets[0].Access.Read || !a.Buckets[0].Access.Write || !strings.Contains(string(a.Policy), "admin:*") {
		t.Errorf("root: %+v", a)
	}
	if a := ask(guest); len(a.Buckets) != 0 || a.AccountName != guest {
		t.Errorf("guest: %+v", a)
	}
	s.must(s.objects.SetPolicy(t.Context(), "bucket", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["guest"]},`+
		`"Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::bucket"]}]}`)))
	if a := ask(guest); len(a.Buckets) != 1 || !a.Buckets[0].Access.Read || a.Buckets[0].Access.Write {
		t.Errorf("guest whom a bucket's policy lets list: %+v", a)
	}
	s.rights(`"Action":["s3:PutObject"],"Resource":["arn:aws:s3:::bucket/*"]`)
	if a := ask(guest); len(a.Buckets) != 1 || !a.Buckets[0].Access.Write || !strings.Contains(string(a.Policy), "s3:PutObject") {
		t.Errorf("guest who may put: %+v", a)
	}
}

func TestInfoAccessKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for key, parent := range map[string]string{"guests-key": guest, "roots-key": testAccess} {
		_, err := s.identities.AddAccessKey(t.Context(), iam.NewAccessKey{Parent: parent, AccessKey: key, SecretKey: testSecret})
		s.must(err)
	}
	r := s.send(s.request("GET", prefix+"info-access-key?accessKey=guests-key", nil), guest, testSecret)
	var a map[string]any
	s.must(json.Unmarshal([]byte(s.opened(r)), &a))
	if a["AccessKey"] != "guests-key" || a["parentUser"] != guest || a["userType"] != "Service Account" || a["accountStatus"] != "on" {
		t.Errorf("%v", a)
	}
	wantError(t, s.send(s.request("GET", prefix+"info-access-key?accessKey=roots-key", nil), guest, testSecret), 403, "AccessDenied", "")
	wantError(t, s.do("GET", prefix+"info-access-key?accessKey=no", nil), 404, "XMinioInvalidIAMCredentials", "")
}

// TestExportAndImport: another site has the same users, secrets and rights after.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	from, to := newSite(t), newSite(t)
	ctx := t.Context()
	ids := from.identities
	from.must(ids.PutUser(ctx, "bob", "bobs-secret", false))
	from.must(ids.PutPolicy(ctx, "mine", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`)))
	from.must(ids.SetPolicies(ctx, iam.Holder{User: "bob"}, []string{"mine", "readonly"}))
	from.must(ids.AddMembers(ctx, "team", []string{"bob", guest}))
	from.must(ids.SetPolicies(ctx, iam.Holder{Group: "team"}, []string{"writeonly"}))
	for key, parent := range map[string]string{"bobs-key": "bob", "roots-key": testAccess} {
		_, err := ids.AddAccessKey(ctx, iam.NewAccessKey{Parent: parent, AccessKey: key, SecretKey: testSecret, Name: "n", Description: "d"})
		from.must(err)
	}
	exported := from.do("GET", prefix+"export-iam", nil)
	if exported.status != http.StatusOK || exported.header.Get("Content-Type") != "application/zip" {
		t.Fatalf("%d %s", exported.status, exported.body)
	}
	r := to.do("PUT", prefix+"import-iam-v2", exported.body)
	var report importAnswer
	if json.Unmarshal(r.body, &report) != nil || !slices.Equal(report.Added.Users, []string{"bob", guest}) || len(report.Failed.Users) > 0 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	want, got := ids.Export(true), to.identities.Export(true)
	for _, e := range []*iam.Export{&want, &got} {
		for name, g := range e.Groups {
			g.Updated = want.Groups[name].Updated
			e.Groups[name] = g
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	// Not even who may export gets at root's keys, nor may it import any.
	from.rights(`"Action":["admin:ExportIAM","admin:ImportIAM"]`)
	r = from.send(from.request("GET", prefix+"export-iam", nil), guest, testSecret)
	if text := unzipped(t, r.body, zipKeys); strings.Contains(text, "roots-key") || !strings.Contains(text, "bobs-key") {
		t.Errorf("a user's export: %s", text)
	}
	r = from.send(from.request("PUT", prefix+"import-iam-v2", exported.body), guest, testSecret)
	if json.Unmarshal(r.body, &report) != nil || len(report.Failed.ServiceAccounts) != 1 || report.Failed.ServiceAccounts[0].Name != "roots-key" {
		t.Errorf("a user's import: %d %s", r.status, r.body)
	}
}

// TestImportLeavesOut: what is not valid is left out, and the rest is stored.
func TestImportLeavesOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.must(s.identities.SetPolicies(t.Context(), iam.Holder{User: guest}, []string{"readonly"}))
	body := zipped(t, map[string]string{
		zipUsers:         `{"al":{"secretKey":"long-enough"},"zed":{"secretKey":"zeds-secret","status":"enabled"},"guest":{"secretKey":"guests-secret","status":"enabled"}}`,
		zipPolicies:      `{"bad":{"Statement":[]},"good":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}}`,
		zipGroups:        `{"team":{"members":["nobody"]}}`,
		zipKeys:          `{"keyof-nobody":{"parent":"nobody","secretKey":"keys-secret"},"zed":{"parent":"guest","secretKey":"keys-secret"}}`,
		zipUserPolicies:  `{"zed":{"policy":"missing"}}`,
		zipSTSPolicies:   `{"alice":{"policy":"good"}}`,
		"iam-assets/new": `{}`,
	})
	r := s.do("PUT", prefix+"import-iam-v2", body)
	var report importAnswer
	if r.status != http.StatusOK || json.Unmarshal(r.body, &report) != nil {
		t.Fatalf("%d %s", r.status, r.body)
	}
	failed := func(list []failedEntity) (names []string) {
		for _, f := range list {
			names = append(names, f.Name)
		}
		return names
	}
	for name, c := range map[string]struct{ got, want []string }{
		"users":              {failed(report.Failed.Users), []string{"al"}},
		"policies":           {failed(report.Failed.Policies), []string{"bad"}},
		"groups":             {failed(report.Failed.Groups), []string{"team"}},
		"access keys":        {failed(report.Failed.ServiceAccounts), []string{"keyof-nobody", "zed"}},
		"attached":           {failed(report.Failed.UserPolicies), []string{"zed"}},
		"added users":        {report.Added.Users, []string{guest, "zed"}},
		"added policies":     {report.Added.Policies, []string{"good"}},
		"policies that stay": {s.policiesOf(guest), []string{"readonly"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	for name, body := range map[string][]byte{
		"nothing": nil, "no zip": []byte("hello"), "no JSON": zipped(t, map[string]string{zipUsers: "hush"}),
		"cut off": body[:len(body)-10], "bomb": zipped(t, map[string]string{zipUsers: strings.Repeat(" ", maxUnzippedBytes+1)}),
	} {
		r := s.do("PUT", prefix+"import-iam", body)
		wantError(t, r, 400, "InvalidRequest", "")
		if bytes.Contains(r.body, []byte("hush")) {
			t.Errorf("%s: the error tells what was sent", name)
		}
	}
}

func (s *site) policiesOf(name string) []string {
	s.t.Helper()
	u, err := s.identities.User(name)
	s.must(err)
	return u.Policies
}

func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unzipped(t *testing.T, body []byte, name string) string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
