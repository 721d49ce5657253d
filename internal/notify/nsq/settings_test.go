package nsq

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestSettings(t *testing.T) {
	type values = map[string]string
	with := targettest.With
	targettest.Settings{
		Kind:   Kind(),
		Line:   "nsqd_address= topic= tls=off tls_skip_verify=off queue_dir= queue_limit=0",
		Hidden: "cert_authority queue_bytes queue_full payload",
		Valid:  values{"nsqd_address": "localhost:4150", "topic": "events"},
		Values: map[string]targettest.Case{
			"the guide's line":   with(values{"nsqd_address": "127.0.0.1:4150", "queue_dir": "", "queue_limit": "0", "tls": "off", "tls_skip_verify": "on", "topic": "minio"}, ""),
			"no port":            with(values{"nsqd_address": "localhost"}, "nsqd_address: \"localhost\" is not of the form host:port"),
			"no host":            with(values{"nsqd_address": ":4150"}, "nsqd_address: "),
			"port not a number":  with(values{"nsqd_address": "h:nsq"}, "nsqd_address: \"h:nsq\": the port must be a number"),
			"port too high":      with(values{"nsqd_address": "h:65536"}, "the port must be a number from 1 to 65535"),
			"URL":                with(values{"nsqd_address": "tcp://h:4150"}, "nsqd_address: "),
			"topic with a slash": with(values{"topic": "a/b"}, "topic: a topic has at most 64 of the characters"),
			"long topic":         with(values{"topic": strings.Repeat("t", 65)}, "topic: "),
			"ephemeral topic":    with(values{"topic": "events#ephemeral"}, ""),
		},
		Files: map[string]targettest.Case{
			"CA missing": with(values{"tls": "on", "cert_authority": "/no/ca"}, "cert_authority: open /no/ca"),
		},
		Dials: map[string]map[string]string{
			"dial": {"nsqd_address": "127.0.0.1:4150"},
		},
	}.Run(t)
}
