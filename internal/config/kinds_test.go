package config

import (
	"slices"
	"strings"
	"testing"
)

// listed is a sub-system made from the line that `config get` prints for it
// while nothing is set.
type listed struct {
	keys   []listedKey
	values map[string]*string
}

type listedKey struct {
	key, value string
	options    []Option
	secret     bool
}

func (l *listed) Fields(f *FieldSet) {
	l.values = make(map[string]*string)
	for _, k := range l.keys {
		p := new(string)
		l.values[k.key] = p
		opts := append(slices.Clone(k.options), Default(k.value))
		switch {
		case k.secret:
			f.Secret((*Secret)(p), k.key, k.key, opts...)
		case k.value == "off":
			f.Bool(new(bool), k.key, k.key, opts...)
		default:
			f.String(p, k.key, "string", k.key, opts...)
		}
	}
}

func (l *listed) Validate() error { return nil }

// getLines are what the guide's server prints while nothing is set, and so fix
// keys, order and defaults.
var getLines = []string{
	"notify_webhook enable=off endpoint= auth_token= queue_limit=0 queue_dir= client_cert= client_key= ",
	"notify_amqp enable=off url= exchange= exchange_type= routing_key= mandatory=off durable=off no_wait=off internal=off auto_deleted=off delivery_mode=0 publisher_confirms=off queue_limit=0 queue_dir= ",
	"notify_kafka enable=off topic= brokers= sasl_username= sasl_password= sasl_mechanism=plain client_tls_cert= client_tls_key= tls_client_auth=0 sasl=off tls=off tls_skip_verify=off queue_limit=0 queue_dir= version= batch_size=0 batch_commit_timeout=0s compression_codec= compression_level= ",
	"notify_mqtt enable=off broker= topic= password= username= qos=0 keep_alive_interval=0s reconnect_interval=0s queue_dir= queue_limit=0 ",
	"notify_nats enable=off address= subject= username= password= token= tls=off tls_skip_verify=off cert_authority= client_cert= client_key= ping_interval=0 jetstream=off streaming=off streaming_async=off streaming_max_pub_acks_in_flight=0 queue_dir= queue_limit=0 ",
	"notify_nsq enable=off nsqd_address= topic= tls=off tls_skip_verify=off queue_dir= queue_limit=0 ",
	"notify_mysql enable=off format=namespace dsn_string= table= queue_dir= queue_limit=0 max_open_connections=2 ",
	"notify_postgres enable=off format=namespace connection_string= table= queue_dir= queue_limit=0 max_open_connections=2 ",
	"notify_elasticsearch enable=off url= format=namespace index= queue_dir= queue_limit=0 username= password= ",
	"notify_redis enable=off format=namespace address= key= password= user= queue_dir= queue_limit=0 ",
}

// extraKeys are those that the lines do not show.
var extraKeys = map[string][]listedKey{
	"notify_nats":     {{key: "streaming_cluster_id", options: []Option{HiddenIfEmpty()}}},
	"notify_postgres": deprecatedKeys("connection_string", "host", "port", "username", "password", "database"),
	"notify_mysql":    deprecatedKeys("dsn_string", "host", "port", "username", "password", "database"),
}

func deprecatedKeys(instead string, keys ...string) []listedKey {
	var list []listedKey
	for _, key := range keys {
		list = append(list, listedKey{key: key, options: []Option{Deprecated(instead)}})
	}
	return list
}

// optionsOf are the options of some keys.
func optionsOf(key string) (opts []Option, secret bool) {
	switch key {
	case "auth_token", "password", "token", "sasl_password":
		secret = true
	}
	switch key {
	case "auth_token", "connection_string", "dsn_string":
		opts = append(opts, FreeText())
	case "streaming":
		opts = append(opts, Alias("streaming_enable"))
	case "publisher_confirms":
		opts = append(opts, EnvName("PUBLISHING_CONFIRMS"))
	case "endpoint", "address", "subject":
		opts = append(opts, Required())
	}
	return opts, secret
}

// guideRegistry has the ten kinds.
func guideRegistry(t testing.TB) *Registry {
	t.Helper()
	var subSystems []SubSystem
	for _, line := range getLines {
		words := strings.Fields(line)
		name := words[0]
		var keys []listedKey
		for _, word := range words[2:] { // enable is added by the package
			key, value, _ := strings.Cut(word, "=")
			opts, secret := optionsOf(key)
			keys = append(keys, listedKey{key: key, value: value, options: opts, secret: secret})
		}
		keys = append(keys, extraKeys[name]...)
		subSystems = append(subSystems, SubSystem{
			Name: name, Description: name, Multiple: true, New: func() Settings { return &listed{keys: keys} },
		})
	}
	subSystems = append(subSystems, SubSystem{Name: "site", AlwaysOn: true, New: func() Settings {
		return &listed{keys: []listedKey{{key: "region"}, {key: "name"}}}
	}})
	r, err := NewRegistry(subSystems)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
