package nats_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/nats"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

const wrongPassword = "not-the-password"

func TestMain(m *testing.M) { targettest.Main(m, nats.Kind()) }

// likeCore is why what a connection of core NATS shows need not be shown again.
const likeCore = "the connection is that of core NATS"

// bodies are those of a server's max_payload: around a body there are its
// headers, or what NATS Streaming puts around it.
func bodies() targettest.Bodies {
	return targettest.Bodies{Fits: serverLimit - 256, Over: serverLimit + 1}
}

// TestCoreSuite is that of core NATS, which keeps nothing.
func TestCoreSuite(t *testing.T) {
	targettest.Run(t, targettest.Suite{
		Kind: nats.Kind(), Name: "core NATS",
		New:    func(t *testing.T) targettest.Harness { return startCore(t, brokertest.NATSOpen) },
		Bodies: bodies(), Forgets: true,
		Notes: map[string]string{
			targettest.Restarted:      "a server of core NATS keeps nothing: what it acknowledged, it had passed on",
			targettest.KilledMidBatch: "a server of core NATS keeps nothing: what it acknowledged, it had passed on",
		},
		Without: map[string]string{targettest.Missing: "a subject is there by being published to"},
		Variants: []targettest.Variant{
			{Name: "user", New: core(brokertest.NATSUser)},
			{Name: "wrong password", Case: targettest.WrongCredentials, New: core(brokertest.NATSUser, "password", wrongPassword), WantErr: "Authorization Violation"},
			{Name: "no user", New: core(brokertest.NATSUser, "username", "", "password", ""), WantErr: "Authorization Violation"},
			{Name: "token", New: core(brokertest.NATSToken)},
			{Name: "wrong token", Case: targettest.WrongCredentials, New: core(brokertest.NATSToken, "token", wrongPassword), WantErr: "Authorization Violation"},
			{Name: "NKey", New: core(brokertest.NATSNKey)},
			{Name: "no NKey", New: core(brokertest.NATSNKey, "nkey_seed", ""), WantErr: "Authorization Violation"},
			{Name: "credentials file", New: core(brokertest.NATSCredentials)},
			{Name: "no credentials file", New: core(brokertest.NATSCredentials, "user_credentials", ""), WantErr: "Authorization Violation"},
			{Name: "TLS handshake first", New: core(brokertest.NATSHandshakeFirst)},
			{Name: "TLS", Case: targettest.TLS, New: core(brokertest.NATSTLS)},
			{Name: "TLS without its CA", Case: targettest.WrongCA, New: core(brokertest.NATSTLS, "cert_authority", ""), WantErr: "certificate signed by unknown authority"},
			{Name: "TLS unverified", New: core(brokertest.NATSTLS, "cert_authority", "", "tls_skip_verify", "on")},
			{Name: "TLS that the server asks for", New: core(brokertest.NATSTLS, "tls", "off")},
			{Name: "TLS that the server lacks", New: core(brokertest.NATSOpen, "tls", "on"), WantErr: "secure connection not available"},
			{Name: "TLS with client certificate", Case: targettest.ClientCertificate, New: core(brokertest.NATSMutual)},
			{
				Name: "TLS without the client certificate", Case: targettest.NoClientCert, WantErr: "tls", // the refusal, or that the connection is closed
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
		Kind: nats.Kind(), Name: "JetStream",
		New:    stream(brokertest.NATSOpen, events()),
		Bodies: bodies(),
		Variants: []targettest.Variant{
			{
				Name: "wrong password", Case: targettest.WrongCredentials, WantErr: "Authorization Violation",
				New: stream(brokertest.NATSUser, events(), "password", wrongPassword),
			},
			{Name: "TLS", Case: targettest.TLS, New: stream(brokertest.NATSTLS, events())},
			{
				Name: "TLS without its CA", Case: targettest.WrongCA, WantErr: "certificate signed by unknown authority",
				New: stream(brokertest.NATSTLS, events(), "cert_authority", ""),
			},
			{Name: "TLS with client certificate", Case: targettest.ClientCertificate, New: stream(brokertest.NATSMutual, events())},
			{
				Name: "TLS without the client certificate", Case: targettest.NoClientCert, WantErr: "tls", // or that it is closed
				New: stream(brokertest.NATSMutual, events(), "client_cert", "", "client_key", ""),
			},
			{Name: "no stream", Case: targettest.Missing, New: stream(brokertest.NATSOpen, nil), WantErr: `no stream of JetStream takes the subject "bucketevents"`},
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
		Kind: nats.Kind(), Name: "NATS Streaming",
		New:    streaming(),
		Bodies: bodies(),
		Without: map[string]string{
			targettest.TLS: likeCore, targettest.WrongCA: likeCore, targettest.ClientCertificate: likeCore, targettest.NoClientCert: likeCore,
		},
		Variants: []targettest.Variant{
			{Name: "without a bound", New: streaming("streaming_async", "off", "streaming_max_pub_acks_in_flight", "0")},
			{Name: "wrong password", Case: targettest.WrongCredentials, New: streaming("password", wrongPassword), WantErr: "Authorization Violation"},
			{Name: "wrong cluster", Case: targettest.Missing, New: streaming("streaming_cluster_id", "other"), WantErr: `cluster "other"`},
		},
	})
}
