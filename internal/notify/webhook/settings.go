package webhook

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Settings are the keys of notify_webhook.
type Settings struct {
	config.Queue
	target.Form
	Endpoint   string
	AuthToken  config.Secret
	ClientCert string
	ClientKey  string
	// SigningSecret holds one secret or, while it is being changed, several.
	SigningSecret config.Secret
	CertAuthority string
}

// Fields declares the keys, in the order in which `mc admin config get` prints
// them.
func (s *Settings) Fields(f *config.FieldSet) {
	f.URL(&s.Endpoint, "endpoint", "webhook server endpoint e.g. http://localhost:8080/minio/events",
		config.Required(), config.Schemes("http", "https"))
	f.Secret(&s.AuthToken, "auth_token", "opaque string or JWT authorization token", config.FreeText())
	s.LimitField(f)
	s.DirField(f)
	f.Path(&s.ClientCert, "client_cert", "client cert for Webhook mTLS auth", config.Type("string"))
	f.Path(&s.ClientKey, "client_key", "client cert key for Webhook mTLS auth", config.Type("string"))
	f.Secret(&s.SigningSecret, "signing_secret",
		"secret for the webhook-signature header, 'whsec_' and base64 or plain text; several, separated by spaces, while it is being changed",
		config.FreeText(), config.Extension())
	f.Path(&s.CertAuthority, "cert_authority", "file of CA certificates to trust for the endpoint, besides the server's own",
		config.Extension())
	s.BoundFields(f)
	s.BinaryPayloadField(f)
}

// Validate checks what one key alone cannot tell.
func (s *Settings) Validate() error {
	var errs []error
	if _, err := s.endpoint(); err != nil {
		errs = append(errs, err)
	}
	if _, err := s.authorization(); err != nil {
		errs = append(errs, err)
	}
	if (s.ClientCert == "") != (s.ClientKey == "") {
		errs = append(errs, errors.New("client_cert and client_key: both must be given, or neither"))
	}
	if _, err := newSigner(s.SigningSecret); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// endpoint parses the URL. Its error does not show it: it may hold a password.
func (s *Settings) endpoint() (*url.URL, error) {
	u, err := url.Parse(s.Endpoint)
	switch {
	case err != nil:
		return nil, errors.New("endpoint: not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("endpoint: unexpected scheme; the URL must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("endpoint: the URL names no host")
	}
	return u, nil
}

// authorization is the Authorization header: a token of two words is sent as it
// is, one of one word as a bearer token.
func (s *Settings) authorization() (string, error) {
	words := strings.Fields(s.AuthToken.Reveal())
	switch len(words) {
	case 0:
		return "", nil
	case 1:
		return "Bearer " + words[0], nil
	case 2:
		return words[0] + " " + words[1], nil
	}
	return "", fmt.Errorf("auth_token: it has %d words; give a token, or a scheme and a token", len(words))
}

// tls is the configuration for an https endpoint.
func (s *Settings) tls(env target.Env) (*tls.Config, error) {
	return target.ClientTLS{
		CAFile: s.CertAuthority, CAKey: "cert_authority",
		CertFile: s.ClientCert, KeyFile: s.ClientKey, CertKeys: "client_cert and client_key",
	}.Config(env)
}
