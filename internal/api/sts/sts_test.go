package sts_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/internal/api/sts"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/openid"
	"github.com/carillon-s3/carillon/internal/openid/openidtest"
)

const (
	user, secret = "bob", "bobs-secret-key"
	narrow       = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::one/*"}]}`
)

type plainSealer struct{}

func (plainSealer) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (plainSealer) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

// site is a running STS with a user, a store in memory and an issuer.
type site struct {
	*httptest.Server
	t      *testing.T
	ids    *iam.Store
	issuer *openidtest.Issuer

	mu   sync.Mutex
	seen []sts.Observation
}

func newSite(t *testing.T, edit ...func(*sts.Config)) *site {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	ids, err := iam.OpenStore(t.Context(), iam.StoreConfig{
		KV: store, Root: iam.Credential{AccessKey: "root", SecretKey: "root-secret"}, Sealer: plainSealer{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := ids.PutUser(t.Context(), user, secret, true); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, ids: ids, issuer: openidtest.Start(t)}
	issuers := openid.New(openid.Options{})
	t.Cleanup(issuers.Close)
	issuers.Apply([]config.Instance{{SubSystem: openid.Name, Enabled: true, Settings: &openid.Settings{
		Enable: true, ConfigURL: s.issuer.ConfigURL(), ClientID: openidtest.ClientID, ClaimName: "policy",
	}}})
	c := sts.Config{
		Identities: ids, Issuers: issuers, Verifier: iam.New(iam.Config{Credentials: ids, Sessions: ids, Region: "eu-west-1"}),
		Observe: func(o sts.Observation) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.seen = append(s.seen, o)
		},
	}
	for _, e := range edit {
		e(&c)
	}
	s.Server = httptest.NewServer(sts.New(c))
	t.Cleanup(s.Close)
	return s
}

// request makes a form as an SDK posts it.
func (s *site) request(form string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+"/", strings.NewReader(form))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

// signed signs as minio-go does.
func signed(r *http.Request, form, access, secret string) *http.Request {
	sum := sha256.Sum256([]byte(form))
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	return signer.SignV4STS(*r, access, secret, "us-east-1")
}

type answer struct {
	status  int
	code    string
	message string
	body    string
}

func (s *site) send(r *http.Request) answer {
	s.t.Helper()
	resp, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, body: string(body)}
	if a.status != http.StatusOK {
		var e credentials.ErrorResponse
		if err := xml.Unmarshal(body, &e); err != nil || e.RequestID == "" || e.STSError.Type == "" {
			s.t.Errorf("the error %q: %v", body, err)
		}
		a.code, a.message = e.STSError.Code, e.STSError.Message
	}
	return a
}

const assume = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/any&RoleSessionName=me"

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	made, err := credentials.NewSTSAssumeRole(s.URL, credentials.STSAssumeRoleOptions{
		AccessKey: user, SecretKey: secret, Policy: narrow, DurationSeconds: 900, RoleARN: "arn:aws:iam::123456789012:role/any",
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := made.GetWithContext(nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.ids.Session(v.AccessKeyID, v.SessionToken)
	if err != nil || c.SecretKey != v.SecretAccessKey || c.Parent != user {
		t.Errorf("%v, %v", c, err)
	}
	if left := time.Until(v.Expiration); left > 15*time.Minute || left < 5*time.Minute {
		t.Errorf("it ends in %v", left)
	}
	if s.seen[0].Operation != "AssumeRole" || s.seen[0].Status != http.StatusOK {
		t.Errorf("observed %+v", s.seen[0])
	}
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	made, err := credentials.NewSTSWebIdentity(s.URL, func() (*credentials.WebIdentityToken, error) {
		return &credentials.WebIdentityToken{Token: s.issuer.Token(map[string]any{"policy": "readonly"}), Expiry: 3600}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := made.GetWithContext(nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.ids.Session(v.AccessKeyID, v.SessionToken)
	if err != nil || c.SecretKey != v.SecretAccessKey || c.Parent != "openid:alice" {
		t.Errorf("%v, %v", c, err)
	}
	// As documents of MinIO show it: all in the query.
	r := s.request("")
	r.URL.RawQuery = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=" + s.issuer.Token(map[string]any{"policy": "readonly"})
	if a := s.send(r); a.status != http.StatusOK || !strings.Contains(a.body, "<SubjectFromWebIdentityToken>alice<") {
		t.Errorf("in the query: %+v", a)
	}
}

// TestEveryActionIsGuarded walks the table: no action serves a request of nobody,
// and none who is denied it.
func TestEveryActionIsGuarded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":["sts:*"],"Resource":"*"}]}`
	if err := errors.Join(s.ids.PutPolicy(t.Context(), "deny", []byte(document)), s.ids.SetPolicies(t.Context(), iam.Holder{User: user}, []string{"deny"})); err != nil {
		t.Fatal(err)
	}
	for _, action := range sts.Operations() {
		form := "Version=2011-06-15&Action=" + action + "&WebIdentityToken=abc"
		if a := s.send(s.request(form)); a.status/100 != 4 {
			t.Errorf("%s of nobody: %+v", action, a)
		}
		if a := s.send(signed(s.request(form), form, user, secret)); a.status/100 != 4 {
			t.Errorf("%s of who is denied it: %+v", action, a)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	key, err := s.ids.AddAccessKey(t.Context(), iam.NewAccessKey{Parent: user, AccessKey: "bobs-key", SecretKey: secret})
	if err != nil {
		t.Fatal(err)
	}
	stranger := openidtest.Start(t)
	web := func(token string) string {
		return "Version=2011-06-15&Action=AssumeRoleWithWebIdentity&WebIdentityToken=" + url.QueryEscape(token)
	}
	good := s.issuer.Token(map[string]any{"policy": "readonly"})
	for name, c := range map[string]struct {
		form           string
		access, secret string
		status         int
		code           string
	}{
		"nothing":           {"", "", "", 400, "MissingParameter"},
		"no action":         {"Version=2011-06-15", "", "", 400, "MissingAction"},
		"unknown action":    {"Version=2011-06-15&Action=GetFederationToken", "", "", 400, "InvalidAction"},
		"another version":   {"Version=2010-01-01&Action=AssumeRole", user, secret, 400, "InvalidParameterValue"},
		"twice":             {assume + "&Action=AssumeRole", user, secret, 400, "InvalidParameterValue"},
		"bad escape":        {assume + "&Policy=%zz", user, secret, 400, "InvalidParameterValue"},
		"many parameters":   {assume + strings.Repeat("&a=b", 200), user, secret, 400, "InvalidParameterValue"},
		"large":             {assume + "&x=" + strings.Repeat("a", 80<<10), user, secret, 413, "RequestEntityTooLarge"},
		"not signed":        {assume, "", "", 403, "MissingAuthenticationToken"},
		"unknown key":       {assume, "nobody", secret, 403, "InvalidClientTokenId"},
		"wrong secret":      {assume, user, "wrong-secret", 403, "SignatureDoesNotMatch"},
		"access key":        {assume, key.AccessKey, secret, 403, "AccessDenied"},
		"short":             {assume + "&DurationSeconds=899", user, secret, 400, "InvalidParameterValue"},
		"long":              {assume + "&DurationSeconds=604801", user, secret, 400, "InvalidParameterValue"},
		"zero":              {assume + "&DurationSeconds=0", user, secret, 400, "InvalidParameterValue"},
		"no number":         {assume + "&DurationSeconds=1h", user, secret, 400, "InvalidParameterValue"},
		"overflow":          {assume + "&DurationSeconds=9223372036854775807", user, secret, 400, "InvalidParameterValue"},
		"malformed policy":  {assume + "&Policy=%7B", user, secret, 400, "MalformedPolicyDocument"},
		"large policy":      {assume + "&Policy=" + strings.Repeat("a", 2049), user, secret, 400, "PackedPolicyTooLarge"},
		"no token":          {"Version=2011-06-15&Action=AssumeRoleWithWebIdentity", "", "", 400, "MissingParameter"},
		"malformed token":   {web("abc"), "", "", 400, "InvalidIdentityToken"},
		"huge token":        {web(strings.Repeat("a", 20_001)), "", "", 400, "InvalidParameterValue"},
		"of a stranger":     {web(stranger.Token(map[string]any{"policy": "readonly"})), "", "", 400, "InvalidIdentityToken"},
		"token that ended":  {web(s.issuer.Token(map[string]any{"policy": "readonly", "exp": 1})), "", "", 400, "ExpiredTokenException"},
		"without policy":    {web(s.issuer.Token(nil)), "", "", 403, "IDPRejectedClaim"},
		"unknown policy":    {web(s.issuer.Token(map[string]any{"policy": "missing"})), "", "", 403, "AccessDenied"},
		"web for too long":  {web(good) + "&DurationSeconds=604801", "", "", 400, "InvalidParameterValue"},
		"web, large policy": {web(good) + "&Policy=" + strings.Repeat("a", 2049), "", "", 400, "PackedPolicyTooLarge"},
	} {
		r := s.request(c.form)
		if c.access != "" {
			r = signed(r, c.form, c.access, c.secret)
		}
		if a := s.send(r); a.status != c.status || a.code != c.code {
			t.Errorf("%s: %d %s (%s), want %d %s", name, a.status, a.code, a.message, c.status, c.code)
		}
	}
}

// TestSignatures: the body is signed, for no other service, and by no temporary
// credential.
func TestSignatures(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if a := s.send(signed(s.request(assume+"&DurationSeconds=900"), assume, user, secret)); a.code != "SignatureDoesNotMatch" {
		t.Errorf("another body: %+v", a)
	}
	r := s.request(assume)
	sum := sha256.Sum256([]byte(assume))
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	if a := s.send(signer.SignV4(*r, user, secret, "", "us-east-1")); a.code != "IncompleteSignature" {
		t.Errorf("signed for S3: %+v", a)
	}
	root, _ := s.ids.Lookup("root")
	made, err := s.ids.AssumeRole(root.Principal(), iam.SessionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	r = s.request(assume)
	r.Header.Set("X-Amz-Security-Token", made.Token)
	if a := s.send(signed(r, assume, made.AccessKey, made.SecretKey)); a.code != "AccessDenied" {
		t.Errorf("of a temporary credential: %+v", a)
	}
	r = s.request(assume)
	r.Header.Set("X-Amz-Security-Token", made.Token+"x")
	if a := s.send(signed(r, assume, made.AccessKey, made.SecretKey)); a.code != "InvalidClientTokenId" {
		t.Errorf("with a token that is not ours: %+v", a)
	}
}

// waiting are issuers that answer when they are told to.
type waiting struct {
	began chan struct{}
	end   chan struct{}
}

func (w waiting) Verify(ctx context.Context, _ string) (openid.Identity, error) {
	w.began <- struct{}{}
	select {
	case <-w.end:
	case <-ctx.Done():
	}
	return openid.Identity{}, openid.ErrUnreachable
}

// TestHangingIssuer: however many wait for one, others are served, and there is an
// end to those who wait.
func TestHangingIssuer(t *testing.T) {
	t.Parallel()
	w := waiting{make(chan struct{}), make(chan struct{})}
	s := newSite(t, func(c *sts.Config) { c.Issuers = w })
	form := "Version=2011-06-15&Action=AssumeRoleWithWebIdentity&WebIdentityToken=abc"
	const places = 64
	var waiters sync.WaitGroup
	for range places {
		waiters.Go(func() {
			if a := s.send(s.request(form)); a.code != "IDPCommunicationError" {
				t.Errorf("one that waits: %+v", a)
			}
		})
		<-w.began
	}
	if a := s.send(s.request(form)); a.status != http.StatusServiceUnavailable {
		t.Errorf("one more: %+v", a)
	}
	if a := s.send(signed(s.request(assume), assume, user, secret)); a.status != http.StatusOK {
		t.Errorf("a user meanwhile: %+v", a)
	}
	close(w.end)
	waiters.Wait()
}

func TestTakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, target, kind string
		want                 bool
	}{
		{"POST", "/", "application/x-www-form-urlencoded", true},
		{"POST", "/", "application/x-www-form-urlencoded; charset=utf-8", true},
		{"POST", "/?Action=AssumeRoleWithWebIdentity", "", true},
		{"POST", "/", "application/xml", false},
		{"GET", "/", "", false},
		{"POST", "/bucket", "application/x-www-form-urlencoded", false},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		r.Header.Set("Content-Type", c.kind)
		if got := sts.Takes(r); got != c.want {
			t.Errorf("%s %s %s: %v", c.method, c.target, c.kind, got)
		}
	}
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{"", assume, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=a.b.c", "&&&=", "Action=%", "Policy=%7B%7D&DurationSeconds=-1"} {
		f.Add(seed)
	}
	h := sts.New(sts.Config{
		Identities: nobody{}, Issuers: openid.New(openid.Options{}), Verifier: iam.New(iam.Config{Credentials: iam.Root{AccessKey: "root", SecretKey: "root-secret"}}),
	})
	f.Fuzz(func(t *testing.T, form string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(form)))
		if w.Code/100 != 4 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// nobody makes no credentials.
type nobody struct{}

func (nobody) AssumeRole(iam.Principal, iam.SessionRequest) (iam.Session, error) {
	return iam.Session{}, fmt.Errorf("made: %w", iam.ErrAccessDenied)
}

func (nobody) AssumeWebIdentity(iam.WebIdentity, iam.SessionRequest) (iam.Session, error) {
	return iam.Session{}, iam.ErrAccessDenied
}
