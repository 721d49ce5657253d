package iam_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/policy"
)

const userSecret = "users-secret"

// maskingSealer makes what is stored unlike the secret, and bound to its context.
type maskingSealer struct{}

func (maskingSealer) Seal(context string, plain []byte) ([]byte, error) {
	out := []byte(context + "\x00")
	for _, b := range plain {
		out = append(out, b^0x5a)
	}
	return out, nil
}

func (maskingSealer) Open(context string, sealed []byte) ([]byte, error) {
	rest, ok := strings.CutPrefix(string(sealed), context+"\x00")
	if !ok {
		return nil, errors.New("another context")
	}
	out := []byte(rest)
	for i := range out {
		out[i] ^= 0x5a
	}
	return out, nil
}

// clock is a time that the test sets.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newKV(t *testing.T) kv.Store {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func openStore(t *testing.T, store kv.Store, edit ...func(*iam.StoreConfig)) *iam.Store {
	t.Helper()
	c := iam.StoreConfig{KV: store, Root: iam.Credential{AccessKey: "root", SecretKey: "root-secret"}, Sealer: maskingSealer{}}
	for _, e := range edit {
		e(&c)
	}
	s, err := iam.OpenStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// may reports whether a credential may take an action on a key.
func may(s *iam.Store, accessKey, action, bucket, key string) bool {
	c, ok := s.Lookup(accessKey)
	if !ok {
		return false
	}
	p := c.Principal()
	return iam.Authorize(iam.Ask{Principal: p, Action: iam.Action(action), Resource: iam.Resource{Bucket: bucket, Key: key}, Value: func(name string) []string {
		if name == "aws:username" {
			return []string{p.User}
		}
		return nil
	}}, nil) == nil
}

func statement(effect, action, resource string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Action":%q,"Resource":"arn:aws:s3:::%s"}]}`, effect, action, resource)
}

// TestGrants: what the policies of users, groups and access keys add up to.
func TestGrants(t *testing.T) {
	t.Parallel()
	type step = func(ctx context.Context, s *iam.Store) error
	attach := func(of iam.Holder, names ...string) step {
		return func(ctx context.Context, s *iam.Store) error {
			_, err := s.AttachPolicies(ctx, of, names)
			return err
		}
	}
	put := func(name, document string) step {
		return func(ctx context.Context, s *iam.Store) error { return s.PutPolicy(ctx, name, []byte(document)) }
	}
	join := func(ctx context.Context, s *iam.Store) error { return s.AddMembers(ctx, "team", []string{"bob"}) }
	key := func(parent, document string) step {
		return func(ctx context.Context, s *iam.Store) error {
			_, err := s.AddAccessKey(ctx, iam.NewAccessKey{Parent: parent, AccessKey: "key", Document: []byte(document)})
			return err
		}
	}
	bob, team := iam.Holder{User: "bob"}, iam.Holder{Group: "team"}
	for name, c := range map[string]struct {
		steps       []step
		who, action string
		key         string
		want        bool
	}{
		"no policy":             {nil, "bob", "s3:GetObject", "k", false},
		"root":                  {nil, "root", "s3:GetObject", "k", true},
		"readonly reads":        {[]step{attach(bob, "readonly")}, "bob", "s3:GetObject", "k", true},
		"readonly lists none":   {[]step{attach(bob, "readonly")}, "bob", "s3:ListBucket", "", false},
		"readonly writes none":  {[]step{attach(bob, "readonly")}, "bob", "s3:PutObject", "k", false},
		"writeonly writes":      {[]step{attach(bob, "writeonly")}, "bob", "s3:PutObject", "k", true},
		"readwrite deletes":     {[]step{attach(bob, "readwrite")}, "bob", "s3:DeleteObject", "k", true},
		"readwrite is no admin": {[]step{attach(bob, "readwrite")}, "bob", "admin:ListUsers", "", false},
		"consoleAdmin is":       {[]step{attach(bob, "consoleAdmin")}, "bob", "admin:ListUsers", "", true},
		"diagnostics sees info": {[]step{attach(bob, "diagnostics")}, "bob", "admin:ServerInfo", "", true},
		"diagnostics only":      {[]step{attach(bob, "diagnostics")}, "bob", "admin:ListUsers", "", false},
		"by a group":            {[]step{join, attach(team, "readonly")}, "bob", "s3:GetObject", "k", true},
		"a union":               {[]step{join, attach(team, "readonly"), attach(bob, "writeonly")}, "bob", "s3:GetObject", "k", true},
		"by a disabled group": {[]step{join, attach(team, "readonly"), func(ctx context.Context, s *iam.Store) error {
			return s.SetGroupStatus(ctx, "team", false)
		}}, "bob", "s3:GetObject", "k", false},
		"a group's denial wins": {[]step{join, put("no", statement("Deny", "s3:GetObject", "b/secret/*")), attach(team, "no"), attach(bob, "readwrite")}, "bob", "s3:GetObject", "secret/k", false},
		"and spares the others": {[]step{join, put("no", statement("Deny", "s3:GetObject", "b/secret/*")), attach(team, "no"), attach(bob, "readwrite")}, "bob", "s3:GetObject", "k", true},
		"its own home":          {[]step{put("home", statement("Allow", "s3:*", "b/${aws:username}/*")), attach(bob, "home")}, "bob", "s3:GetObject", "bob/k", true},
		"another's home":        {[]step{put("home", statement("Allow", "s3:*", "b/${aws:username}/*")), attach(bob, "home")}, "bob", "s3:GetObject", "eve/k", false},
		"a policy that changes": {[]step{put("p", statement("Allow", "s3:*", "b/*")), attach(bob, "p"), put("p", statement("Allow", "s3:*", "other/*"))}, "bob", "s3:GetObject", "k", false},
		"a key inherits":        {[]step{attach(bob, "readonly"), key("bob", "")}, "key", "s3:GetObject", "k", true},
		"no more than that":     {[]step{attach(bob, "readonly"), key("bob", "")}, "key", "s3:PutObject", "k", false},
		"a key's home":          {[]step{put("home", statement("Allow", "s3:*", "b/${aws:username}/*")), attach(bob, "home"), key("bob", "")}, "key", "s3:GetObject", "bob/k", true},
		"a key is narrowed":     {[]step{attach(bob, "readwrite"), key("bob", statement("Allow", "s3:GetObject", "b/*"))}, "key", "s3:PutObject", "k", false},
		"to what it names":      {[]step{attach(bob, "readwrite"), key("bob", statement("Allow", "s3:GetObject", "b/*"))}, "key", "s3:GetObject", "k", true},
		"a key is not widened":  {[]step{attach(bob, "readonly"), key("bob", statement("Allow", "s3:*", "*"))}, "key", "s3:PutObject", "k", false},
		"root's key":            {[]step{key("root", "")}, "key", "admin:ListUsers", "", true},
		"root's key, narrowed":  {[]step{key("root", statement("Allow", "s3:GetObject", "b/*"))}, "key", "s3:PutObject", "k", false},
		"and what is left":      {[]step{key("root", statement("Allow", "s3:GetObject", "b/*"))}, "key", "s3:GetObject", "k", true},
		"key of the disabled": {[]step{attach(bob, "readonly"), key("bob", ""), func(ctx context.Context, s *iam.Store) error {
			return s.SetUserStatus(ctx, "bob", false)
		}}, "key", "s3:GetObject", "k", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newKV(t)
			s := openStore(t, store)
			must(t, s.PutUser(t.Context(), "bob", userSecret, true))
			for _, step := range c.steps {
				must(t, step(t.Context(), s))
			}
			for when, s := range map[string]*iam.Store{"at once": s, "after a restart": openStore(t, store)} {
				if got := may(s, c.who, c.action, "b", c.key); got != c.want {
					t.Errorf("%s: %s may %s %s: %v", when, c.who, c.action, c.key, got)
				}
			}
		})
	}
}

// TestBucketPolicyBesideGrants: either may allow, and either may deny.
func TestBucketPolicyBesideGrants(t *testing.T) {
	t.Parallel()
	s := openStore(t, newKV(t))
	must(t, s.PutUser(t.Context(), "bob", userSecret, true), s.PutUser(t.Context(), "none", userSecret, true))
	_, err := s.AttachPolicies(t.Context(), iam.Holder{User: "bob"}, []string{"readwrite"})
	_, err2 := s.AddAccessKey(t.Context(), iam.NewAccessKey{Parent: "none", AccessKey: "inherits"})
	_, err3 := s.AddAccessKey(t.Context(), iam.NewAccessKey{Parent: "none", AccessKey: "narrow", Document: []byte(statement("Allow", "s3:PutObject", "b/*"))})
	must(t, err, err2, err3)
	ofBucket := func(effect, user string) *policy.Document {
		d, err := policy.ParseBucket(fmt.Appendf(nil, `{"Statement":[{"Effect":%q,"Principal":{"AWS":[%q]},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`, effect, user), "b")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for name, c := range map[string]struct {
		who    string
		bucket *policy.Document
		want   policy.Verdict
	}{
		"both silent":             {"none", nil, policy.Silent},
		"the user's alone":        {"bob", nil, policy.Allowed},
		"the bucket's alone":      {"none", ofBucket("Allow", "none"), policy.Allowed},
		"the bucket's by ARN":     {"none", ofBucket("Allow", "arn:aws:iam::1:user/none"), policy.Allowed},
		"the bucket denies":       {"bob", ofBucket("Deny", "*"), policy.Denied},
		"the bucket denies root":  {"root", ofBucket("Deny", "*"), policy.Allowed},
		"a key as its parent":     {"inherits", ofBucket("Allow", "none"), policy.Allowed},
		"a key narrowed to other": {"narrow", ofBucket("Allow", "none"), policy.Denied},
	} {
		cred, ok := s.Lookup(c.who)
		if !ok {
			t.Fatalf("no %s", c.who)
		}
		got := iam.Decide(iam.Ask{Principal: cred.Principal(), Action: iam.ActionGetObject, Resource: iam.Resource{Bucket: "b", Key: "k"}}, c.bucket)
		if got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestWhoIsFound: who is disabled, expired or removed cannot sign.
func TestWhoIsFound(t *testing.T) {
	t.Parallel()
	now := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	s := openStore(t, newKV(t), func(c *iam.StoreConfig) { c.Now = now.Now })
	ctx := t.Context()
	found := func(want ...string) {
		t.Helper()
		var got []string
		for _, name := range []string{"root", "bob", "key", "later", ""} {
			if c, ok := s.Lookup(name); ok {
				got = append(got, c.AccessKey)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("who is found (-want +got):\n%s", diff)
		}
	}
	found("root")
	must(t, s.PutUser(ctx, "bob", userSecret, true))
	_, err := s.AddAccessKey(ctx, iam.NewAccessKey{Parent: "bob", AccessKey: "key"})
	_, err2 := s.AddAccessKey(ctx, iam.NewAccessKey{Parent: "bob", AccessKey: "later", Expires: now.now.Add(time.Hour)})
	must(t, err, err2)
	found("root", "bob", "key", "later")
	now.now = now.now.Add(time.Hour)
	found("root", "bob", "key")
	never, off := time.Time{}, false
	must(t, s.ChangeAccessKey(ctx, "later", iam.AccessKeyChange{Expires: &never}), s.ChangeAccessKey(ctx, "key", iam.AccessKeyChange{Enabled: &off}))
	found("root", "bob", "later")
	must(t, s.SetUserStatus(ctx, "bob", false))
	found("root")
	must(t, s.PutUser(ctx, "bob", userSecret+"2", true))
	found("root", "bob", "later")
	if c, _ := s.Lookup("bob"); c.SecretKey != userSecret+"2" {
		t.Error("the secret did not change")
	}
	must(t, s.RemoveUser(ctx, "bob"))
	found("root")
	if keys := s.AccessKeys(); len(keys) != 0 {
		t.Errorf("keys without their parent: %v", keys)
	}
}

// TestRefusals: what is refused changes nothing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := openStore(t, newKV(t))
	ctx := t.Context()
	must(t, s.PutUser(ctx, "bob", userSecret, true), s.AddMembers(ctx, "team", []string{"bob"}))
	_, err := s.AttachPolicies(ctx, iam.Holder{User: "bob"}, []string{"readonly"})
	_, err2 := s.AddAccessKey(ctx, iam.NewAccessKey{Parent: "bob", AccessKey: "key"})
	must(t, err, err2)
	addKey := func(in iam.NewAccessKey) error { _, err := s.AddAccessKey(ctx, in); return err }
	attach := func(of iam.Holder, names ...string) error { _, err := s.AttachPolicies(ctx, of, names); return err }
	detach := func(of iam.Holder, names ...string) error { _, err := s.DetachPolicies(ctx, of, names); return err }
	before := fmt.Sprint(s.Users(), s.Groups(), s.AccessKeys(), s.Policies())
	for name, c := range map[string]struct{ got, want error }{
		"a short name":          {s.PutUser(ctx, "al", userSecret, true), iam.ErrInvalidName},
		"a comma":               {s.PutUser(ctx, "al,ice", userSecret, true), iam.ErrInvalidName},
		"a long name":           {s.PutUser(ctx, strings.Repeat("a", 129), userSecret, true), iam.ErrInvalidName},
		"a short secret":        {s.PutUser(ctx, "alice", "short", true), iam.ErrInvalidSecretKey},
		"a long secret":         {s.PutUser(ctx, "alice", strings.Repeat("s", 41), true), iam.ErrInvalidSecretKey},
		"root's name":           {s.PutUser(ctx, "root", userSecret, true), iam.ErrTaken},
		"a key's name":          {s.PutUser(ctx, "key", userSecret, true), iam.ErrTaken},
		"nobody's status":       {s.SetUserStatus(ctx, "nobody", false), iam.ErrNoSuchUser},
		"nobody removed":        {s.RemoveUser(ctx, "nobody"), iam.ErrNoSuchUser},
		"nobody a member":       {s.AddMembers(ctx, "team", []string{"nobody"}), iam.ErrNoSuchUser},
		"no group":              {s.RemoveMembers(ctx, "none", []string{"bob"}), iam.ErrNoSuchGroup},
		"a group with members":  {s.RemoveGroup(ctx, "team"), iam.ErrGroupNotEmpty},
		"no policy":             {attach(iam.Holder{User: "bob"}, "none"), iam.ErrNoSuchPolicy},
		"one of two":            {attach(iam.Holder{User: "bob"}, "readwrite", "none"), iam.ErrNoSuchPolicy},
		"attached already":      {attach(iam.Holder{User: "bob"}, "readonly"), iam.ErrNoChange},
		"not attached":          {detach(iam.Holder{User: "bob"}, "readwrite"), iam.ErrNoChange},
		"user and group":        {attach(iam.Holder{User: "bob", Group: "team"}, "readwrite"), iam.ErrInvalidArgument},
		"a policy in use":       {s.RemovePolicy(ctx, "readonly"), iam.ErrPolicyInUse},
		"a built-in policy":     {s.RemovePolicy(ctx, "readwrite"), iam.ErrInvalidArgument},
		"no such policy":        {s.RemovePolicy(ctx, "none"), iam.ErrNoSuchPolicy},
		"a key of nobody":       {addKey(iam.NewAccessKey{Parent: "nobody"}), iam.ErrNoSuchUser},
		"a key of a key":        {addKey(iam.NewAccessKey{Parent: "key"}), iam.ErrNoSuchUser},
		"a user's name":         {addKey(iam.NewAccessKey{Parent: "root", AccessKey: "bob"}), iam.ErrTaken},
		"a key that is":         {addKey(iam.NewAccessKey{Parent: "root", AccessKey: "key"}), iam.ErrTaken},
		"a key in the past":     {addKey(iam.NewAccessKey{Parent: "bob", Expires: time.Unix(1, 0)}), iam.ErrInvalidArgument},
		"a long description":    {addKey(iam.NewAccessKey{Parent: "bob", Description: strings.Repeat("d", 257)}), iam.ErrInvalidArgument},
		"a key that is not":     {s.ChangeAccessKey(ctx, "none", iam.AccessKeyChange{}), iam.ErrNoSuchAccessKey},
		"a key that is no more": {s.RemoveAccessKey(ctx, "none"), iam.ErrNoSuchAccessKey},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	var refused *policy.Error
	if err := s.PutPolicy(ctx, "broken", []byte("{}")); !errors.As(err, &refused) {
		t.Errorf("a broken policy: %v", err)
	}
	if err := addKey(iam.NewAccessKey{Parent: "bob", Document: []byte("{}")}); !errors.As(err, &refused) {
		t.Errorf("a key with a broken policy: %v", err)
	}
	if after := fmt.Sprint(s.Users(), s.Groups(), s.AccessKeys(), s.Policies()); after != before {
		t.Errorf("changed:\n%s\n%s", before, after)
	}
}

// TestSecretsAtRest: no secret is stored as it is, and without the key nobody but
// root gets in, nothing is lost, and no secret is stored.
func TestSecretsAtRest(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	ctx := t.Context()
	s := openStore(t, store)
	must(t, s.PutUser(ctx, "bob", userSecret, true))
	cred, err := s.AddAccessKey(ctx, iam.NewAccessKey{Parent: "bob"})
	must(t, err)
	for entry, err := range store.Scan(ctx, kv.Range{}) {
		must(t, err)
		if v := string(entry.Item.Value); strings.Contains(v, userSecret) || strings.Contains(v, cred.SecretKey) {
			t.Errorf("%q holds a secret", entry.Key)
		}
	}
	locked := openStore(t, store, func(c *iam.StoreConfig) { c.Sealer = nil })
	if _, ok := locked.Lookup("bob"); ok {
		t.Error("bob signs without a secret")
	}
	if _, ok := locked.Lookup("root"); !ok {
		t.Error("root does not get in")
	}
	if err := locked.PutUser(ctx, "alice", userSecret, true); !errors.Is(err, iam.ErrSealed) {
		t.Errorf("a secret stored without a key: %v", err)
	}
	must(t, locked.SetUserStatus(ctx, "bob", true))
	if c, ok := openStore(t, store).Lookup("bob"); !ok || c.SecretKey != userSecret {
		t.Error("the secret was lost")
	}
}

// TestTwoProcesses: changes of another process are found by the next change and
// by Refresh, and none is overwritten.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	store := newKV(t)
	one, two := openStore(t, store), openStore(t, store)
	must(t, one.PutUser(t.Context(), "bob", userSecret, true), two.AddMembers(t.Context(), "team", []string{"bob"}))
	must(t, one.RemoveUser(t.Context(), "bob"), two.Refresh(t.Context()))
	if g, err := two.Group("team"); err != nil || len(g.Members) != 0 {
		t.Errorf("%v %v", g, err)
	}
	if _, ok := two.Lookup("bob"); ok {
		t.Error("bob is still found")
	}
}

// TestStoreModel: after every random change two stores, of which one has been
// opened anew, tell the same, and nothing dangles.
func TestStoreModel(t *testing.T) {
	t.Parallel()
	const seed, steps = 7, 400
	rnd := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // repeatable
	store := newKV(t)
	s := openStore(t, store)
	ctx := t.Context()
	pick := func(names ...string) string { return names[rnd.IntN(len(names))] }
	user := func() string { return pick("ann", "bob", "cid") }
	group := func() string { return pick("red", "blue") }
	doc := func() string { return pick("own1", "own2", "readonly") }
	key := func() string { return pick("key1", "key2", "key3") }
	moves := []func() error{
		func() error { return s.PutUser(ctx, user(), userSecret, rnd.IntN(2) == 0) },
		func() error { return s.RemoveUser(ctx, user()) },
		func() error { return s.AddMembers(ctx, group(), []string{user()}) },
		func() error { return s.RemoveMembers(ctx, group(), []string{user()}) },
		func() error { return s.RemoveGroup(ctx, group()) },
		func() error { return s.SetGroupStatus(ctx, group(), rnd.IntN(2) == 0) },
		func() error {
			return s.PutPolicy(ctx, doc(), []byte(statement("Allow", "s3:GetObject", pick("a", "b")+"/*")))
		},
		func() error { return s.RemovePolicy(ctx, doc()) },
		func() error { _, err := s.AttachPolicies(ctx, iam.Holder{User: user()}, []string{doc()}); return err },
		func() error { _, err := s.DetachPolicies(ctx, iam.Holder{User: user()}, []string{doc()}); return err },
		func() error { return s.SetPolicies(ctx, iam.Holder{Group: group()}, []string{doc()}) },
		func() error {
			_, err := s.AddAccessKey(ctx, iam.NewAccessKey{Parent: user(), AccessKey: key()})
			return err
		},
		func() error { return s.RemoveAccessKey(ctx, key()) },
	}
	told := func(s *iam.Store) string {
		out := fmt.Sprint(s.Users(), s.AccessKeys())
		for _, name := range s.Groups() {
			g, _ := s.Group(name)
			out += fmt.Sprint(g)
		}
		for _, p := range s.Policies() {
			out += fmt.Sprintln(p.Name, string(p.Document))
		}
		for _, who := range []string{"ann", "bob", "cid", "key1", "key2", "key3"} {
			out += fmt.Sprint(who, may(s, who, "s3:GetObject", "a", "k"), may(s, who, "s3:GetObject", "b", "k"))
		}
		return strings.ReplaceAll(out, "+0000 UTC", "")
	}
	s.Now = (&clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}).Now
	for i := range steps {
		_ = moves[rnd.IntN(len(moves))]() // many are refused
		again := openStore(t, store)
		if diff := cmp.Diff(told(again), told(s)); diff != "" {
			t.Fatalf("step %d of seed %d (-opened anew +in memory):\n%s", i, seed, diff)
		}
		for _, k := range s.AccessKeys() {
			if _, err := s.User(k.Parent); err != nil {
				t.Fatalf("step %d: %s is the key of nobody", i, k.AccessKey)
			}
		}
		for _, u := range s.Users() {
			for _, p := range u.Policies {
				if _, err := s.Policy(p); err != nil {
					t.Fatalf("step %d: %s has the policy %s, which is not there", i, u.Name, p)
				}
			}
		}
		for _, name := range s.Groups() {
			g, _ := s.Group(name)
			if slices.ContainsFunc(g.Members, func(m string) bool { _, err := s.User(m); return err != nil }) {
				t.Fatalf("step %d: %s has members that are not there: %v", i, name, g.Members)
			}
		}
	}
}
