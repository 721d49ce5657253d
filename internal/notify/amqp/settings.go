package amqp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// maxShortString is the length of names in AMQP 0-9-1, in bytes.
const maxShortString = 255

// Settings are the keys of notify_amqp.
type Settings struct {
	config.Queue
	target.Form
	URL               string
	Exchange          string
	ExchangeType      string
	RoutingKey        string
	Mandatory         bool
	Durable           bool
	NoWait            bool
	Internal          bool
	AutoDeleted       bool
	DeliveryMode      int
	PublisherConfirms bool
	Immediate         bool
}

// Fields declares the keys, in the order in which `mc admin config get` prints
// them.
func (s *Settings) Fields(f *config.FieldSet) {
	f.URL(&s.URL, "url", "AMQP server endpoint e.g. `amqp://myuser:mypassword@localhost:5672`",
		config.Required(), config.Schemes("amqp", "amqps"))
	f.String(&s.Exchange, "exchange", "string", "name of the AMQP exchange", config.Check(shortString))
	f.String(&s.ExchangeType, "exchange_type", "string", "AMQP exchange type", config.Check(shortString))
	f.String(&s.RoutingKey, "routing_key", "string", "routing key for publishing", config.Check(shortString))
	f.Bool(&s.Mandatory, "mandatory", "quietly ignore undelivered messages when set to 'off', default is 'on'", config.Default("on"))
	f.Bool(&s.Durable, "durable", "persist the exchange across broker restarts when set to 'on', default is 'off'")
	f.Bool(&s.NoWait, "no_wait", "do not wait for the broker's answer to the exchange's declaration when set to 'on', default is 'off'")
	f.Bool(&s.Internal, "internal",
		"set to 'on' for exchange to be not used directly by publishers, but only when bound to other exchanges")
	f.Bool(&s.AutoDeleted, "auto_deleted", "auto delete the exchange when set to 'on', when nothing is bound to it any more")
	f.Int(&s.DeliveryMode, "delivery_mode", "set to '1' for non-persistent or '2' for persistent messages",
		config.Default("0"), config.Range(0, int64(amqp091.Persistent)))
	f.Bool(&s.PublisherConfirms, "publisher_confirms", "wait until the broker confirms each message, default is 'on'",
		config.Default("on"), config.EnvName("PUBLISHING_CONFIRMS"))
	s.LimitField(f)
	s.DirField(f)
	f.Bool(&s.Immediate, "immediate",
		"have the broker return messages that no consumer takes at once; RabbitMQ refuses it since 3.0", config.HiddenIfEmpty())
	s.BoundFields(f)
	s.BinaryPayloadField(f)
}

func shortString(text string) error {
	if len(text) > maxShortString {
		return fmt.Errorf("it has %d bytes, and AMQP allows %d", len(text), maxShortString)
	}
	return nil
}

// Validate checks what one key alone cannot tell.
func (s *Settings) Validate() error {
	_, err := s.uri()
	if s.Exchange == "" && s.RoutingKey == "" {
		err = errors.Join(err, errors.New("exchange: a value is required, unless routing_key names a queue"))
	}
	return err
}

// uri parses the URL. Its errors do not show it: it may hold a password.
func (s *Settings) uri() (amqp091.URI, error) {
	uri, err := amqp091.ParseURI(s.URL)
	switch {
	case err != nil:
		return uri, errors.New("url: not an AMQP URL such as amqp://user:password@host:5672/vhost; " +
			"special characters of a password are written as %40 and the like")
	case uri.Port < 1 || uri.Port > math.MaxUint16:
		return uri, fmt.Errorf("url: there is no port %d", uri.Port)
	case (uri.CertFile == "") != (uri.KeyFile == ""):
		return uri, errors.New("url: certfile and keyfile: both must be given, or neither")
	}
	for _, m := range uri.AuthMechanism {
		switch strings.ToUpper(m) {
		case "PLAIN", "AMQPLAIN", "EXTERNAL":
		default:
			return uri, fmt.Errorf("url: auth_mechanism: %q is none of plain, amqplain and external", m)
		}
	}
	return uri, nil
}

// tls is the configuration for an amqps URL, whose parameters name the files, as
// https://www.rabbitmq.com/docs/uri-query-parameters has it.
func (s *Settings) tls(env target.Env) (*tls.Config, error) {
	uri, err := s.uri()
	if err != nil {
		return nil, err
	}
	conf, err := target.ClientTLS{
		CAFile: uri.CACertFile, CAKey: "url: cacertfile",
		CertFile: uri.CertFile, KeyFile: uri.KeyFile, CertKeys: "url: certfile and keyfile",
	}.Config(env)
	if err != nil {
		return nil, err
	}
	conf.ServerName = uri.ServerName
	return conf, nil
}

// redactor takes the password of the URL out of texts.
func (s *Settings) redactor() *strings.Replacer {
	u, err := url.Parse(s.URL)
	if err != nil {
		return strings.NewReplacer()
	}
	password, _ := u.User.Password()
	if password == "" {
		return strings.NewReplacer()
	}
	return strings.NewReplacer(password, "***", url.QueryEscape(password), "***")
}
