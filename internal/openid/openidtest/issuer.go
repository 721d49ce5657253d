// Package openidtest is an OpenID Connect issuer for tests: real keys, a discovery
// document and a set of keys over HTTP, and tokens as the test wants them. It has
// no login.
package openidtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ClientID is whom tokens are made for, unless their claims say another.
const ClientID = "carillon-client"

// Issuer is a running issuer. It is safe for concurrent use.
type Issuer struct {
	*httptest.Server
	t testing.TB

	mu   sync.Mutex
	keys []Key
	// asked counts the requests by path.
	asked map[string]int
	hang  chan struct{}
	fail  bool
}

// Key signs tokens.
type Key struct {
	ID     string
	Signer crypto.Signer
	Method jwt.SigningMethod
}

// Start starts an issuer with one RSA key, until the test ends.
func Start(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t, asked: make(map[string]int)}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(func() {
		i.Answer()
		i.Close()
	})
	i.Rotate(NewRSA(t))
	return i
}

// NewRSA makes an RSA key.
func NewRSA(t testing.TB) Key {
	t.Helper()
	const bits = 2048
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return Key{rand.Text(), k, jwt.SigningMethodRS256}
}

// NewEC makes a key of an elliptic curve.
func NewEC(t testing.TB) Key {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Key{rand.Text(), k, jwt.SigningMethodES256}
}

// ConfigURL is where the discovery document is.
func (i *Issuer) ConfigURL() string { return i.URL + "/.well-known/openid-configuration" }

// Rotate has other keys sign from now on; the first signs tokens.
func (i *Issuer) Rotate(keys ...Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

// Hang lets all requests wait until Answer.
func (i *Issuer) Hang() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.hang = make(chan struct{})
}

// Answer ends Hang.
func (i *Issuer) Answer() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.hang != nil {
		close(i.hang)
		i.hang = nil
	}
}

// Fail has all requests be answered with an error, or no longer.
func (i *Issuer) Fail(on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fail = on
}

// Asked returns how often the set of keys was asked for.
func (i *Issuer) Asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked["/keys"]
}

// Token signs claims, over those of an hour for ClientID.
func (i *Issuer) Token(claims map[string]any) string {
	i.mu.Lock()
	k := i.keys[0]
	i.mu.Unlock()
	return i.TokenBy(k, claims)
}

// TokenBy is Token with a given key.
func (i *Issuer) TokenBy(k Key, claims map[string]any) string {
	i.t.Helper()
	all := jwt.MapClaims{"iss": i.URL, "aud": ClientID, "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix()}
	maps.Copy(all, claims)
	token := jwt.NewWithClaims(k.Method, all)
	token.Header["kid"] = k.ID
	text, err := token.SignedString(k.Signer)
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.asked[r.URL.Path]++
	hang, fail, keys := i.hang, i.fail, i.keys
	i.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}
	if fail {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	var answer any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		answer = map[string]any{
			"issuer": i.URL, "jwks_uri": i.URL + "/keys", "authorization_endpoint": i.URL + "/auth", "token_endpoint": i.URL + "/token",
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256"},
		}
	case "/keys":
		set := []map[string]string{}
		for _, k := range keys {
			set = append(set, k.public())
		}
		answer = map[string]any{"keys": set}
	default:
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(answer) // the client may be gone
}

// public is the JSON Web Key (RFC 7517, RFC 7518).
func (k Key) public() map[string]string {
	b64 := base64.RawURLEncoding.EncodeToString
	out := map[string]string{"kid": k.ID, "use": "sig", "alg": k.Method.Alg()}
	switch p := k.Signer.Public().(type) {
	case *rsa.PublicKey:
		out["kty"], out["n"], out["e"] = "RSA", b64(p.N.Bytes()), b64(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := p.Bytes() // 4, x and y
		if err != nil {
			panic(fmt.Sprint("openidtest: ", err))
		}
		half := len(point) / 2
		out["kty"], out["crv"], out["x"], out["y"] = "EC", "P-256", b64(point[1:1+half]), b64(point[1+half:])
	}
	return out
}
