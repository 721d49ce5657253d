package nats

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Settings are the keys of notify_nats.
type Settings struct {
	config.Queue
	target.Form
	Address       string
	Subject       string
	Username      string
	Password      config.Secret
	Token         config.Secret
	TLS           bool
	SkipVerify    bool
	CertAuthority string
	ClientCert    string
	ClientKey     string
	// PingInterval is how often an idle connection is tried; 0 is never.
	PingInterval   time.Duration
	JetStream      bool
	Streaming      bool
	StreamingAsync bool
	// MaxPubAcks bounds the messages that wait for NATS Streaming's
	// acknowledgement; 0 leaves it to the batch.
	MaxPubAcks      int
	ClusterID       string
	NKeySeed        string
	UserCredentials string
	HandshakeFirst  bool
}

// Fields declares the keys, in the order in which `mc admin config get` prints
// them.
func (s *Settings) Fields(f *config.FieldSet) {
	f.String(&s.Address, "address", "address", "NATS server address e.g. '0.0.0.0:4222'", config.Required(), config.Check(hostAndPort))
	f.String(&s.Subject, "subject", "string", "NATS subscription subject", config.Required(), config.Check(publishable))
	f.String(&s.Username, "username", "string", "NATS username")
	f.Secret(&s.Password, "password", "NATS password")
	f.Secret(&s.Token, "token", "NATS token")
	f.Bool(&s.TLS, "tls", "set to 'on' to enable TLS")
	f.Bool(&s.SkipVerify, "tls_skip_verify", "trust server TLS without verification, defaults to 'off' (verify)")
	f.Path(&s.CertAuthority, "cert_authority", "path to certificate chain of the target NATS server", config.Type("string"))
	f.Path(&s.ClientCert, "client_cert", "client cert for NATS mTLS auth", config.Type("string"))
	f.Path(&s.ClientKey, "client_key", "client cert key for NATS mTLS auth", config.Type("string"))
	f.Duration(&s.PingInterval, "ping_interval", "client ping commands interval in s,m,h,d. Disabled by default", config.Default("0"))
	f.Bool(&s.JetStream, "jetstream", "set to 'on', to use JetStream")
	f.Bool(&s.Streaming, "streaming", "set to 'on', to use streaming NATS server", config.Alias("streaming_enable"))
	f.Bool(&s.StreamingAsync, "streaming_async", "set to 'on', to enable asynchronous publish")
	f.Int(&s.MaxPubAcks, "streaming_max_pub_acks_in_flight", "number of messages to publish without waiting for ACKs",
		config.Default("0"), config.Range(0, maxPubAcks))
	f.String(&s.ClusterID, "streaming_cluster_id", "string", "unique ID for NATS streaming cluster", config.HiddenIfEmpty())
	s.DirField(f)
	s.LimitField(f)
	f.Path(&s.NKeySeed, "nkey_seed", "file with the seed of an NKey for NATS auth", config.HiddenIfEmpty())
	f.Path(&s.UserCredentials, "user_credentials", "file with the JWT and seed of a NATS user (.creds)", config.HiddenIfEmpty())
	f.Bool(&s.HandshakeFirst, "tls_handshake_first", "set to 'on', to begin with the TLS handshake", config.HiddenIfEmpty())
	s.BoundFields(f)
	s.PayloadField(f)
}

// maxPubAcks is the most that the client library of NATS Streaming holds.
const maxPubAcks = 16384

// Validate checks what one key alone cannot tell.
func (s *Settings) Validate() error {
	var errs []error
	refuse := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	refuse((s.Username == "") != (s.Password == ""), "username and password: both must be given, or neither")
	refuse((s.ClientCert == "") != (s.ClientKey == ""), "client_cert and client_key: both must be given, or neither")
	refuse(s.JetStream && s.Streaming, "jetstream and streaming: only one of them can be on")
	refuse(s.Streaming && s.ClusterID == "", "streaming_cluster_id: streaming needs it")
	refuse(s.NKeySeed != "" && s.UserCredentials != "", "nkey_seed and user_credentials: only one of them can be given")
	return errors.Join(errs...)
}

// secure reports whether a connection without TLS is to be refused.
func (s *Settings) secure() bool {
	return s.TLS || s.HandshakeFirst || s.CertAuthority != "" || s.ClientCert != ""
}

// tls is the configuration for connections with TLS, also those where the
// server asks for it.
func (s *Settings) tls(env target.Env) (*tls.Config, error) {
	return target.ClientTLS{
		CAFile: s.CertAuthority, CAKey: "cert_authority",
		CertFile: s.ClientCert, KeyFile: s.ClientKey, CertKeys: "client_cert and client_key",
		SkipVerify: s.SkipVerify,
	}.Config(env)
}

// hostAndPort checks an address.
func hostAndPort(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return errors.New("must be host:port, such as localhost:4222")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("the port must be a number from 1 to 65535")
	}
	return nil
}

// publishable checks a subject: tokens between dots, none a wildcard.
func publishable(subject string) error {
	if strings.ContainsFunc(subject, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return errors.New("a subject holds no white space and no control characters")
	}
	for token := range strings.SplitSeq(subject, ".") {
		switch token {
		case "":
			return errors.New("a subject has no empty part between dots")
		case "*", ">":
			return errors.New("a subject to publish on has no wildcards")
		}
	}
	return nil
}
