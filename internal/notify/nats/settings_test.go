package nats

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestKeysAreInTheOrderOfTheServersOutput(t *testing.T) {
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
		"address", "subject", "username", "password", "token", "tls", "tls_skip_verify", "cert_authority", "client_cert", "client_key",
		"ping_interval", "jetstream", "streaming", "streaming_async", "streaming_max_pub_acks_in_flight", "streaming_cluster_id",
		"queue_dir", "queue_limit", "nkey_seed", "user_credentials", "tls_handshake_first", "queue_bytes", "queue_full",
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if want := append([]string{"streaming_cluster_id"}, want[18:]...); !slices.Equal(hidden, want) {
		t.Errorf("hidden while empty: %v, want %v", hidden, want)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	const guide = "password=s3cret streaming_max_pub_acks_in_flight=10 address=0.0.0.0:4222 token= username=yourusername ping_interval=0 " +
		"queue_limit=0 tls=off streaming_async=on queue_dir= streaming_cluster_id=test-cluster streaming_enable=on "
	tests := map[string]struct {
		line string // words of `config set`
		want string // part of the error; empty: valid
	}{
		"the guide's line with a subject": {guide + "subject=bucketevents", ""},
		"the guide's line":                {guide + "subject=", "subject: a value is required"},
		"plain":                           {"address=localhost:4222 subject=a.b.c", ""},
		"JetStream":                       {"address=localhost:4222 subject=a jetstream=on token=s3cret", ""},
		"ping interval of seconds":        {"address=localhost:4222 subject=a ping_interval=30", ""},
		"ping interval of a day":          {"address=localhost:4222 subject=a ping_interval=1d", ""},
		"ping interval of words":          {"address=localhost:4222 subject=a ping_interval=often", "ping_interval: "},
		"ping interval below 0":           {"address=localhost:4222 subject=a ping_interval=-1s", "ping_interval: "},
		"no address":                      {"subject=a", "address: a value is required"},
		"address without a port":          {"address=localhost subject=a", "address: must be host:port"},
		"address is a URL":                {"address=nats://u:s3cret@localhost:4222 subject=a", "address: must be host:port"},
		"port is a word":                  {"address=localhost:nats subject=a", "address: the port must be a number"},
		"wildcard":                        {"address=localhost:4222 subject=a.*", "subject: a subject to publish on has no wildcards"},
		"wildcard of all":                 {"address=localhost:4222 subject=a.>", "subject: a subject to publish on has no wildcards"},
		"empty part":                      {"address=localhost:4222 subject=a..b", "subject: a subject has no empty part"},
		"dot at the end":                  {"address=localhost:4222 subject=a.", "subject: a subject has no empty part"},
		"user without password":           {"address=localhost:4222 subject=a username=u", "username and password: both must be given"},
		"password without user":           {"address=localhost:4222 subject=a password=s3cret", "username and password: both must be given"},
		"certificate without key":         {"address=localhost:4222 subject=a client_cert=/c", "client_cert and client_key: both must be given"},
		"key without certificate":         {"address=localhost:4222 subject=a client_key=/k", "client_cert and client_key: both must be given"},
		"two kinds of storage":            {"address=localhost:4222 subject=a jetstream=on streaming=on streaming_cluster_id=c", "only one of them can be on"},
		"streaming without a cluster":     {"address=localhost:4222 subject=a streaming=on", "streaming_cluster_id: streaming needs it"},
		"acknowledgements below 0":        {"address=localhost:4222 subject=a streaming_max_pub_acks_in_flight=-1", "streaming_max_pub_acks_in_flight: "},
		"acknowledgements of the library": {"address=localhost:4222 subject=a streaming_max_pub_acks_in_flight=16385", "streaming_max_pub_acks_in_flight: "},
		"seed and credentials":            {"address=localhost:4222 subject=a nkey_seed=/n user_credentials=/c", "nkey_seed and user_credentials: only one"},
		"relative queue_dir":              {"address=localhost:4222 subject=a queue_dir=events", "queue_dir: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := decode(new(Settings), tt.line)
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
	if err := publishable("a b"); err == nil {
		t.Error("a subject with a space is taken")
	}
}

func decode(s *Settings, line string) error {
	values := make(map[string]string)
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		values[key] = value
	}
	return config.Decode(s, values)
}

func TestPingInterval(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "0": 0, "30": 30 * time.Second, "2m": 2 * time.Minute, "1d": 24 * time.Hour} {
		s := new(Settings)
		if err := decode(s, "address=h:1 subject=a ping_interval="+text); err != nil || s.PingInterval != want {
			t.Errorf("ping_interval=%s is %v, %v; want %v", text, s.PingInterval, err, want)
		}
	}
}

func TestOpenNamesTheFileThatIsWrong(t *testing.T) {
	t.Parallel()
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ line, want string }{
		"certificate missing": {"client_cert=/no/c client_key=/no/k", "client_cert and client_key: open /no/c"},
		"CA missing":          {"cert_authority=/no/ca", "cert_authority: open /no/ca"},
		"CA is no CA":         {"cert_authority=" + other, "holds no certificate"},
		"seed missing":        {"nkey_seed=/no/seed", "nkey_seed: "},
		"seed is no seed":     {"nkey_seed=" + other, "nkey_seed: "},
		"credentials missing": {"user_credentials=/no/creds", "user_credentials: stat /no/creds"},
	}
	for name, tt := range tests {
		s := new(Settings)
		if err := decode(s, "address=h:1 subject=a "+tt.line); err != nil {
			t.Fatal(err)
		}
		_, err := open(s, target.Env{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
