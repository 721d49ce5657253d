package nsq

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"

	protocol "github.com/nsqio/go-nsq"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Settings are the keys of notify_nsq.
type Settings struct {
	config.Queue
	target.Form
	Address       string
	Topic         string
	TLS           bool
	TLSSkipVerify bool
	CertAuthority string
}

// Fields declares the keys, in the order in which `mc admin config get` prints
// them.
func (s *Settings) Fields(f *config.FieldSet) {
	f.String(&s.Address, "nsqd_address", "address", "NSQ server address e.g. '127.0.0.1:4150'",
		config.Required(), config.Check(checkAddress))
	f.String(&s.Topic, "topic", "string", "NSQ topic", config.Required(), config.Check(checkTopic))
	f.Bool(&s.TLS, "tls", "set to 'on' to enable TLS")
	f.Bool(&s.TLSSkipVerify, "tls_skip_verify", "trust server TLS without verification, defaults to 'off' (verify)")
	s.DirField(f)
	s.LimitField(f)
	f.Path(&s.CertAuthority, "cert_authority", "file of CA certificates to trust for nsqd, besides the server's own", config.Extension())
	s.BoundFields(f)
	s.PayloadField(f)
}

// Validate has nothing to add to what each key says of itself.
func (s *Settings) Validate() error { return nil }

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return fmt.Errorf("%q is not of the form host:port", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q: the port must be a number from 1 to 65535", address)
	}
	return nil
}

func checkTopic(name string) error {
	if !protocol.IsValidTopicName(name) {
		return errors.New("a topic has at most 64 of the characters a-z, A-Z, 0-9, '.', '_' and '-', and may end with '#ephemeral'")
	}
	return nil
}

// tls is the configuration of connections, nil without TLS.
func (s *Settings) tls(env target.Env) (*tls.Config, error) {
	if !s.TLS {
		return nil, nil
	}
	conf, err := target.ClientTLS{CAFile: s.CertAuthority, CAKey: "cert_authority", SkipVerify: s.TLSSkipVerify}.Config(env)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(s.Address)
	conf.ServerName = host
	return conf, err
}
