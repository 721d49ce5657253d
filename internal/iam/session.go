package iam

import (
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/carillon-s3/carillon/internal/policy"
)

// Bounds of temporary credentials ("AssumeRole", AWS STS API reference). The
// longest time is a week, which MinIO's users know, where AWS has twelve hours.
const (
	MinSessionTime     = 15 * time.Minute
	DefaultSessionTime = time.Hour
	MaxSessionTime     = 7 * 24 * time.Hour
	// MaxSessionPolicyBytes bounds a session's own policy.
	MaxSessionPolicyBytes = 2048
	// MaxClaimBytes bounds the claims of a session, names and values: they travel
	// with every request, in its headers.
	MaxClaimBytes = 4 << 10
)

// WebIdentityPrefix is before the subject of a web identity in the name that it
// has as a user. No user that is stored has such a name.
const WebIdentityPrefix = "openid:"

// Session is a temporary credential.
type Session struct {
	Credential
	// Token goes with every request that the credential signs.
	Token string
}

// SessionRequest says what a session is to be like.
type SessionRequest struct {
	// Duration is DefaultSessionTime if it is zero.
	Duration time.Duration
	// Document is the session's own policy, which leaves less than its user may do;
	// empty leaves all.
	Document []byte
}

// WebIdentity is somebody whom an issuer of OpenID Connect vouches for.
type WebIdentity struct {
	// Subject is who it is, by the issuer's word.
	Subject string
	// Policies are what the identity may do, by name. Those that do not exist, now
	// or when a request comes, grant nothing.
	Policies []string
	// Claims are the values of jwt: condition keys, by name in lower case; groups
	// are also those of aws:groups.
	Claims map[string][]string
}

// Sessions finds the credentials of session tokens. It is called for every
// request that has a token, by many goroutines, and must not wait for anything
// slower than memory.
type Sessions interface {
	Session(accessKey, token string) (Credential, error)
}

// AssumeRole makes a temporary credential of a user, or of root. It ends early if
// the user is removed or disabled. Nothing is stored: the token holds all, and is
// good after a restart too. ErrAccessDenied if the caller is nobody, an access key
// or a temporary credential; ErrInvalidArgument, ErrSessionTooLarge, *policy.Error, ErrSealed.
func (s *Store) AssumeRole(by Principal, want SessionRequest) (Session, error) {
	if by.Anonymous() || by.Temporary || by.AccessKey != by.User {
		return Session{}, detail(ErrAccessDenied, "Only users make temporary credentials: neither access keys nor temporary credentials do.")
	}
	keys, err := s.tokenKeys()
	if err != nil {
		return Session{}, err
	}
	era, ok := s.state.Load().eraOf(by.User, s.Root, keys)
	if !ok {
		return Session{}, ErrInvalidAccessKey
	}
	return s.newSession(keys, want, sessionClaims{Parent: by.User, Era: era})
}

// AssumeWebIdentity makes a temporary credential of a web identity, which the
// caller has verified. Errors are those of AssumeRole, but that ErrAccessDenied
// says that none of its policies exists.
func (s *Store) AssumeWebIdentity(id WebIdentity, want SessionRequest) (Session, error) {
	keys, err := s.tokenKeys()
	if err != nil {
		return Session{}, err
	}
	if id.Subject == "" || !utf8.ValidString(id.Subject) {
		return Session{}, detail(ErrInvalidArgument, "The identity has no subject, or one that is not UTF-8.")
	}
	st := s.state.Load()
	known := slices.DeleteFunc(slices.Clone(id.Policies), func(name string) bool { return st.policies[name] == nil })
	if len(known) == 0 {
		return Session{}, detail(ErrAccessDenied, "No policy of the identity exists.")
	}
	size := len(id.Subject)
	for name, values := range id.Claims {
		size += len(name)
		for _, v := range values {
			size += len(v)
		}
	}
	for _, name := range known {
		size += len(name)
	}
	if size > MaxClaimBytes {
		return Session{}, detail(ErrSessionTooLarge, "The claims and policies of the identity are longer than %d bytes.", MaxClaimBytes)
	}
	return s.newSession(keys, want, sessionClaims{
		Parent: WebIdentityPrefix + id.Subject, Web: true, Policies: union(known, nil), Claims: id.Claims,
	})
}

func (s *Store) newSession(keys *tokenKeys, want SessionRequest, c sessionClaims) (Session, error) {
	if want.Duration == 0 {
		want.Duration = DefaultSessionTime
	}
	if want.Duration < MinSessionTime || want.Duration > MaxSessionTime {
		return Session{}, detail(ErrInvalidArgument, "DurationSeconds must be between %d and %d.", int(MinSessionTime.Seconds()), int(MaxSessionTime.Seconds()))
	}
	if len(want.Document) > MaxSessionPolicyBytes {
		return Session{}, detail(ErrSessionTooLarge, "A session's policy must be at most %d bytes.", MaxSessionPolicyBytes)
	}
	own, err := parseOwn(want.Document)
	if err != nil {
		return Session{}, err
	}
	c.Document = want.Document
	c.AccessKey = generateAccessKey()
	c.Expires = s.Now().Add(want.Duration).Unix()
	token, err := keys.sign(&c)
	if err != nil {
		return Session{}, err
	}
	credential, err := s.state.Load().session(&openSession{c, own, keys.secret(c.AccessKey)}, s.Root, keys)
	return Session{Credential: credential, Token: token}, err
}

// Session implements Sessions. ErrInvalidToken for a token that is not ours or not
// of the access key, ErrExpiredToken; ErrInvalidAccessKey if the user is gone,
// disabled, or another of the same name.
func (s *Store) Session(accessKey, token string) (Credential, error) {
	keys, err := s.tokenKeys()
	if err != nil {
		return Credential{}, ErrInvalidToken
	}
	o, err := keys.open(token)
	if err != nil || o.AccessKey != accessKey {
		return Credential{}, ErrInvalidToken
	}
	if s.Now().Unix() >= o.Expires {
		return Credential{}, ErrExpiredToken
	}
	return s.state.Load().session(o, s.Root, keys)
}

// session is the credential of a token, by what its user may do now.
func (s *state) session(o *openSession, root Credential, keys *tokenKeys) (Credential, error) {
	c := Credential{AccessKey: o.AccessKey, SecretKey: o.secret, Parent: o.Parent, Temporary: true, Expires: time.Unix(o.Expires, 0).UTC()}
	switch {
	case o.Web:
		g := &grants{claims: o.Claims, groups: o.Claims[claimGroups]}
		for _, name := range o.Policies {
			if p := s.policies[name]; p != nil {
				g.documents, g.names = append(g.documents, p.document), append(g.names, name)
			}
		}
		c.grants = g
	default:
		era, ok := s.eraOf(o.Parent, root, keys)
		if !ok || era != o.Era {
			return Credential{}, ErrInvalidAccessKey
		}
		if c.grants = s.entries[o.Parent].credential.grants; o.Parent == root.AccessKey {
			c.grants = &grants{all: true}
		}
	}
	if o.own != nil {
		c.grants = c.grants.narrowedBy(o.own, o.Document)
	}
	c.Owner = c.grants.all && c.grants.own == nil
	return c, nil
}

// claimGroups is the claim that names the groups of a web identity.
const claimGroups = "groups"

// eraOf tells users of one name apart that were one after the other; false if
// there is none, or it may not sign.
func (s *state) eraOf(name string, root Credential, keys *tokenKeys) (int64, bool) {
	if name == root.AccessKey {
		return keys.mark(root.SecretKey), true
	}
	if _, ok := s.entries[name]; !ok || s.users[name] == nil {
		return 0, false
	}
	return s.users[name].era(), true
}

// era is 0 for users that were made before there were sessions.
func (u *user) era() int64 {
	if u.Made.IsZero() {
		return 0
	}
	return u.Made.UnixNano()
}

// openSession is what a token that we signed says.
type openSession struct {
	sessionClaims
	own    *policy.Document // nil leaves all that its user may do
	secret string
}

// tokenKeys returns the keys of session tokens: ErrSealed if there are none.
func (s *Store) tokenKeys() (*tokenKeys, error) {
	if s.tokens == nil {
		return nil, ErrSealed
	}
	return s.tokens, nil
}

// openTokens reads the keys of session tokens, or makes them. Without a sealer
// there are none, and no sessions.
func (s *Store) openTokens(ctx context.Context) error {
	if s.Sealer == nil {
		return nil
	}
	for range maxAttempts {
		item, err := s.KV.Get(ctx, []byte(keyTokens))
		if err != nil {
			return storeError(err)
		}
		if item.Exists() {
			s.tokens, err = unsealTokenKeys(s.Sealer, item.Value)
			return err
		}
		keys, made, err := s.makeTokenKeys(ctx, item)
		if err != nil {
			return err
		}
		if made {
			s.tokens = keys
			return nil
		}
	}
	return ErrUnavailable
}
