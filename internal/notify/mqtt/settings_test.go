package mqtt

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestSettings(t *testing.T) {
	type values = map[string]string
	with := targettest.With
	targettest.Settings{
		Kind:   Kind(),
		Line:   "broker= topic= password= username= qos=0 keep_alive_interval=0s reconnect_interval=0s queue_dir= queue_limit=0",
		Hidden: "cert_authority client_cert client_key queue_bytes queue_full payload",
		Valid:  values{"broker": "tcp://h", "topic": "t"},
		Values: map[string]targettest.Case{
			"the guide's line":     with(values{"broker": "tcp://localhost:1883", "password": "", "queue_dir": "", "queue_limit": "0", "reconnect_interval": "0s", "keep_alive_interval": "0s", "qos": "1", "topic": "minio", "username": ""}, ""),
			"everything":           with(values{"broker": "wss://h/mqtt", "topic": "a/b", "username": "u", "password": "p", "qos": "2", "keep_alive_interval": "5m", "reconnect_interval": "1h", "queue_dir": "/q", "cert_authority": "/ca", "client_cert": "/c", "client_key": "/k"}, ""),
			"queue_dir with QoS 0": with(values{"queue_dir": "/q"}, ""),
			"credentials in it":    with(values{"broker": "tcp://u:p@h"}, ""),
			"scheme":               with(values{"broker": "http://h"}, "broker: unexpected scheme"),
			"no scheme":            with(values{"broker": "localhost:1883"}, "broker: "),
			"port not a number":    with(values{"broker": "tcp://u:s3cret@h:port"}, "broker: "),
			"port too large":       with(values{"broker": "tcp://u:s3cret@h:70000"}, "broker: there is no port 70000"),
			"port zero":            with(values{"broker": "tcp://u:s3cret@h:0"}, "broker: there is no port 0"),
			"port but no host":     with(values{"broker": "tcp://u:s3cret@:1883"}, "broker: the URL names no host"),
			"wildcard":             with(values{"topic": "minio/#"}, "topic: the wildcards"),
			"wildcard of a level":  with(values{"topic": "minio/+/x"}, "topic: the wildcards"),
			"NUL":                  with(values{"topic": "a\x00b"}, "topic: it is not text"),
			"not UTF-8":            with(values{"topic": "a\xff"}, "topic: it is not text"),
			"long topic":           with(values{"topic": strings.Repeat("x", 65536)}, "topic: it has 65536 bytes"),
			"QoS 3":                with(values{"qos": "3"}, "qos: "),
			"QoS -1":               with(values{"qos": "-1"}, "qos: "),
			"QoS by name":          with(values{"qos": "once"}, "qos: "),
			"long keep-alive":      with(values{"keep_alive_interval": "1d"}, "keep_alive_interval: MQTT allows"),
			"password alone":       with(values{"password": "s3cret"}, "username: MQTT has no password"),
			"password alone in it": with(values{"broker": "tcp://:s3cret@h"}, "username: MQTT has no password"),
			"certificate alone":    with(values{"broker": "tls://h", "client_cert": "/c"}, "client_cert and client_key: both"),
		},
		Files: map[string]targettest.Case{
			"CA missing":          with(values{"broker": "tls://h", "cert_authority": "/no/ca"}, "cert_authority: open /no/ca"),
			"certificate missing": with(values{"broker": "wss://h", "client_cert": "/no/cert", "client_key": "/no/key"}, "client_cert and client_key: open /no/cert"),
		},
		Dials: map[string]map[string]string{
			"dial":             {"broker": "tcp://127.0.0.1"},
			"dial a websocket": {"broker": "ws://127.0.0.1"},
		},
	}.Run(t)
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

func TestErrorsShowNoPassword(t *testing.T) {
	t.Parallel()
	tp := topicAt(t, "tcp://u:p%40ss@h", nil)
	if got := tp.explain(t.Context(), errors.New("as p@ss or p%40ss")).Error(); got != "as *** or ***" {
		t.Errorf("%q", got)
	}
}
