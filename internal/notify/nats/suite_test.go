package nats_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/nats"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

const wrongPassword = "not-the-password"

// TestCoreSuite is that of core NATS, which keeps nothing.
func TestCoreSuite(t *testing.T) {
	targettest.Run(t, targettest.Suite{
		Kind: nats.Kind(), Forgets: true,
		New: func(t *testing.T) targettest.Harness { return startCore(t, brokertest.NATSOpen) },
		Variants: []targettest.Variant{
			{Name: "user", New: core(brokertest.NATSUser)},
			{Name: "wrong password", New: core(brokertest.NATSUser, "password", wrongPassword), WantErr: "Authorization Violation"},
			{Name: "no user", New: core(brokertest.NATSUser, "username", "", "password", ""), WantErr: "Authorization Violation"},
			{Name: "token", New: core(brokertest.NATSToken)},
			{Name: "wrong token", New: core(brokertest.NATSToken, "token", wrongPassword), WantErr: "Authorization Violation"},
			{Name: "NKey", New: core(brokertest.NATSNKey)},
			{Name: "no NKey", New: core(brokertest.NATSNKey, "nkey_seed", ""), WantErr: "Authorization Violation"},
			{Name: "credentials file", New: core(brokertest.NATSCredentials)},
			{Name: "no credentials file", New: core(brokertest.NATSCredentials, "user_credentials", ""), WantErr: "Authorization Violation"},
			{Name: "TLS handshake first", New: core(brokertest.NATSHandshakeFirst)},
			{Name: "TLS", New: core(brokertest.NATSTLS)},
			{Name: "TLS without its CA", New: core(brokertest.NATSTLS, "cert_authority", ""), WantErr: "certificate signed by unknown authority"},
			{Name: "TLS unverified", New: core(brokertest.NATSTLS, "cert_authority", "", "tls_skip_verify", "on")},
			{Name: "TLS that the server asks for", New: core(brokertest.NATSTLS, "tls", "off")},
			{Name: "TLS that the server lacks", New: core(brokertest.NATSOpen, "tls", "on"), WantErr: "secure connection not available"},
			{Name: "TLS with client certificate", New: core(brokertest.NATSMutual)},
			{
				Name: "TLS without the client certificate", WantErr: "tls", // the refusal, or that the connection is closed
				New: core(brokertest.NATSMutual, "client_cert", "", "client_key", ""),
			},
		},
	})
}

// core starts a server and sets keys to other values.
func core(auth brokertest.NATSAuth, keysAndValues ...string) func(*testing.T) targettest.Harness {
	return func(t *testing.T) targettest.Harness {
		s := startCore(t, auth)
		set(s.values, keysAndValues)
		return s
	}
}

func set(values map[string]string, keysAndValues []string) {
	for i := 0; i < len(keysAndValues); i += 2 {
		values[keysAndValues[i]] = keysAndValues[i+1]
	}
}

func TestJetStreamSuite(t *testing.T) {
	targettest.Run(t, targettest.Suite{
		Kind: nats.Kind(),
		New:  stream(brokertest.NATSOpen, events()),
		Variants: []targettest.Variant{
			{Name: "TLS with client certificate", New: stream(brokertest.NATSMutual, events())},
			{Name: "no stream", New: stream(brokertest.NATSOpen, nil), WantErr: `no stream of JetStream takes the subject "bucketevents"`},
			{
				Name: "stream of another subject", WantErr: `no stream of JetStream takes the subject "other"`,
				New: stream(brokertest.NATSOpen, events(), "subject", "other"),
			},
		},
	})
}

func stream(auth brokertest.NATSAuth, conf *jetstream.StreamConfig, keysAndValues ...string) func(*testing.T) targettest.Harness {
	return func(t *testing.T) targettest.Harness {
		s := startStream(t, auth, conf)
		set(s.values, keysAndValues)
		return s
	}
}

func TestStreamingSuite(t *testing.T) {
	streaming := func(keysAndValues ...string) func(*testing.T) targettest.Harness {
		return func(t *testing.T) targettest.Harness {
			s := startSTAN(t)
			set(s.values, keysAndValues)
			return s
		}
	}
	targettest.Run(t, targettest.Suite{
		Kind: nats.Kind(),
		New:  streaming(),
		Variants: []targettest.Variant{
			{Name: "without a bound", New: streaming("streaming_async", "off", "streaming_max_pub_acks_in_flight", "0")},
			{Name: "wrong password", New: streaming("password", wrongPassword), WantErr: "Authorization Violation"},
			{Name: "wrong cluster", New: streaming("streaming_cluster_id", "other"), WantErr: `cluster "other"`},
		},
	})
}
