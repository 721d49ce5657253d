package metrics

import (
	"errors"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/carillon-s3/carillon/internal/iam"
)

// issuer is what `mc admin prometheus generate` writes into its tokens: HS512,
// signed with the secret key of the access key that is their subject.
const issuer = "prometheus"

var (
	errNoToken = errors.New("no bearer token")
	errSubject = errors.New("the token's subject may not read metrics")
)

func bearerToken(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// authorize says why a request may not read the metrics, or nil.
func (h *Handler) authorize(r *http.Request) error {
	token, ok := bearerToken(r)
	if !ok {
		return errNoToken
	}
	claims := &jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) {
		credential, ok := h.Credentials.Lookup(claims.Subject)
		if !ok || credential.SecretKey == "" || iam.Authorize(iam.Ask{Principal: credential.Principal(), Action: iam.AdminPrometheus}, nil) != nil {
			return nil, errSubject
		}
		return []byte(credential.SecretKey), nil
	},
		// Only this one: a token must not choose how it is verified.
		jwt.WithValidMethods([]string{jwt.SigningMethodHS512.Alg()}),
		jwt.WithIssuer(issuer),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(h.Now),
	)
	return err
}
