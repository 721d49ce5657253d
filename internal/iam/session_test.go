package iam_test

import (
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/policy"
)

const (
	readAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::*"}]}`
	readOne = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::one/*"}]}`
	readOwn = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::home/${jwt:sub}/*"},` +
		`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::team/*","Condition":{"ForAnyValue:StringEquals":{"aws:groups":"staff"}}}]}`
)

// sessionSite is a store with a user who may read, and a clock.
func sessionSite(t *testing.T) (*iam.Store, *clock) {
	t.Helper()
	c := &clock{now: time.Now()}
	s := openStore(t, newKV(t), func(sc *iam.StoreConfig) { sc.Now = c.Now })
	must(t,
		s.PutUser(t.Context(), "bob", userSecret, true),
		s.PutPolicy(t.Context(), "read", []byte(readAll)),
		s.PutPolicy(t.Context(), "own", []byte(readOwn)),
		s.SetPolicies(t.Context(), iam.Holder{User: "bob"}, []string{"read"}))
	return s, c
}

func principal(t *testing.T, s *iam.Store, accessKey string) iam.Principal {
	t.Helper()
	c, ok := s.Lookup(accessKey)
	if !ok {
		t.Fatalf("no credential %s", accessKey)
	}
	return c.Principal()
}

func assume(t *testing.T, s *iam.Store, user string, want iam.SessionRequest) iam.Session {
	t.Helper()
	made, err := s.AssumeRole(principal(t, s, user), want)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// can reports whether a session may read a key, and fails if it is no session.
func can(t *testing.T, s *iam.Store, of iam.Session, bucket, key string) bool {
	t.Helper()
	c, err := s.Session(of.AccessKey, of.Token)
	if err != nil {
		t.Fatal(err)
	}
	if c.SecretKey != of.SecretKey || !c.Temporary {
		t.Error("the credential is not the one that was made")
	}
	p := c.Principal()
	return iam.Authorize(iam.Ask{
		Principal: p, Action: iam.ActionGetObject, Resource: iam.Resource{Bucket: bucket, Key: key},
		Value: func(name string) []string {
			return iam.GlobalValues(httptest.NewRequest("GET", "/", nil), p, "127.0.0.1", s.Now(), name)
		},
	}, nil) == nil
}

func TestSessionsMayWhatTheirUsersMay(t *testing.T) {
	t.Parallel()
	s, _ := sessionSite(t)
	plain := assume(t, s, "bob", iam.SessionRequest{})
	narrow := assume(t, s, "bob", iam.SessionRequest{Document: []byte(readOne)})
	root := assume(t, s, "root", iam.SessionRequest{})
	narrowRoot := assume(t, s, "root", iam.SessionRequest{Document: []byte(readOne)})
	for name, c := range map[string]struct {
		of       iam.Session
		one, two bool
	}{
		"user's": {plain, true, true}, "with a policy": {narrow, true, false},
		"root's": {root, true, true}, "root's with a policy": {narrowRoot, true, false},
	} {
		if one, two := can(t, s, c.of, "one", "key"), can(t, s, c.of, "two", "key"); one != c.one || two != c.two {
			t.Errorf("%s: %v and %v", name, one, two)
		}
	}
	must(t, s.SetPolicies(t.Context(), iam.Holder{User: "bob"}, nil))
	if can(t, s, plain, "one", "key") || can(t, s, narrow, "one", "key") {
		t.Error("sessions kept a policy that was detached")
	}
}

func TestWebIdentities(t *testing.T) {
	t.Parallel()
	s, _ := sessionSite(t)
	made, err := s.AssumeWebIdentity(iam.WebIdentity{
		Subject: "alice", Policies: []string{"own", "missing"}, Claims: map[string][]string{"sub": {"alice"}, "groups": {"staff", "other"}},
	}, iam.SessionRequest{})
	must(t, err)
	for key, want := range map[string]bool{"alice/x": true, "bob/x": false} {
		if got := can(t, s, made, "home", key); got != want {
			t.Errorf("home/%s: %v", key, got)
		}
	}
	if !can(t, s, made, "team", "x") {
		t.Error("the groups do not count")
	}
	if made.Parent != "openid:alice" {
		t.Errorf("the user is %s", made.Parent)
	}
	must(t, s.RemovePolicy(t.Context(), "own"))
	if can(t, s, made, "home", "alice/x") {
		t.Error("a removed policy grants")
	}
	for name, c := range map[string]struct {
		id   iam.WebIdentity
		want error
	}{
		"no subject":     {iam.WebIdentity{Policies: []string{"read"}}, iam.ErrInvalidArgument},
		"unknown policy": {iam.WebIdentity{Subject: "alice", Policies: []string{"missing"}}, iam.ErrAccessDenied},
		"no policy":      {iam.WebIdentity{Subject: "alice"}, iam.ErrAccessDenied},
		"many claims": {iam.WebIdentity{Subject: "alice", Policies: []string{"read"}, Claims: map[string][]string{
			"groups": slices.Repeat([]string{"a-group-with-a-long-name"}, 200),
		}}, iam.ErrSessionTooLarge},
	} {
		if _, err := s.AssumeWebIdentity(c.id, iam.SessionRequest{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.PutUser(t.Context(), "openid:alice", userSecret, true); !errors.Is(err, iam.ErrInvalidName) {
		t.Errorf("a user of a web identity's name: %v", err)
	}
}

func TestWhoMakesSessions(t *testing.T) {
	t.Parallel()
	s, _ := sessionSite(t)
	key, err := s.AddAccessKey(t.Context(), iam.NewAccessKey{Parent: "bob"})
	must(t, err)
	temporary := assume(t, s, "bob", iam.SessionRequest{})
	for name, by := range map[string]iam.Principal{
		"nobody": {}, "an access key": principal(t, s, key.AccessKey), "a session": temporary.Principal(),
	} {
		if _, err := s.AssumeRole(by, iam.SessionRequest{}); !errors.Is(err, iam.ErrAccessDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bob := principal(t, s, "bob")
	for name, c := range map[string]struct {
		want iam.SessionRequest
		err  error
	}{
		"too short":    {iam.SessionRequest{Duration: 899 * time.Second}, iam.ErrInvalidArgument},
		"shortest":     {iam.SessionRequest{Duration: 900 * time.Second}, nil},
		"longest":      {iam.SessionRequest{Duration: 604800 * time.Second}, nil},
		"too long":     {iam.SessionRequest{Duration: 604801 * time.Second}, iam.ErrInvalidArgument},
		"large policy": {iam.SessionRequest{Document: []byte(strings.Repeat(" ", 2049))}, iam.ErrSessionTooLarge},
	} {
		if _, err := s.AssumeRole(bob, c.want); !errors.Is(err, c.err) || c.err == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused := (*policy.Error)(nil)
	if _, err := s.AssumeRole(bob, iam.SessionRequest{Document: []byte("{")}); !errors.As(err, &refused) {
		t.Errorf("malformed policy: %v", err)
	}
}

func TestTokensCannotBeForged(t *testing.T) {
	t.Parallel()
	s, _ := sessionSite(t)
	stranger, _ := sessionSite(t)
	mine, another := assume(t, s, "bob", iam.SessionRequest{}), assume(t, s, "bob", iam.SessionRequest{})
	foreign := assume(t, stranger, "bob", iam.SessionRequest{})
	parts := strings.Split(mine.Token, ".")
	claims := jwt.MapClaims{"accessKey": mine.AccessKey, "parent": "root", "exp": time.Now().Add(time.Hour).Unix()}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	must(t, err)
	guessed, err := jwt.NewWithClaims(jwt.SigningMethodHS512, claims).SignedString([]byte(userSecret))
	must(t, err)
	empty, err := jwt.NewWithClaims(jwt.SigningMethodHS512, claims).SignedString([]byte{})
	must(t, err)
	for name, token := range map[string]string{
		"empty": "", "no token": "abc", "dots": "..", "of another access key": another.Token, "of another site": foreign.Token,
		"without signature": parts[0] + "." + parts[1] + ".", "unsigned": none, "signed with the user's secret": guessed, "signed with nothing": empty,
		"changed": parts[0] + "." + parts[1][:len(parts[1])-2] + "AA." + parts[2], "cut off": mine.Token[:len(mine.Token)-4],
		"huge": mine.Token + strings.Repeat("A", 64<<10),
	} {
		if _, err := s.Session(mine.AccessKey, token); !errors.Is(err, iam.ErrInvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.Contains(mine.Token, mine.SecretKey) {
		t.Error("the token holds the secret")
	}
}

// TestSessionsEnd: with their time, their user, and root's password.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, c := sessionSite(t)
	of := assume(t, s, "bob", iam.SessionRequest{Duration: 15 * time.Minute})
	check := func(name string, want error) {
		t.Helper()
		if _, err := s.Session(of.AccessKey, of.Token); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	check("new", nil)
	must(t, s.SetUserStatus(ctx, "bob", false))
	check("user disabled", iam.ErrInvalidAccessKey)
	must(t, s.SetUserStatus(ctx, "bob", true))
	check("user enabled", nil)
	must(t, s.PutUser(ctx, "bob", "another-secret", true))
	check("another password", nil)
	c.now = c.now.Add(14 * time.Minute)
	check("before the end", nil)
	c.now = c.now.Add(time.Minute)
	check("after the end", iam.ErrExpiredToken)

	of = assume(t, s, "bob", iam.SessionRequest{})
	must(t, s.RemoveUser(ctx, "bob"))
	check("user removed", iam.ErrInvalidAccessKey)
	c.now = c.now.Add(time.Second)
	must(t, s.PutUser(ctx, "bob", "another-secret", true))
	check("another user of the name", iam.ErrInvalidAccessKey)
}

func TestSessionsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	first := openStore(t, store)
	must(t, first.PutUser(t.Context(), "bob", userSecret, true))
	of, root := assume(t, first, "bob", iam.SessionRequest{}), assume(t, first, "root", iam.SessionRequest{})
	again := openStore(t, store)
	for _, made := range []iam.Session{of, root} {
		c, err := again.Session(made.AccessKey, made.Token)
		if err != nil || c.SecretKey != made.SecretKey {
			t.Errorf("%s after a restart: %v", made.Parent, err)
		}
	}
	otherRoot := openStore(t, store, func(c *iam.StoreConfig) { c.Root.SecretKey = "another-root-secret" })
	if _, err := otherRoot.Session(root.AccessKey, root.Token); !errors.Is(err, iam.ErrInvalidAccessKey) {
		t.Errorf("root's session under another password: %v", err)
	}
	sealed := openStore(t, store, func(c *iam.StoreConfig) { c.Sealer = nil })
	if _, err := sealed.Session(of.AccessKey, of.Token); !errors.Is(err, iam.ErrInvalidToken) {
		t.Errorf("without a sealer: %v", err)
	}
	if _, err := sealed.AssumeRole(principal(t, sealed, "root"), iam.SessionRequest{}); !errors.Is(err, iam.ErrSealed) {
		t.Errorf("without a sealer: %v", err)
	}
}

func FuzzSession(f *testing.F) {
	for _, seed := range []string{"", "..", "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.e30.AA", "eyJhbGciOiJub25lIn0.e30."} {
		f.Add("KEY", seed)
	}
	store := memory.New()
	f.Cleanup(func() { _ = store.Close() })
	s, err := iam.OpenStore(f.Context(), iam.StoreConfig{KV: store, Sealer: maskingSealer{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, accessKey, token string) {
		if _, err := s.Session(accessKey, token); !errors.Is(err, iam.ErrInvalidToken) {
			t.Errorf("%v", err)
		}
	})
}
