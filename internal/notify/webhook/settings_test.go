package webhook

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestKeysAreInTheOrderOfTheGuidesOutput(t *testing.T) {
	t.Parallel()
	var set config.FieldSet
	new(Settings).Fields(&set)
	var keys, hidden []string
	for _, f := range set.List() {
		keys = append(keys, f.Key)
		if f.HiddenIfEmpty {
			hidden = append(hidden, f.Key)
		}
	}
	want := []string{
		"endpoint", "auth_token", "queue_limit", "queue_dir", "client_cert", "client_key",
		"signing_secret", "cert_authority", "queue_bytes", "queue_full",
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if !slices.Equal(hidden, want[6:]) {
		t.Errorf("hidden while empty: %v, want the extensions", hidden)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values map[string]string
		want   string // part of the error; empty: valid
	}{
		"the guide's line":  {map[string]string{"queue_limit": "0", "endpoint": "http://localhost:3000", "queue_dir": ""}, ""},
		"everything":        {map[string]string{"endpoint": "https://h/x?y=z", "auth_token": "Basic abc", "queue_dir": "/q", "queue_limit": "9", "signing_secret": vectorSecret}, ""},
		"no endpoint":       {map[string]string{}, "endpoint: a value is required"},
		"scheme":            {map[string]string{"endpoint": "ftp://h"}, "endpoint: unexpected scheme"},
		"no scheme":         {map[string]string{"endpoint": "localhost:3000"}, "endpoint: "},
		"no host":           {map[string]string{"endpoint": "http:///hook"}, "endpoint: "},
		"port but no host":  {map[string]string{"endpoint": "http://:80/hook"}, "endpoint: the URL names no host"},
		"token of 3 words":  {map[string]string{"endpoint": "http://h", "auth_token": "Bearer a s3cret"}, "auth_token: it has 3 words"},
		"cert without key":  {map[string]string{"endpoint": "https://h", "client_cert": "/c"}, "client_cert and client_key: both must be given"},
		"key without cert":  {map[string]string{"endpoint": "https://h", "client_key": "/k"}, "client_cert and client_key: both must be given"},
		"relative dir":      {map[string]string{"endpoint": "http://h", "queue_dir": "events"}, "queue_dir: the path should be absolute"},
		"limit not a count": {map[string]string{"endpoint": "http://h", "queue_limit": "-5"}, "queue_limit: "},
		"signing secret":    {map[string]string{"endpoint": "http://h", "signing_secret": "whsec_s3cret*"}, "signing_secret: what follows whsec_ is not base64"},
		"several at once":   {map[string]string{"endpoint": "http://:1", "client_key": "/k"}, "client_cert and client_key"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := config.Decode(new(Settings), tt.values)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q in it", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "s3cret"):
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
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

func TestOpenNamesTheFileThatIsWrong(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		s    Settings
		want string
	}{
		"certificate missing": {Settings{Endpoint: "https://h", ClientCert: "/no/c", ClientKey: "/no/k"}, "client_cert and client_key: open /no/c"},
		"CA missing":          {Settings{Endpoint: "https://h", CertAuthority: "/no/ca"}, "cert_authority: open /no/ca"},
		"CA empty":            {Settings{Endpoint: "https://h", CertAuthority: empty}, "holds no certificate"},
	}
	for name, tt := range tests {
		if _, err := open(&tt.s, target.Env{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
