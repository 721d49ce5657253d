package kafka

import (
	"bytes"
	"log/slog"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestSettings(t *testing.T) {
	type values = map[string]string
	with := targettest.With
	targettest.Settings{
		Kind: Kind(),
		Line: "topic= brokers= sasl_username= sasl_password= sasl_mechanism=plain client_tls_cert= client_tls_key= tls_client_auth=0 sasl=off tls=off " +
			"tls_skip_verify=off queue_limit=0 queue_dir= version= batch_size=0 batch_commit_timeout=0s compression_codec= compression_level=",
		Hidden:    "cert_authority queue_bytes queue_full payload",
		Variables: map[string]string{"compression_codec": "PRODUCER_COMPRESSION_CODEC", "compression_level": "PRODUCER_COMPRESSION_LEVEL"},
		Valid:     values{"brokers": "localhost:9092", "topic": "events"},
		Values: map[string]targettest.Case{
			"the guide's line":        with(values{"tls_skip_verify": "off", "queue_dir": "", "queue_limit": "0", "sasl": "off", "sasl_password": "", "sasl_username": "", "tls_client_auth": "0", "tls": "off", "client_tls_cert": "", "client_tls_key": "", "brokers": "localhost:9092,localhost:9093", "topic": "bucketevents", "version": ""}, ""),
			"no port":                 with(values{"brokers": "localhost"}, "brokers: \"localhost\" is not of the form host:port"),
			"no host":                 with(values{"brokers": ":9092"}, "brokers: "),
			"port not a number":       with(values{"brokers": "a:9092,b:kafka"}, "brokers: \"b:kafka\": the port must be a number"),
			"port 0":                  with(values{"brokers": "a:0"}, "the port must be a number from 1 to 65535"),
			"IPv6":                    with(values{"brokers": "[::1]:9092"}, ""),
			"topic with a slash":      with(values{"topic": "a/b"}, "topic: a topic has at most 249 of the characters"),
			"topic of dots":           with(values{"topic": ".."}, "topic: "),
			"long topic":              with(values{"topic": strings.Repeat("t", 250)}, "topic: "),
			"mechanism":               with(values{"sasl": "on", "sasl_username": "u", "sasl_password": "s3cret", "sasl_mechanism": "PLAIN"}, ""),
			"unknown mechanism":       with(values{"sasl_mechanism": "gssapi"}, "sasl_mechanism: \"gssapi\" is not one of plain, sha256, sha512"),
			"login without password":  with(values{"sasl": "on", "sasl_username": "u"}, "sasl_username and sasl_password: both are required"),
			"login without user":      with(values{"sasl": "on", "sasl_password": "s3cret"}, "sasl_username and sasl_password: both are required"),
			"cert without key":        with(values{"tls": "on", "client_tls_cert": "/c"}, "client_tls_cert and client_tls_key: both must be given"),
			"cert without TLS":        with(values{"client_tls_cert": "/c", "client_tls_key": "/k"}, "client_tls_cert: a certificate is shown over TLS only"),
			"client auth":             with(values{"tls_client_auth": "4"}, ""),
			"client auth of 5":        with(values{"tls_client_auth": "5"}, "tls_client_auth: 5 is not between 0 and 4"),
			"version":                 with(values{"version": "2.1.0"}, ""),
			"version of four":         with(values{"version": "0.10.2.0"}, ""),
			"not a version":           with(values{"version": "new"}, "version: \"new\" is not a version of Kafka"),
			"version that is not yet": with(values{"version": "99.0.0"}, "version: "),
			"batch":                   with(values{"batch_size": "100", "batch_commit_timeout": "30s"}, ""),
			"negative batch":          with(values{"batch_size": "-1"}, "batch_size: "),
			"codec in capitals":       with(values{"compression_codec": "ZSTD", "compression_level": "22"}, ""),
			"unknown codec":           with(values{"compression_codec": "brotli"}, "compression_codec: \"brotli\" is not one of"),
			"level not a number":      with(values{"compression_codec": "gzip", "compression_level": "high"}, "compression_level: "),
			"gzip level 9":            with(values{"compression_codec": "gzip", "compression_level": "9"}, ""),
			"gzip level 10":           with(values{"compression_codec": "gzip", "compression_level": "10"}, "compression_level: gzip has levels from 1 to 9"),
			"gzip level -1":           with(values{"compression_codec": "gzip", "compression_level": "-1"}, "compression_level: gzip has levels from 1 to 9"),
			"lz4 level 10":            with(values{"compression_codec": "lz4", "compression_level": "10"}, "compression_level: lz4 has levels from 1 to 9"),
			"zstd level 23":           with(values{"compression_codec": "zstd", "compression_level": "23"}, "compression_level: zstd has levels from 1 to 22"),
			"snappy level":            with(values{"compression_codec": "snappy", "compression_level": "1"}, "compression_level: only gzip, lz4 and zstd have levels"),
			"level without codec":     with(values{"compression_level": "3"}, "compression_level: only gzip, lz4 and zstd have levels"),
			"level 0":                 with(values{"compression_codec": "snappy", "compression_level": "0"}, ""),
			"zstd before its time":    with(values{"compression_codec": "zstd", "version": "2.0.0"}, "compression_codec: zstd needs Kafka 2.1.0, and version is 2.0.0"),
		},
		Files: map[string]targettest.Case{
			"certificate missing": with(values{"tls": "on", "client_tls_cert": "/no/c", "client_tls_key": "/no/k"}, "client_tls_cert and client_tls_key: open /no/c"),
			"CA missing":          with(values{"tls": "on", "cert_authority": "/no/ca"}, "cert_authority: open /no/ca"),
			"CA empty":            with(values{"tls": "on", "cert_authority": os.DevNull}, "holds no certificate"),
		},
		Dials: map[string]map[string]string{
			"dial":          {"brokers": "127.0.0.1:9092"},
			"dial with TLS": {"brokers": "127.0.0.1:9092", "tls": "on"},
		},
	}.Run(t)
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
