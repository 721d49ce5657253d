package mqtt

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestKeysAreInTheOrderOfTheGuidesOutput(t *testing.T) {
	t.Parallel()
	var set config.FieldSet
	new(Settings).Fields(&set)
	var line, hidden []string
	for _, f := range set.List() {
		if f.HiddenIfEmpty {
			hidden = append(hidden, f.Key)
			continue
		}
		line = append(line, f.Key+"="+f.Default)
	}
	const want = "broker= topic= password= username= qos=0 keep_alive_interval=0s reconnect_interval=0s queue_dir= queue_limit=0"
	if diff := cmp.Diff(want, strings.Join(line, " ")); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	extensions := []string{"cert_authority", "client_cert", "client_key", "queue_bytes", "queue_full"}
	if diff := cmp.Diff(extensions, hidden); diff != "" {
		t.Errorf("hidden while empty (-want +got):\n%s", diff)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	type values = map[string]string
	tests := map[string]struct {
		values values
		want   string // part of the error; empty: valid
	}{
		"the guide's line": {values{
			"broker": "tcp://localhost:1883", "password": "", "queue_dir": "", "queue_limit": "0", "reconnect_interval": "0s",
			"keep_alive_interval": "0s", "qos": "1", "topic": "minio", "username": "",
		}, ""},
		"everything": {values{
			"broker": "wss://h/mqtt", "topic": "a/b", "username": "u", "password": "p", "qos": "2", "keep_alive_interval": "5m",
			"reconnect_interval": "1h", "queue_dir": "/q", "cert_authority": "/ca", "client_cert": "/c", "client_key": "/k",
		}, ""},
		"queue_dir with QoS 0": {values{"broker": "tcp://h", "topic": "t", "queue_dir": "/q"}, ""},
		"credentials in it":    {values{"broker": "tcp://u:p@h", "topic": "t"}, ""},
		"no broker":            {values{"topic": "t"}, "broker: a value is required"},
		"no topic":             {values{"broker": "tcp://h"}, "topic: a value is required"},
		"scheme":               {values{"broker": "http://h", "topic": "t"}, "broker: unexpected scheme"},
		"no scheme":            {values{"broker": "localhost:1883", "topic": "t"}, "broker: "},
		"port not a number":    {values{"broker": "tcp://u:s3cret@h:port", "topic": "t"}, "broker: "},
		"port too large":       {values{"broker": "tcp://u:s3cret@h:70000", "topic": "t"}, "broker: there is no port 70000"},
		"port zero":            {values{"broker": "tcp://u:s3cret@h:0", "topic": "t"}, "broker: there is no port 0"},
		"port but no host":     {values{"broker": "tcp://u:s3cret@:1883", "topic": "t"}, "broker: the URL names no host"},
		"wildcard":             {values{"broker": "tcp://h", "topic": "minio/#"}, "topic: the wildcards"},
		"wildcard of a level":  {values{"broker": "tcp://h", "topic": "minio/+/x"}, "topic: the wildcards"},
		"NUL":                  {values{"broker": "tcp://h", "topic": "a\x00b"}, "topic: it is not text"},
		"not UTF-8":            {values{"broker": "tcp://h", "topic": "a\xff"}, "topic: it is not text"},
		"long topic":           {values{"broker": "tcp://h", "topic": strings.Repeat("x", 65536)}, "topic: it has 65536 bytes"},
		"QoS 3":                {values{"broker": "tcp://h", "topic": "t", "qos": "3"}, "qos: "},
		"QoS -1":               {values{"broker": "tcp://h", "topic": "t", "qos": "-1"}, "qos: "},
		"QoS by name":          {values{"broker": "tcp://h", "topic": "t", "qos": "once"}, "qos: "},
		"keep-alive":           {values{"broker": "tcp://h", "topic": "t", "keep_alive_interval": "soon"}, "keep_alive_interval: "},
		"long keep-alive":      {values{"broker": "tcp://h", "topic": "t", "keep_alive_interval": "1d"}, "keep_alive_interval: MQTT allows"},
		"password alone":       {values{"broker": "tcp://h", "topic": "t", "password": "s3cret"}, "username: MQTT has no password"},
		"password alone in it": {values{"broker": "tcp://:s3cret@h", "topic": "t"}, "username: MQTT has no password"},
		"certificate alone":    {values{"broker": "tls://h", "topic": "t", "client_cert": "/c"}, "client_cert and client_key: both"},
		"relative dir":         {values{"broker": "tcp://h", "topic": "t", "queue_dir": "events"}, "queue_dir: the path should be absolute"},
		"limit not a count":    {values{"broker": "tcp://h", "topic": "t", "queue_limit": "-5"}, "queue_limit: "},
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

func TestAddress(t *testing.T) {
	t.Parallel()
	for broker, want := range map[string]string{
		"tcp://h": "h:1883", "TCP://h:1": "h:1", "ssl://h": "h:8883", "tls://h": "h:8883", "tcps://[::1]": "[::1]:8883",
		"ws://h/mqtt": "h:80", "wss://h": "h:443",
	} {
		if u, err := (&Settings{Broker: broker}).broker(); err != nil || u.Host != want {
			t.Errorf("%s: %v, %v; want %s", broker, u, err, want)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	for broker, want := range map[string][2]string{
		"tcp://h": {"user", "pass"}, "tcp://u@h": {"u", "pass"}, "tcp://u:p%40@h": {"u", "p@"},
	} {
		s := &Settings{Broker: broker, Username: "user", Password: "pass"}
		u, err := s.broker()
		if err != nil {
			t.Fatal(err)
		}
		if user, password := s.credentials(u); user != want[0] || password != want[1] {
			t.Errorf("%s: %q with %q, want %q", broker, user, password, want)
		}
	}
}

func TestKeepAliveIsInWholeSeconds(t *testing.T) {
	t.Parallel()
	for given, want := range map[time.Duration]time.Duration{
		0: 10 * time.Second, time.Millisecond: time.Second, time.Second: time.Second, 1500 * time.Millisecond: 2 * time.Second,
		maxKeepAlive: maxKeepAlive,
	} {
		if got := (&Settings{KeepAlive: given}).keepAlive(); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
}

func TestOpenNamesTheFileThatIsWrong(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]Settings{
		"cert_authority: open /no/ca":               {Broker: "tls://h", CertAuthority: "/no/ca"},
		"client_cert and client_key: open /no/cert": {Broker: "wss://h", ClientCert: "/no/cert", ClientKey: "/no/key"},
	} {
		if _, err := open(&s, target.Env{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestErrorsShowNoPassword(t *testing.T) {
	t.Parallel()
	tp := topicAt(t, "tcp://u:p%40ss@h", nil)
	if got := tp.explain(t.Context(), errors.New("as p@ss or p%40ss")).Error(); got != "as *** or ***" {
		t.Errorf("%q", got)
	}
}
