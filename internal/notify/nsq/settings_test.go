package nsq

import (
	"net/netip"
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
	var line, hidden []string
	for _, f := range set.List() {
		if f.HiddenIfEmpty {
			hidden = append(hidden, f.Key)
			continue
		}
		line = append(line, f.Key+"="+f.Default)
	}
	if diff := cmp.Diff(strings.Fields("nsqd_address= topic= tls=off tls_skip_verify=off queue_dir= queue_limit=0"), line); diff != "" {
		t.Errorf("keys and defaults (-want +got):\n%s", diff)
	}
	if want := []string{"cert_authority", "queue_bytes", "queue_full"}; !slices.Equal(hidden, want) {
		t.Errorf("hidden while empty: %v, want %v", hidden, want)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values string // besides nsqd_address and topic
		want   string // part of the error; empty: valid
	}{
		"the guide's line":   {"nsqd_address=127.0.0.1:4150 queue_dir= queue_limit=0 tls=off tls_skip_verify=on topic=minio", ""},
		"no address":         {"nsqd_address=", "nsqd_address: a value is required"},
		"no port":            {"nsqd_address=localhost", "nsqd_address: \"localhost\" is not of the form host:port"},
		"no host":            {"nsqd_address=:4150", "nsqd_address: "},
		"port not a number":  {"nsqd_address=h:nsq", "nsqd_address: \"h:nsq\": the port must be a number"},
		"port too high":      {"nsqd_address=h:65536", "the port must be a number from 1 to 65535"},
		"URL":                {"nsqd_address=tcp://h:4150", "nsqd_address: "},
		"no topic":           {"topic=", "topic: a value is required"},
		"topic with a slash": {"topic=a/b", "topic: a topic has at most 64 of the characters"},
		"long topic":         {"topic=" + strings.Repeat("t", 65), "topic: "},
		"ephemeral topic":    {"topic=events#ephemeral", ""},
		"not a switch":       {"tls=maybe", "tls: "},
		"relative dir":       {"queue_dir=events", "queue_dir: the path should be absolute"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := map[string]string{"nsqd_address": "localhost:4150", "topic": "events"}
			for word := range strings.FieldsSeq(tt.values) {
				key, value, _ := strings.Cut(word, "=")
				values[key] = value
			}
			err := config.Decode(new(Settings), values)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestOpenNamesTheFileThatIsWrong(t *testing.T) {
	t.Parallel()
	s := &Settings{Address: "localhost:4150", Topic: "events", TLS: true, CertAuthority: "/no/ca"}
	if _, err := open(s, target.Env{}); err == nil || !strings.Contains(err.Error(), "cert_authority: open /no/ca") {
		t.Errorf("%v", err)
	}
}

func TestAllowListStopsTheDial(t *testing.T) {
	t.Parallel()
	env := target.Env{Allow: target.AllowOnly([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})}
	p, err := open(&Settings{Address: "127.0.0.1:4150", Topic: "events"}, env)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"send":  p.Send(t.Context(), []target.Message{{Body: []byte("{}")}}),
		"check": p.Check(t.Context()),
	} {
		if err == nil || !strings.Contains(err.Error(), "not among the allowed networks") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
