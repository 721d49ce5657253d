package amqp

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestSettings(t *testing.T) {
	type values = map[string]string
	with := targettest.With
	targettest.Settings{
		Kind: Kind(),
		Line: "url= exchange= exchange_type= routing_key= mandatory=on durable=off no_wait=off internal=off auto_deleted=off " +
			"delivery_mode=0 publisher_confirms=on queue_limit=0 queue_dir=",
		Hidden:    "immediate queue_bytes queue_full payload",
		Variables: map[string]string{"publisher_confirms": "PUBLISHING_CONFIRMS"},
		Valid:     values{"url": "amqp://h", "exchange": "x"},
		Values: map[string]targettest.Case{
			"the guide's line":      with(values{"exchange": "bucketevents", "exchange_type": "fanout", "mandatory": "off", "no_wait": "off", "url": "amqp://myuser:mypassword@localhost:5672", "auto_deleted": "off", "delivery_mode": "0", "durable": "off", "internal": "off", "routing_key": "bucketlogs"}, ""),
			"default exchange":      with(values{"routing_key": "queue", "exchange": ""}, ""),
			"TLS and a vhost":       with(values{"url": "amqps://u:p%40@h/vhost?cacertfile=/ca&auth_mechanism=PLAIN"}, ""),
			"scheme":                with(values{"url": "http://h"}, "url: unexpected scheme"),
			"no scheme":             with(values{"url": "localhost:5672"}, "url: "),
			"port not a number":     with(values{"url": "amqp://u:s3cret@h:port"}, "url: "),
			"port too large":        with(values{"url": "amqp://u:s3cret@h:70000"}, "url: there is no port 70000"),
			"port zero":             with(values{"url": "amqp://u:s3cret@h:0"}, "url: there is no port 0"),
			"password not escaped":  with(values{"url": "amqp://u:s3cret%zz@h"}, "url: not a URL"),
			"heartbeat":             with(values{"url": "amqp://u:s3cret@h?heartbeat=soon"}, "url: not an AMQP URL"),
			"mechanism":             with(values{"url": "amqp://u:s3cret@h?auth_mechanism=magic"}, `auth_mechanism: "magic" is none of`),
			"certificate alone":     with(values{"url": "amqps://u:s3cret@h?certfile=/c"}, "certfile and keyfile: both"),
			"long exchange":         with(values{"exchange": strings.Repeat("x", 256)}, "exchange: it has 256 bytes"),
			"long routing key":      with(values{"routing_key": strings.Repeat("x", 256)}, "routing_key: it has 256 bytes"),
			"delivery mode 3":       with(values{"delivery_mode": "3"}, "delivery_mode: "),
			"delivery mode -1":      with(values{"delivery_mode": "-1"}, "delivery_mode: "),
			"delivery mode by name": with(values{"delivery_mode": "persistent"}, "delivery_mode: "),
		},
		Files: map[string]targettest.Case{
			"CA missing":          with(values{"url": "amqps://h?cacertfile=/no/ca"}, "url: cacertfile: open /no/ca"),
			"certificate missing": with(values{"url": "amqps://h?certfile=/no/cert&keyfile=/no/key"}, "url: certfile and keyfile: open /no/cert"),
		},
		Dials: map[string]map[string]string{
			"dial": {"url": "amqp://127.0.0.1"},
		},
	}.Run(t)
}

func TestRedactor(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"amqp://u:p%40ss@h": "user u, *** or ***",
		"amqp://u@h":        "user u, p@ss or p%40ss",
		"amqp://h":          "user u, p@ss or p%40ss",
	} {
		if got := (&Settings{URL: url}).redactor().Replace("user u, p@ss or p%40ss"); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}
