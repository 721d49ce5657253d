package iam

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/golang-jwt/jwt/v5"

	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	// keyTokens holds the keys of session tokens: a version byte, then sealed.
	keyTokens    = "s/iam/tokens"
	formatTokens = 1
	// tokenKeyBytes is the length of each of them; SHA-256 gains nothing by more.
	tokenKeyBytes = 32
	// maxTokenBytes bounds a session token: its policy and claims in base64, and
	// the rest of it. What is longer is not looked at.
	maxTokenBytes = 16 << 10
	// maxOpenTokens bounds the tokens of ours that are remembered. They are
	// forgotten all at once rather than let grow.
	maxOpenTokens = 1024
)

// sessionClaims are what a session token says, under the names that MinIO's have
// where it has any.
type sessionClaims struct {
	AccessKey string `json:"accessKey"`
	// Expires is in seconds since 1970.
	Expires int64  `json:"exp"`
	Parent  string `json:"parent"`
	// Era is the parent's.
	Era int64 `json:"era,omitempty"`
	// Document is the session's own policy.
	Document []byte `json:"sessionPolicy,omitempty"`
	// Web says that the parent is a web identity, with these policies and claims.
	Web      bool                `json:"web,omitempty"`
	Policies []string            `json:"policies,omitempty"`
	Claims   map[string][]string `json:"claims,omitempty"`
}

// The methods of jwt.Claims tell nothing: Store.Session looks at the time, by the
// store's clock.

func (sessionClaims) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (sessionClaims) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (sessionClaims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (sessionClaims) GetIssuer() (string, error)                   { return "", nil }
func (sessionClaims) GetSubject() (string, error)                  { return "", nil }
func (sessionClaims) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

// tokenKeys sign session tokens and make the secrets of temporary credentials.
type tokenKeys struct {
	signing, secrets []byte
	parser           *jwt.Parser

	mu   sync.RWMutex
	seen map[string]*openSession // by token
}

func newTokenKeys(raw []byte) *tokenKeys {
	return &tokenKeys{
		signing: raw[:tokenKeyBytes], secrets: raw[tokenKeyBytes:],
		parser: jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS512.Alg()}), jwt.WithoutClaimsValidation()),
	}
}

// makeTokenKeys stores new keys in place of none, and reports false if somebody
// else was first.
func (s *Store) makeTokenKeys(ctx context.Context, seen kv.Item) (*tokenKeys, bool, error) {
	raw := make([]byte, 2*tokenKeyBytes)
	_, _ = rand.Read(raw) // never fails, says crypto/rand
	sealed, err := s.Sealer.Seal(keyTokens, raw)
	if err != nil {
		return nil, false, err
	}
	var b kv.Batch
	b.Require([]byte(keyTokens), seen)
	b.Set([]byte(keyTokens), append([]byte{formatTokens}, sealed...))
	_, err = s.KV.Commit(ctx, &b)
	if errors.Is(err, kv.ErrConflict) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, storeError(err)
	}
	return newTokenKeys(raw), true, nil
}

func unsealTokenKeys(sealer Sealer, stored []byte) (*tokenKeys, error) {
	if len(stored) == 0 || stored[0] != formatTokens {
		return nil, errors.New("iam: the keys of session tokens were stored by a newer version, or are damaged")
	}
	raw, err := sealer.Open(keyTokens, stored[1:])
	if err != nil {
		return nil, fmt.Errorf("iam: open the keys of session tokens: %w", err)
	}
	if len(raw) != 2*tokenKeyBytes {
		return nil, errors.New("iam: the keys of session tokens are damaged")
	}
	return newTokenKeys(raw), nil
}

// sign makes the token.
func (k *tokenKeys) sign(c *sessionClaims) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS512, c).SignedString(k.signing)
}

// secret is the secret key of a temporary credential. It is in no token.
func (k *tokenKeys) secret(accessKey string) string {
	h := hmac.New(sha256.New, k.secrets)
	_, _ = h.Write([]byte("secret\x00" + accessKey)) // never fails
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))[:generatedSecretKey]
}

// mark tells root's secrets apart and says nothing of them.
func (k *tokenKeys) mark(rootSecret string) int64 {
	h := hmac.New(sha256.New, k.secrets)
	_, _ = h.Write([]byte("root\x00" + rootSecret)) // never fails
	return int64(binary.BigEndian.Uint64(h.Sum(nil)) >> 1)
}

// open reads a token of ours; an error says that it is not. The time is not
// looked at.
func (k *tokenKeys) open(token string) (*openSession, error) {
	if len(token) > maxTokenBytes {
		return nil, ErrInvalidToken
	}
	k.mu.RLock()
	o := k.seen[token]
	k.mu.RUnlock()
	if o != nil {
		return o, nil
	}
	o = new(openSession)
	if _, err := k.parser.ParseWithClaims(token, &o.sessionClaims, func(*jwt.Token) (any, error) { return k.signing, nil }); err != nil {
		return nil, err
	}
	var err error
	if o.own, err = parseOwn(o.Document); err != nil {
		return nil, err
	}
	o.secret = k.secret(o.AccessKey)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.seen == nil || len(k.seen) >= maxOpenTokens {
		k.seen = make(map[string]*openSession)
	}
	k.seen[token] = o
	return o, nil
}

// credential finds what signed: a lasting credential if there is no token, and the
// temporary one that is the token's.
func (v *Verifier) credential(accessKey, token string) (Credential, error) {
	c, ok := v.credentials.Lookup(accessKey)
	switch {
	case token == "" && ok:
		return c, nil
	case token == "":
		return Credential{}, ErrInvalidAccessKey
	case ok || v.sessions == nil:
		return Credential{}, ErrInvalidToken
	}
	return v.sessions.Session(accessKey, token)
}

// sessionToken is the session token of a request, empty if it has none: in its
// headers or, under the given name, in the query of a presigned one.
func sessionToken(r *http.Request, param string) (string, error) {
	value, n, err := queryValue(r.URL.RawQuery, param)
	if err != nil {
		return "", err
	}
	header := first(r.Header, "X-Amz-Security-Token")
	switch {
	case n == 0:
		return header, nil
	case n > 1 || header != "" || value == "":
		return "", ErrInvalidToken
	}
	return value, nil
}
