package mqtt

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// defaultKeepAlive is what MinIO's server takes where none is set.
	defaultKeepAlive = 10 * time.Second
	// maxKeepAlive and maxTopic are the most that their fields of the protocol
	// hold.
	maxKeepAlive = math.MaxUint16 * time.Second
	maxTopic     = math.MaxUint16
)

// Settings are the keys of notify_mqtt.
type Settings struct {
	config.Queue
	target.Form
	Broker            string
	Topic             string
	Password          config.Secret
	Username          string
	QoS               int
	KeepAlive         time.Duration
	ReconnectInterval time.Duration
	CertAuthority     string
	ClientCert        string
	ClientKey         string
}

// Fields declares the keys, in the order in which `mc admin config get` prints
// them.
func (s *Settings) Fields(f *config.FieldSet) {
	f.URL(&s.Broker, "broker", "MQTT server endpoint e.g. `tcp://localhost:1883`", config.Type("uri"),
		config.Required(), config.Schemes("tcp", "tls", "ssl", "tcps", "ws", "wss"))
	f.String(&s.Topic, "topic", "string", "name of the MQTT topic to publish", config.Required(), config.Check(topicName))
	f.Secret(&s.Password, "password", "MQTT password")
	f.String(&s.Username, "username", "string", "MQTT username")
	f.Int(&s.QoS, "qos", "set the quality of service priority, defaults to '0'", config.Default("0"), config.Range(0, 2))
	f.Duration(&s.KeepAlive, "keep_alive_interval", "keep-alive interval for MQTT connections in s,m,h,d; 0s is 10s", config.Default("0s"))
	f.Duration(&s.ReconnectInterval, "reconnect_interval",
		"accepted for configurations of MinIO; delivery itself says when to connect again", config.Default("0s"))
	s.DirField(f)
	s.LimitField(f)
	f.Path(&s.CertAuthority, "cert_authority", "file of CA certificates to trust for the broker, besides the server's own",
		config.Extension())
	f.Path(&s.ClientCert, "client_cert", "client certificate for mutual TLS", config.Extension())
	f.Path(&s.ClientKey, "client_key", "key of the client certificate", config.Extension())
	s.BoundFields(f)
	s.PayloadField(f)
}

// topicName checks a topic to publish to (MQTT 3.1.1, 4.7).
func topicName(topic string) error {
	switch {
	case strings.ContainsAny(topic, "+#"):
		return errors.New("the wildcards + and # are for subscribers")
	case strings.ContainsRune(topic, 0) || !utf8.ValidString(topic):
		return errors.New("it is not text that MQTT allows")
	case len(topic) > maxTopic:
		return fmt.Errorf("it has %d bytes, and MQTT allows %d", len(topic), maxTopic)
	}
	return nil
}

// Validate checks what one key alone cannot tell.
func (s *Settings) Validate() error {
	u, err := s.broker()
	errs := []error{err}
	if err == nil {
		if user, password := s.credentials(u); user == "" && password != "" {
			errs = append(errs, errors.New("username: MQTT has no password without a user name"))
		}
	}
	if s.KeepAlive > maxKeepAlive {
		errs = append(errs, fmt.Errorf("keep_alive_interval: MQTT allows %s at most", maxKeepAlive))
	}
	if (s.ClientCert == "") != (s.ClientKey == "") {
		errs = append(errs, errors.New("client_cert and client_key: both must be given, or neither"))
	}
	return errors.Join(errs...)
}

// broker parses the URL. Its errors do not show it: it may hold a password.
func (s *Settings) broker() (*url.URL, error) {
	u, err := url.Parse(s.Broker)
	if err != nil {
		return nil, errors.New("broker: not a URL")
	}
	if u.Hostname() == "" {
		return nil, errors.New("broker: the URL names no host")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	port := u.Port()
	if port == "" {
		port = map[string]string{"tcp": "1883", "ws": "80", "wss": "443"}[u.Scheme]
	}
	if port == "" {
		port = "8883" // the other schemes are all names for TLS
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, fmt.Errorf("broker: there is no port %s", port)
	}
	u.Host = net.JoinHostPort(u.Hostname(), port)
	return u, nil
}

// credentials are the user and password: those of the URL, if it has any.
func (s *Settings) credentials(u *url.URL) (user, password string) {
	if u.User == nil {
		return s.Username, s.Password.Reveal()
	}
	password, ok := u.User.Password()
	if !ok {
		password = s.Password.Reveal()
	}
	return u.User.Username(), password
}

// keepAlive is the longest silence on a connection, in whole seconds.
func (s *Settings) keepAlive() time.Duration {
	if s.KeepAlive == 0 {
		return defaultKeepAlive
	}
	return (s.KeepAlive + time.Second - 1).Truncate(time.Second)
}

// tls is the configuration for the schemes that mean TLS, else nil.
func (s *Settings) tls(u *url.URL, env target.Env) (*tls.Config, error) {
	if u.Scheme == "tcp" || u.Scheme == "ws" {
		return nil, nil
	}
	conf, err := target.ClientTLS{
		CAFile: s.CertAuthority, CAKey: "cert_authority",
		CertFile: s.ClientCert, KeyFile: s.ClientKey, CertKeys: "client_cert and client_key",
	}.Config(env)
	if err != nil {
		return nil, err
	}
	conf.ServerName = u.Hostname()
	return conf, nil
}
