package nats

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestSettings(t *testing.T) {
	type values = map[string]string
	with := targettest.With
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	targettest.Settings{
		Kind: Kind(),
		Line: "address= subject= username= password= token= tls=off tls_skip_verify=off cert_authority= client_cert= client_key= ping_interval=0 " +
			"jetstream=off streaming=off streaming_async=off streaming_max_pub_acks_in_flight=0 queue_dir= queue_limit=0",
		Hidden: "streaming_cluster_id nkey_seed user_credentials tls_handshake_first queue_bytes queue_full payload",
		Valid:  values{"address": "localhost:4222", "subject": "a"},
		Values: map[string]targettest.Case{
			"the guide's line with a subject": with(values{"password": "s3cret", "streaming_max_pub_acks_in_flight": "10", "address": "0.0.0.0:4222", "token": "", "username": "yourusername", "ping_interval": "0", "queue_limit": "0", "tls": "off", "streaming_async": "on", "queue_dir": "", "streaming_cluster_id": "test-cluster", "streaming_enable": "on", "subject": "bucketevents"}, ""),
			"the guide's line":                with(values{"password": "s3cret", "streaming_max_pub_acks_in_flight": "10", "address": "0.0.0.0:4222", "token": "", "username": "yourusername", "ping_interval": "0", "queue_limit": "0", "tls": "off", "streaming_async": "on", "queue_dir": "", "streaming_cluster_id": "test-cluster", "streaming_enable": "on", "subject": ""}, "subject: a value is required"),
			"plain":                           with(values{"subject": "a.b.c"}, ""),
			"JetStream":                       with(values{"jetstream": "on", "token": "s3cret"}, ""),
			"ping interval of seconds":        with(values{"ping_interval": "30"}, ""),
			"ping interval of a day":          with(values{"ping_interval": "1d"}, ""),
			"ping interval below 0":           with(values{"ping_interval": "-1s"}, "ping_interval: "),
			"address without a port":          with(values{"address": "localhost"}, "address: must be host:port"),
			"address is a URL":                with(values{"address": "nats://u:s3cret@localhost:4222"}, "address: must be host:port"),
			"port is a word":                  with(values{"address": "localhost:nats"}, "address: the port must be a number"),
			"wildcard":                        with(values{"subject": "a.*"}, "subject: a subject to publish on has no wildcards"),
			"wildcard of all":                 with(values{"subject": "a.>"}, "subject: a subject to publish on has no wildcards"),
			"empty part":                      with(values{"subject": "a..b"}, "subject: a subject has no empty part"),
			"space":                           with(values{"subject": "a b"}, "subject: "),
			"dot at the end":                  with(values{"subject": "a."}, "subject: a subject has no empty part"),
			"user without password":           with(values{"username": "u"}, "username and password: both must be given"),
			"password without user":           with(values{"password": "s3cret"}, "username and password: both must be given"),
			"certificate without key":         with(values{"client_cert": "/c"}, "client_cert and client_key: both must be given"),
			"key without certificate":         with(values{"client_key": "/k"}, "client_cert and client_key: both must be given"),
			"two kinds of storage":            with(values{"jetstream": "on", "streaming": "on", "streaming_cluster_id": "c"}, "only one of them can be on"),
			"streaming without a cluster":     with(values{"streaming": "on"}, "streaming_cluster_id: streaming needs it"),
			"acknowledgements below 0":        with(values{"streaming_max_pub_acks_in_flight": "-1"}, "streaming_max_pub_acks_in_flight: "),
			"acknowledgements of the library": with(values{"streaming_max_pub_acks_in_flight": "16385"}, "streaming_max_pub_acks_in_flight: "),
			"seed and credentials":            with(values{"nkey_seed": "/n", "user_credentials": "/c"}, "nkey_seed and user_credentials: only one"),
		},
		Files: map[string]targettest.Case{
			"certificate missing": with(values{"client_cert": "/no/c", "client_key": "/no/k"}, "client_cert and client_key: open /no/c"),
			"CA missing":          with(values{"cert_authority": "/no/ca"}, "cert_authority: open /no/ca"),
			"CA is no CA":         with(values{"cert_authority": other}, "holds no certificate"),
			"seed missing":        with(values{"nkey_seed": "/no/seed"}, "nkey_seed: "),
			"seed is no seed":     with(values{"nkey_seed": other}, "nkey_seed: "),
			"credentials missing": with(values{"user_credentials": "/no/creds"}, "user_credentials: stat /no/creds"),
		},
		Dials: map[string]map[string]string{
			"dial":           {"address": "127.0.0.1:4222"},
			"dial JetStream": {"address": "127.0.0.1:4222", "jetstream": "on"},
		},
	}.Run(t)
}

func TestPingInterval(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "0": 0, "30": 30 * time.Second, "2m": 2 * time.Minute, "1d": 24 * time.Hour} {
		s := new(Settings)
		if err := config.Decode(s, map[string]string{"address": "h:1", "subject": "a", "ping_interval": text}); err != nil || s.PingInterval != want {
			t.Errorf("ping_interval=%s is %v, %v; want %v", text, s.PingInterval, err, want)
		}
	}
}
