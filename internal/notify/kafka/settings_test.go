package kafka

import (
	"bytes"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestKeysAreInTheOrderOfTheGuidesOutput(t *testing.T) {
	t.Parallel()
	var set config.FieldSet
	new(Settings).Fields(&set)
	var line, hidden []string
	env := make(map[string]string)
	for _, f := range set.List() {
		if f.HiddenIfEmpty {
			hidden = append(hidden, f.Key)
			continue
		}
		line = append(line, f.Key+"="+f.Default)
		if f.EnvKey != strings.ToUpper(f.Key) {
			env[f.Key] = f.EnvKey
		}
	}
	want := strings.Fields("topic= brokers= sasl_username= sasl_password= sasl_mechanism=plain client_tls_cert= client_tls_key= tls_client_auth=0 sasl=off tls=off " +
		"tls_skip_verify=off queue_limit=0 queue_dir= version= batch_size=0 batch_commit_timeout=0s compression_codec= compression_level=")
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("keys and defaults (-want +got):\n%s", diff)
	}
	if want := []string{"cert_authority", "queue_bytes", "queue_full"}; !slices.Equal(hidden, want) {
		t.Errorf("hidden while empty: %v, want %v", hidden, want)
	}
	irregular := map[string]string{"compression_codec": "PRODUCER_COMPRESSION_CODEC", "compression_level": "PRODUCER_COMPRESSION_LEVEL"}
	if diff := cmp.Diff(irregular, env); diff != "" {
		t.Errorf("irregular variables (-want +got):\n%s", diff)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values string // besides brokers and topic
		want   string // part of the error; empty: valid
	}{
		"the guide's line":        {"tls_skip_verify=off queue_dir= queue_limit=0 sasl=off sasl_password= sasl_username= tls_client_auth=0 tls=off client_tls_cert= client_tls_key= brokers=localhost:9092,localhost:9093 topic=bucketevents version=", ""},
		"no brokers":              {"brokers=", "brokers: a value is required"},
		"no port":                 {"brokers=localhost", "brokers: \"localhost\" is not of the form host:port"},
		"no host":                 {"brokers=:9092", "brokers: "},
		"port not a number":       {"brokers=a:9092,b:kafka", "brokers: \"b:kafka\": the port must be a number"},
		"port 0":                  {"brokers=a:0", "the port must be a number from 1 to 65535"},
		"IPv6":                    {"brokers=[::1]:9092", ""},
		"no topic":                {"topic=", "topic: a value is required"},
		"topic with a slash":      {"topic=a/b", "topic: a topic has at most 249 of the characters"},
		"topic of dots":           {"topic=..", "topic: "},
		"long topic":              {"topic=" + strings.Repeat("t", 250), "topic: "},
		"mechanism":               {"sasl=on sasl_username=u sasl_password=s3cret sasl_mechanism=PLAIN", ""},
		"unknown mechanism":       {"sasl_mechanism=gssapi", "sasl_mechanism: \"gssapi\" is not one of plain, sha256, sha512"},
		"login without password":  {"sasl=on sasl_username=u", "sasl_username and sasl_password: both are required"},
		"login without user":      {"sasl=on sasl_password=s3cret", "sasl_username and sasl_password: both are required"},
		"cert without key":        {"tls=on client_tls_cert=/c", "client_tls_cert and client_tls_key: both must be given"},
		"cert without TLS":        {"client_tls_cert=/c client_tls_key=/k", "client_tls_cert: a certificate is shown over TLS only"},
		"client auth":             {"tls_client_auth=4", ""},
		"client auth of 5":        {"tls_client_auth=5", "tls_client_auth: 5 is not between 0 and 4"},
		"version":                 {"version=2.1.0", ""},
		"version of four":         {"version=0.10.2.0", ""},
		"not a version":           {"version=new", "version: \"new\" is not a version of Kafka"},
		"version that is not yet": {"version=99.0.0", "version: "},
		"batch":                   {"batch_size=100 batch_commit_timeout=30s", ""},
		"negative batch":          {"batch_size=-1", "batch_size: "},
		"not a timeout":           {"batch_commit_timeout=soon", "batch_commit_timeout: "},
		"codec in capitals":       {"compression_codec=ZSTD compression_level=22", ""},
		"unknown codec":           {"compression_codec=brotli", "compression_codec: \"brotli\" is not one of"},
		"level not a number":      {"compression_codec=gzip compression_level=high", "compression_level: "},
		"gzip level 9":            {"compression_codec=gzip compression_level=9", ""},
		"gzip level 10":           {"compression_codec=gzip compression_level=10", "compression_level: gzip has levels from 1 to 9"},
		"gzip level -1":           {"compression_codec=gzip compression_level=-1", "compression_level: gzip has levels from 1 to 9"},
		"lz4 level 10":            {"compression_codec=lz4 compression_level=10", "compression_level: lz4 has levels from 1 to 9"},
		"zstd level 23":           {"compression_codec=zstd compression_level=23", "compression_level: zstd has levels from 1 to 22"},
		"snappy level":            {"compression_codec=snappy compression_level=1", "compression_level: only gzip, lz4 and zstd have levels"},
		"level without codec":     {"compression_level=3", "compression_level: only gzip, lz4 and zstd have levels"},
		"level 0":                 {"compression_codec=snappy compression_level=0", ""},
		"zstd before its time":    {"compression_codec=zstd version=2.0.0", "compression_codec: zstd needs Kafka 2.1.0, and version is 2.0.0"},
		"relative dir":            {"queue_dir=events", "queue_dir: the path should be absolute"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := map[string]string{"brokers": "localhost:9092", "topic": "events"}
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
			case err != nil && strings.Contains(err.Error(), "s3cret"):
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

// settings are valid ones with some changes.
func settings(t *testing.T, values map[string]string) *Settings {
	t.Helper()
	all := map[string]string{"brokers": "localhost:9092", "topic": "events"}
	maps.Copy(all, values)
	s := new(Settings)
	if err := config.Decode(s, all); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestVersionPin: below 0.11 there are no producer ids, and the log says so.
func TestVersionPin(t *testing.T) {
	t.Parallel()
	for version, idempotent := range map[string]bool{"": true, "0.8.2.2": false, "0.10.2.1": false, "0.11.0.0": true, "2.1.0": true} {
		var log bytes.Buffer
		env := target.Env{Logger: slog.New(slog.NewTextHandler(&log, nil)), ID: event.TargetID{ID: "1", Type: "kafka"}}
		p, err := open(settings(t, map[string]string{"version": version}), env)
		if err != nil {
			t.Fatalf("version %q: %v", version, err)
		}
		client, err := kgo.NewClient(p.options...)
		if err != nil {
			t.Fatal(err)
		}
		if off := client.OptValue(kgo.DisableIdempotentWrite).(bool); off == idempotent {
			t.Errorf("version %q: idempotence off: %v", version, off)
		}
		if acks := client.OptValue(kgo.RequiredAcks); acks != kgo.AllISRAcks() {
			t.Errorf("version %q: acks %v", version, acks)
		}
		client.Close()
		if said := strings.Contains(log.String(), "not idempotent"); said == idempotent {
			t.Errorf("version %q: the log says %q", version, log.String())
		}
	}
}

func TestBatchSizeBoundsASend(t *testing.T) {
	t.Parallel()
	for size, want := range map[string]int{"0": maxBatch, "1": 1, "100": 100, "4294967295": maxBatch} {
		if got := Kind().Traits(settings(t, map[string]string{"batch_size": size})).MaxBatch; got != want {
			t.Errorf("batch_size=%s: %d at once, want %d", size, got, want)
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
		values map[string]string
		want   string
	}{
		"certificate missing": {map[string]string{"client_tls_cert": "/no/c", "client_tls_key": "/no/k"}, "client_tls_cert and client_tls_key: open /no/c"},
		"CA missing":          {map[string]string{"cert_authority": "/no/ca"}, "cert_authority: open /no/ca"},
		"CA empty":            {map[string]string{"cert_authority": empty}, "holds no certificate"},
	}
	for name, tt := range tests {
		tt.values["tls"] = "on"
		if _, err := open(settings(t, tt.values), target.Env{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestAllowListStopsTheDial(t *testing.T) {
	t.Parallel()
	env := target.Env{Allow: target.AllowOnly([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})}
	for name, values := range map[string]map[string]string{
		"plain": {"brokers": "127.0.0.1:9092"},
		"TLS":   {"brokers": "127.0.0.1:9092", "tls": "on"},
	} {
		p, err := open(settings(t, values), env)
		if err != nil {
			t.Fatal(err)
		}
		for call, err := range map[string]error{
			"send":  p.Send(t.Context(), []target.Message{{Key: "b/k", Body: []byte("{}")}}),
			"check": p.Check(t.Context()),
		} {
			if err == nil || !strings.Contains(err.Error(), "not among the allowed networks") {
				t.Errorf("%s, %s: %v", name, call, err)
			}
		}
	}
}
