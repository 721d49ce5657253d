package kafka_test

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/kafka"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestMain(m *testing.M) { targettest.Main(m, kafka.Kind()) }

// maxRecordBatch is the largest that the client library sends, just below
// Kafka's default of max.message.bytes.
const maxRecordBatch = 1_000_012

func TestSuite(t *testing.T) {
	broker := brokertest.StartKafka(t, "auto.create.topics.enable=false")
	with := func(edit func(values map[string]string)) func(*testing.T) targettest.Harness {
		return func(t *testing.T) targettest.Harness {
			h := newTopic(t, broker, nil)
			edit(h.values)
			return h
		}
	}
	login := func(listener, mechanism, password string) func(map[string]string) {
		return func(v map[string]string) {
			v["brokers"], v["sasl"], v["sasl_mechanism"] = listener, "on", mechanism
			v["sasl_username"], v["sasl_password"] = brokertest.Login, password
		}
	}
	overTLS := func(listener, authority string) func(map[string]string) {
		return func(v map[string]string) {
			v["brokers"], v["tls"], v["cert_authority"] = listener, "on", authority
		}
	}
	good, wrong := brokertest.Password, "wrong-pass"
	variants := []targettest.Variant{
		{Name: "PLAIN", New: with(login(broker.SASL, "plain", good))},
		{Name: "PLAIN with a wrong password", Case: targettest.WrongCredentials, New: with(login(broker.SASL, "PLAIN", wrong)), WantErr: "SASL_AUTHENTICATION_FAILED"},
		{Name: "SCRAM-SHA-256", New: with(login(broker.SASL, "sha256", good))},
		{Name: "SCRAM-SHA-256 with a wrong password", Case: targettest.WrongCredentials, New: with(login(broker.SASL, "sha256", wrong)), WantErr: "SASL_AUTHENTICATION_FAILED"},
		{Name: "SCRAM-SHA-512", New: with(login(broker.SASL, "sha512", good))},
		{Name: "SCRAM-SHA-512 with a wrong password", Case: targettest.WrongCredentials, New: with(login(broker.SASL, "SHA512", wrong)), WantErr: "SASL_AUTHENTICATION_FAILED"},
		{Name: "no login where one is needed", New: with(func(v map[string]string) { v["brokers"] = broker.SASL }), WantErr: "connect: "},
		{Name: "TLS", Case: targettest.TLS, New: with(overTLS(broker.TLS, broker.Certs.CA))},
		{Name: "TLS of another authority", Case: targettest.WrongCA, New: with(overTLS(broker.TLS, broker.Certs.OtherCA)), WantErr: "certificate signed by unknown authority"},
		{Name: "TLS without verification", New: with(func(v map[string]string) {
			v["brokers"], v["tls"], v["tls_skip_verify"] = broker.TLS, "on", "on"
		})},
		{Name: "TLS with client certificate", Case: targettest.ClientCertificate, New: with(func(v map[string]string) {
			overTLS(broker.Mutual, broker.Certs.CA)(v)
			v["client_tls_cert"], v["client_tls_key"] = broker.Certs.ClientCert, broker.Certs.ClientKey
		})},
		{Name: "TLS without the client certificate", Case: targettest.NoClientCert, New: with(overTLS(broker.Mutual, broker.Certs.CA)), WantErr: "connect: "},
		{Name: "SCRAM over TLS", New: with(func(v map[string]string) {
			overTLS(broker.SASLTLS, broker.Certs.CA)(v)
			login(broker.SASLTLS, "sha512", good)(v)
		})},
		{Name: "missing topic", Case: targettest.Missing, New: with(func(v map[string]string) { v["topic"] = "nowhere" }), WantErr: "UNKNOWN_TOPIC_OR_PARTITION"},
		{Name: "version below the broker's", New: with(func(v map[string]string) { v["version"] = "0.10.2.0" }), WantErr: "raise it"},
		{Name: "version", New: with(func(v map[string]string) { v["version"] = "2.1.0" })},
	}
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		variants = append(variants, targettest.Variant{Name: codec, New: with(func(v map[string]string) { v["compression_codec"] = codec })})
	}
	targettest.Run(t, targettest.Suite{
		Kind:       kafka.Kind(),
		New:        with(func(map[string]string) {}),
		OneProcess: true,
		Variants:   variants,
		// Around a body there are its key and headers, and the batch.
		Bodies: targettest.Bodies{Fits: maxRecordBatch - 512, Over: maxRecordBatch},
	})
	t.Run("too large", testTooLarge(broker))
	t.Run("records", testRecords(broker))
	t.Run("CloudEvents", testCloudEvents(broker))
}
