package openid_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/openid"
	"github.com/carillon-s3/carillon/internal/openid/openidtest"
)

// clock is a time that the test moves.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func settings(i *openidtest.Issuer) *openid.Settings {
	return &openid.Settings{Enable: true, ConfigURL: i.ConfigURL(), ClientID: openidtest.ClientID, ClaimName: "policy"}
}

func newIssuers(t *testing.T, all ...*openid.Settings) (*openid.Issuers, *clock) {
	t.Helper()
	c := &clock{}
	issuers := openid.New(openid.Options{Now: c.Now})
	t.Cleanup(issuers.Close)
	var instances []config.Instance
	for _, s := range all {
		instances = append(instances, config.Instance{SubSystem: openid.Name, Enabled: true, Settings: s})
	}
	issuers.Apply(instances)
	return issuers, c
}

func TestVerify(t *testing.T) {
	t.Parallel()
	issuer, other := openidtest.Start(t), openidtest.Start(t)
	ec, stranger := openidtest.NewEC(t), openidtest.NewRSA(t)
	rsa := openidtest.NewRSA(t)
	issuer.Rotate(rsa, ec)
	hmac := func(alg jwt.SigningMethod, key any) string {
		token := jwt.NewWithClaims(alg, jwt.MapClaims{
			"iss": issuer.URL, "aud": openidtest.ClientID, "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(), "policy": "readonly",
		})
		token.Header["kid"] = rsa.ID
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	with := func(name string, value any) string {
		return issuer.Token(map[string]any{"policy": "readonly", name: value})
	}
	good := with("sub", "alice")
	impostor := stranger
	impostor.ID = rsa.ID
	now := time.Now()
	for name, c := range map[string]struct {
		token    string
		err      error
		policies []string
	}{
		"RSA":                    {good, nil, []string{"readonly"}},
		"elliptic curve":         {issuer.TokenBy(ec, map[string]any{"policy": "readonly"}), nil, []string{"readonly"}},
		"several policies":       {issuer.Token(map[string]any{"policy": "a, b,c"}), nil, []string{"a", "b", "c"}},
		"list of policies":       {issuer.Token(map[string]any{"policy": []string{"a", "b,c"}}), nil, []string{"a", "b", "c"}},
		"several audiences":      {with("aud", []string{"other", openidtest.ClientID}), nil, []string{"readonly"}},
		"authorized party":       {issuer.Token(map[string]any{"policy": "readonly", "aud": "account", "azp": openidtest.ClientID}), nil, []string{"readonly"}},
		"ended within the skew":  {with("exp", now.Add(-30*time.Second).Unix()), nil, []string{"readonly"}},
		"begins within the skew": {with("nbf", now.Add(30*time.Second).Unix()), nil, []string{"readonly"}},
		"ended":                  {with("exp", now.Add(-2*time.Minute).Unix()), openid.ErrExpired, nil},
		"without an end":         {with("exp", nil), openid.ErrInvalid, nil},
		"not yet valid":          {with("nbf", now.Add(time.Hour).Unix()), openid.ErrInvalid, nil},
		"another audience":       {with("aud", "other"), openid.ErrInvalid, nil},
		"no audience":            {with("aud", nil), openid.ErrInvalid, nil},
		"another party":          {issuer.Token(map[string]any{"policy": "readonly", "aud": "account", "azp": "other"}), openid.ErrInvalid, nil},
		"unknown issuer":         {other.Token(map[string]any{"policy": "readonly"}), openid.ErrInvalid, nil},
		"claims to be ours":      {other.Token(map[string]any{"policy": "readonly", "iss": issuer.URL}), openid.ErrInvalid, nil},
		"a stranger's key":       {issuer.TokenBy(stranger, map[string]any{"policy": "readonly"}), openid.ErrInvalid, nil},
		"a stranger as our key":  {issuer.TokenBy(impostor, map[string]any{"policy": "readonly"}), openid.ErrInvalid, nil},
		"no subject":             {with("sub", ""), openid.ErrInvalid, nil},
		"subject of controls":    {with("sub", "a\nb"), openid.ErrInvalid, nil},
		"long subject":           {with("sub", strings.Repeat("a", 256)), openid.ErrInvalid, nil},
		"no policy":              {issuer.Token(nil), openid.ErrNoPolicy, nil},
		"empty policy":           {issuer.Token(map[string]any{"policy": " , "}), openid.ErrNoPolicy, nil},
		"policy of no text":      {issuer.Token(map[string]any{"policy": 7}), openid.ErrNoPolicy, nil},
		"unsigned":               {hmac(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), openid.ErrInvalid, nil},
		"shared secret":          {hmac(jwt.SigningMethodHS256, []byte("secret")), openid.ErrInvalid, nil},
		"signature cut off":      {good[:strings.LastIndexByte(good, '.')+1], openid.ErrInvalid, nil},
		"changed payload":        {changed(good), openid.ErrInvalid, nil},
		"no JWT":                 {"abc", openid.ErrInvalid, nil},
		"empty":                  {"", openid.ErrInvalid, nil},
		"dots":                   {"..", openid.ErrInvalid, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuers, _ := newIssuers(t, settings(issuer))
			id, err := issuers.Verify(t.Context(), c.token)
			if !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if diff := cmp.Diff(c.policies, id.Policies); diff != "" {
				t.Error(diff)
			}
			if err != nil && strings.Count(err.Error(), "eyJ") > 0 {
				t.Errorf("the error holds the token: %v", err)
			}
		})
	}
}

// changed gives a token another subject and leaves its signature.
func changed(token string) string {
	parts := strings.Split(token, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "alice", "admin", 1)))
	return strings.Join(parts, ".")
}

func TestClaimsOfAnIdentity(t *testing.T) {
	t.Parallel()
	issuer := openidtest.Start(t)
	s := settings(issuer)
	s.ClaimName, s.ClaimPrefix = "policy", "https://example.com/"
	issuers, _ := newIssuers(t, s)
	id, err := issuers.Verify(t.Context(), issuer.Token(map[string]any{
		"https://example.com/policy": "readonly", "policy": "consoleAdmin", "groups": []string{"a", "b"}, "email": "a@example.com", "secret": "x", "name": "",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := openid.Identity{
		Issuer: issuer.URL, Subject: "alice", Audience: openidtest.ClientID, Policies: []string{"readonly"},
		Claims: map[string][]string{"iss": {issuer.URL}, "sub": {"alice"}, "aud": {openidtest.ClientID}, "groups": {"a", "b"}, "email": {"a@example.com"}},
	}
	if diff := cmp.Diff(want, id); diff != "" {
		t.Error(diff)
	}
}

// TestRolePolicy: everybody has the role's policies, whatever the token claims.
func TestRolePolicy(t *testing.T) {
	t.Parallel()
	issuer := openidtest.Start(t)
	s := settings(issuer)
	s.RolePolicy = []string{"readwrite", "mine"}
	issuers, _ := newIssuers(t, s)
	id, err := issuers.Verify(t.Context(), issuer.Token(map[string]any{"policy": "consoleAdmin"}))
	if err != nil || !slices.Equal(id.Policies, s.RolePolicy) {
		t.Errorf("%v, %v", id.Policies, err)
	}
}

// TestRotatedKeys: tokens of new keys are taken, those of keys that are gone are
// not once the new set was asked for, and made-up keys ask seldom.
func TestRotatedKeys(t *testing.T) {
	t.Parallel()
	issuer := openidtest.Start(t)
	issuers, clock := newIssuers(t, settings(issuer))
	policy := map[string]any{"policy": "readonly"}
	verify := func(token string, want error) {
		t.Helper()
		if _, err := issuers.Verify(t.Context(), token); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%v, want %v", err, want)
		}
	}
	old := issuer.Token(policy)
	verify(old, nil)
	issuer.Rotate(openidtest.NewEC(t))
	clock.pass(6 * time.Second)
	verify(issuer.Token(policy), nil)
	verify(old, openid.ErrInvalid)
	asked := issuer.Asked()
	for range 20 {
		verify(issuer.TokenBy(openidtest.NewEC(t), policy), openid.ErrInvalid)
	}
	if now := issuer.Asked(); now != asked {
		t.Errorf("20 made-up keys asked the issuer %d times", now-asked)
	}
}

// TestIssuerTrouble: one that is down or hangs gives ErrUnreachable, the others
// go on, and it is asked again later.
func TestIssuerTrouble(t *testing.T) {
	t.Parallel()
	sick, well := openidtest.Start(t), openidtest.Start(t)
	issuers, clock := newIssuers(t, settings(sick), settings(well))
	policy := map[string]any{"policy": "readonly"}
	sick.Fail(true)
	if _, err := issuers.Verify(t.Context(), sick.Token(policy)); !errors.Is(err, openid.ErrUnreachable) {
		t.Errorf("down: %v", err)
	}
	if _, err := issuers.Verify(t.Context(), well.Token(policy)); err != nil {
		t.Errorf("another issuer: %v", err)
	}
	sick.Fail(false)
	clock.pass(6 * time.Second)
	sick.Hang()
	ctx, cancel := context.WithCancel(t.Context())
	hung := make(chan error, 1)
	go func() {
		_, err := issuers.Verify(ctx, sick.Token(policy))
		hung <- err
	}()
	cancel()
	if err := <-hung; !errors.Is(err, openid.ErrUnreachable) {
		t.Errorf("hanging: %v", err)
	}
	sick.Answer()
	if _, err := issuers.Verify(t.Context(), sick.Token(policy)); err != nil {
		t.Errorf("once it answers: %v", err)
	}
	// What is known holds while the issuer is down.
	sick.Fail(true)
	clock.pass(2 * time.Hour)
	if _, err := issuers.Verify(t.Context(), sick.Token(map[string]any{"policy": "readonly", "exp": clock.Now().Add(time.Hour).Unix()})); err != nil {
		t.Errorf("down again: %v", err)
	}
}

// TestOnlyTheTokensIssuerIsAsked: one that hangs holds up no tokens of another,
// also not the first.
func TestOnlyTheTokensIssuerIsAsked(t *testing.T) {
	t.Parallel()
	sick, well := openidtest.Start(t), openidtest.Start(t)
	sick.Hang()
	issuers, _ := newIssuers(t, settings(sick), settings(well))
	for range 2 {
		if _, err := issuers.Verify(t.Context(), well.Token(map[string]any{"policy": "readonly"})); err != nil {
			t.Error(err)
		}
	}
	if n := sick.Asked(); n != 0 {
		t.Errorf("the other issuer was asked %d times", n)
	}
}

func TestMisconfigured(t *testing.T) {
	t.Parallel()
	page := httptest.NewServer(nil)
	t.Cleanup(page.Close)
	issuer := openidtest.Start(t)
	none := settings(issuer)
	none.Enable = false
	elsewhere := settings(issuer)
	elsewhere.ConfigURL = page.URL
	for name, c := range map[string]struct {
		settings []*openid.Settings
		want     error
	}{
		"no issuer":     {nil, openid.ErrInvalid},
		"disabled":      {[]*openid.Settings{none}, openid.ErrInvalid},
		"not an issuer": {[]*openid.Settings{elsewhere}, openid.ErrUnreachable},
	} {
		issuers, _ := newIssuers(t, c.settings...)
		if _, err := issuers.Verify(t.Context(), issuer.Token(map[string]any{"policy": "readonly"})); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSettings: they come from the environment as MinIO names them.
func TestSettings(t *testing.T) {
	t.Parallel()
	registry, err := config.NewRegistry([]config.SubSystem{openid.SubSystem()})
	if err != nil {
		t.Fatal(err)
	}
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	stored, err := config.Open(t.Context(), config.StoreOptions{Registry: registry, KV: store, Env: config.ParseEnv([]string{
		"MINIO_IDENTITY_OPENID_CONFIG_URL=https://example.com/.well-known/openid-configuration", "MINIO_IDENTITY_OPENID_CLIENT_ID=me",
		"MINIO_IDENTITY_OPENID_CLIENT_SECRET=hush", "MINIO_IDENTITY_OPENID_SCOPES=openid,groups", "MINIO_IDENTITY_OPENID_CLAIM_PREFIX=x-",
	})})
	if err != nil {
		t.Fatal(err)
	}
	got := stored.Effective(openid.Name)
	if len(got) != 1 || got[0].Err != nil {
		t.Fatalf("%+v", got)
	}
	want := &openid.Settings{
		Enable: true, ConfigURL: "https://example.com/.well-known/openid-configuration", ClientID: "me", ClientSecret: "hush",
		Scopes: []string{"openid", "groups"}, ClaimName: "policy", ClaimPrefix: "x-",
	}
	if diff := cmp.Diff(config.Settings(want), got[0].Settings); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		settings openid.Settings
		ok       bool
	}{
		"both":        {openid.Settings{ConfigURL: "https://x", ClientID: "y"}, true},
		"neither":     {openid.Settings{}, true},
		"no client":   {openid.Settings{ConfigURL: "https://x"}, false},
		"client only": {openid.Settings{ClientID: "y"}, false},
	} {
		if err := c.settings.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, seed := range []string{"", "..", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL3gifQ.AA", "e30.e30.", "e30.eyJpc3MiOjF9.x"} {
		f.Add(seed)
	}
	issuers := openid.New(openid.Options{})
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := issuers.Verify(t.Context(), token); !errors.Is(err, openid.ErrInvalid) {
			t.Errorf("%v", err)
		}
	})
}
