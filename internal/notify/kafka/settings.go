package kafka

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Settings are the keys of notify_kafka.
type Settings struct {
	config.Queue
	target.Form
	Topic         string
	Brokers       []string
	SASLUsername  string
	SASLPassword  config.Secret
	SASLMechanism string
	ClientTLSCert string
	ClientTLSKey  string
	// TLSClientAuth is read and has no effect: it is a server's policy.
	TLSClientAuth int
	SASL          bool
	TLS           bool
	TLSSkipVerify bool
	// Version is the newest version of the protocol to speak; empty has it agreed
	// with each broker.
	Version   string
	BatchSize uint64
	// BatchCommitTimeout is read and has no effect: nothing waits for a batch to
	// fill.
	BatchCommitTimeout time.Duration
	CompressionCodec   string
	CompressionLevel   int
	CertAuthority      string
}

// Values of sasl_mechanism.
const (
	saslPlain  = "plain"
	saslSHA256 = "sha256"
	saslSHA512 = "sha512"
)

// Fields declares the keys, in the order in which `mc admin config get` prints
// them.
func (s *Settings) Fields(f *config.FieldSet) {
	f.String(&s.Topic, "topic", "string", "Kafka topic used for bucket notifications", config.Check(checkTopic))
	f.CSV(&s.Brokers, "brokers", "comma separated list of Kafka broker addresses", config.Required())
	f.String(&s.SASLUsername, "sasl_username", "string", "username for SASL/PLAIN or SASL/SCRAM authentication")
	f.Secret(&s.SASLPassword, "sasl_password", "password for SASL/PLAIN or SASL/SCRAM authentication")
	f.String(&s.SASLMechanism, "sasl_mechanism", "(plain*|sha256|sha512)", "sasl authentication mechanism, default 'plain'",
		config.OneOf(saslPlain, saslSHA256, saslSHA512), config.Default(saslPlain))
	f.Path(&s.ClientTLSCert, "client_tls_cert", "path to client certificate for mTLS auth")
	f.Path(&s.ClientTLSKey, "client_tls_key", "path to client key for mTLS auth")
	f.Int(&s.TLSClientAuth, "tls_client_auth", "clientAuth determines the Kafka server's policy for TLS client auth",
		config.Type("string"), config.Default("0"), config.Range(0, int64(tls.RequireAndVerifyClientCert)))
	f.Bool(&s.SASL, "sasl", "set to 'on' to enable SASL authentication")
	f.Bool(&s.TLS, "tls", "set to 'on' to enable TLS")
	f.Bool(&s.TLSSkipVerify, "tls_skip_verify", "trust server TLS without verification, defaults to 'off' (verify)")
	s.LimitField(f)
	s.DirField(f)
	f.String(&s.Version, "version", "string", "specify the version of the Kafka cluster e.g '2.2.0'", config.Check(checkVersion))
	f.Uint(&s.BatchSize, "batch_size", "the most events that are sent together, at most 4000; 0 is 4000", config.Default("0"))
	f.Duration(&s.BatchCommitTimeout, "batch_commit_timeout", "accepted; events never wait for a batch to fill", config.Default("0s"))
	f.String(&s.CompressionCodec, "compression_codec", "(none|snappy|gzip|lz4|zstd)", "compression codec for producer messages",
		config.OneOf(codecNone, codecSnappy, codecGzip, codecLZ4, codecZstd), config.EnvName("PRODUCER_COMPRESSION_CODEC"))
	f.Int(&s.CompressionLevel, "compression_level", "compression level for producer messages, defaults to '0'",
		config.EnvName("PRODUCER_COMPRESSION_LEVEL"))
	f.Path(&s.CertAuthority, "cert_authority", "file of CA certificates to trust for the brokers, besides the server's own",
		config.Extension())
	s.BoundFields(f)
	s.BinaryPayloadField(f)
}

// Validate checks what one key alone cannot tell.
func (s *Settings) Validate() error {
	var errs []error
	if s.Topic == "" {
		errs = append(errs, errors.New("topic: a value is required"))
	}
	for _, b := range s.Brokers {
		if err := checkBroker(b); err != nil {
			errs = append(errs, err)
		}
	}
	if s.SASL && (s.SASLUsername == "" || s.SASLPassword == "") {
		errs = append(errs, errors.New("sasl_username and sasl_password: both are required with sasl=on"))
	}
	if (s.ClientTLSCert == "") != (s.ClientTLSKey == "") {
		errs = append(errs, errors.New("client_tls_cert and client_tls_key: both must be given, or neither"))
	}
	if !s.TLS && s.ClientTLSCert != "" {
		errs = append(errs, errors.New("client_tls_cert: a certificate is shown over TLS only; set tls=on"))
	}
	if _, err := s.compression(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// topicName is what Kafka takes for a name, but for "." and "..".
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func checkTopic(name string) error {
	if !topicName.MatchString(name) || name == "." || name == ".." {
		return errors.New("a topic has at most 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-'")
	}
	return nil
}

func checkBroker(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return fmt.Errorf("brokers: %q is not of the form host:port", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("brokers: %q: the port must be a number from 1 to 65535", address)
	}
	return nil
}

func checkVersion(text string) error {
	if kversion.FromString(text) == nil {
		return fmt.Errorf("%q is not a version of Kafka, such as '2.2.0'", text)
	}
	return nil
}

// versions is what is spoken at most, nil without a pin.
func (s *Settings) versions() *kversion.Versions { return kversion.FromString(s.Version) }

// Keys and versions of requests that divide Kafka's versions, see
// https://kafka.apache.org/protocol.
const (
	keyProduce        = 0
	keyFetch          = 1
	keyInitProducerID = 22
	// zstdProduce is the first version of Produce that takes zstd.
	zstdProduce = 7
)

// idempotent reports whether the version pinned, if any, has producer ids, and
// with them the record format that has headers: 0.11 and later.
func (s *Settings) idempotent() bool {
	v := s.versions()
	return v == nil || v.HasKey(keyInitProducerID)
}

// mechanism is how to log in, nil for not at all.
func (s *Settings) mechanism() sasl.Mechanism {
	user, pass := s.SASLUsername, s.SASLPassword.Reveal()
	switch {
	case !s.SASL:
		return nil
	case s.SASLMechanism == saslSHA256:
		return scram.Auth{User: user, Pass: pass}.AsSha256Mechanism()
	case s.SASLMechanism == saslSHA512:
		return scram.Auth{User: user, Pass: pass}.AsSha512Mechanism()
	}
	return plain.Auth{User: user, Pass: pass}.AsMechanism()
}

// tls is the configuration of connections, nil without TLS.
func (s *Settings) tls(env target.Env) (*tls.Config, error) {
	if !s.TLS {
		return nil, nil
	}
	return target.ClientTLS{
		CAFile: s.CertAuthority, CAKey: "cert_authority",
		CertFile: s.ClientTLSCert, KeyFile: s.ClientTLSKey, CertKeys: "client_tls_cert and client_tls_key",
		SkipVerify: s.TLSSkipVerify,
	}.Config(env)
}
