package webhook

import (
	"os"
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestSettings(t *testing.T) {
	type values = map[string]string
	with := targettest.With
	targettest.Settings{
		Kind:   Kind(),
		Line:   "endpoint= auth_token= queue_limit=0 queue_dir= client_cert= client_key=",
		Hidden: "signing_secret cert_authority queue_bytes queue_full payload",
		Valid:  values{"endpoint": "http://h"},
		Values: map[string]targettest.Case{
			"the guide's line": with(values{"queue_limit": "0", "endpoint": "http://localhost:3000", "queue_dir": ""}, ""),
			"everything":       with(values{"endpoint": "https://h/x?y=z", "auth_token": "Basic abc", "queue_dir": "/q", "queue_limit": "9", "signing_secret": vectorSecret}, ""),
			"scheme":           with(values{"endpoint": "ftp://h"}, "endpoint: unexpected scheme"),
			"no scheme":        with(values{"endpoint": "localhost:3000"}, "endpoint: "),
			"no host":          with(values{"endpoint": "http:///hook"}, "endpoint: "),
			"port but no host": with(values{"endpoint": "http://:80/hook"}, "endpoint: the URL names no host"),
			"token of 3 words": with(values{"auth_token": "Bearer a s3cret"}, "auth_token: it has 3 words"),
			"cert without key": with(values{"endpoint": "https://h", "client_cert": "/c"}, "client_cert and client_key: both must be given"),
			"key without cert": with(values{"endpoint": "https://h", "client_key": "/k"}, "client_cert and client_key: both must be given"),
			"signing secret":   with(values{"signing_secret": "whsec_s3cret*"}, "signing_secret: what follows whsec_ is not base64"),
			"several at once":  with(values{"endpoint": "http://:1", "client_key": "/k"}, "client_cert and client_key"),
		},
		Files: map[string]targettest.Case{
			"certificate missing": with(values{"client_cert": "/no/c", "client_key": "/no/k"}, "client_cert and client_key: open /no/c"),
			"CA missing":          with(values{"cert_authority": "/no/ca"}, "cert_authority: open /no/ca"),
			"CA empty":            with(values{"cert_authority": os.DevNull}, "holds no certificate"),
		},
		Dials: map[string]map[string]string{
			"dial": {"endpoint": "http://127.0.0.1:3000"},
		},
	}.Run(t)
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"":                "",
		"abc":             "Bearer abc",
		"Bearer abc":      "Bearer abc",
		" Basic   dTpw\t": "Basic dTpw",
	} {
		s := &Settings{AuthToken: config.Secret(token)}
		if got, err := s.authorization(); got != want || err != nil {
			t.Errorf("token %q: header %q, %v; want %q", token, got, err, want)
		}
	}
}
