package openid

import (
	"errors"
	"strings"

	"github.com/carillon-s3/carillon/internal/config"
)

// Name is the sub-system's, in `mc admin config set ALIAS identity_openid` and, in
// upper case, in the environment.
const Name = "identity_openid"

// Settings are those of one issuer.
type Settings struct {
	Enable    bool
	ConfigURL string
	ClientID  string
	// ClientSecret and Scopes are for logging in to a console; tokens are verified
	// without.
	ClientSecret config.Secret
	Scopes       []string
	// ClaimName is the claim that names policies, ClaimPrefix what stands before it.
	ClaimName, ClaimPrefix string
	// RolePolicy are the policies of everybody, in place of a claim.
	RolePolicy []string
}

// SubSystem declares the settings.
func SubSystem() config.SubSystem {
	return config.SubSystem{
		Name: Name, Description: "enable OpenID SSO support", Multiple: true, AlwaysOn: true,
		New: func() config.Settings { return new(Settings) },
	}
}

// Fields implements config.Settings.
func (s *Settings) Fields(f *config.FieldSet) {
	f.Bool(&s.Enable, "enable", "enable this issuer, default is 'on'", config.Default("on"), config.HiddenIfEmpty())
	f.URL(&s.ConfigURL, "config_url", `openid discovery document e.g. "https://accounts.google.com/.well-known/openid-configuration"`,
		config.Schemes("http", "https"))
	f.String(&s.ClientID, "client_id", "string", "unique public identifier for apps, tokens must be made for it")
	f.Secret(&s.ClientSecret, "client_secret", "secret of client_id", config.FreeText())
	f.String(&s.ClaimName, "claim_name", "string", "JWT claim that names policies, separated by commas", config.Default("policy"))
	f.String(&s.ClaimPrefix, "claim_prefix", "string", "prefix of that claim's name")
	f.CSV(&s.RolePolicy, "role_policy", "policies of everybody whom this issuer vouches for, in place of the claim")
	f.CSV(&s.Scopes, "scopes", "scopes that a login asks for")
}

// Validate implements config.Settings.
func (s *Settings) Validate() error {
	if (s.ConfigURL == "") != (s.ClientID == "") {
		return errors.New("config_url and client_id are given together")
	}
	return nil
}

func (s *Settings) configured() bool { return s.Enable && s.ConfigURL != "" }

// claim is the name of the claim that names policies.
func (s *Settings) claim() string { return s.ClaimPrefix + s.ClaimName }

// splitNames splits a list of names as tokens write it.
func splitNames(list string) (names []string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}
