package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWireLines are texts as a real client (mc, 2025-03-13) sent them after a
// user had typed a line of the bucket notification guide, or one like it.
func TestWireLines(t *testing.T) {
	t.Parallel()
	type values = map[string]string
	tests := map[string]struct {
		text, head string
		want       values
	}{
		"amqp": {
			"notify_amqp:1 exchange=bucketevents exchange_type=fanout mandatory=off no_wait=off url=amqp://myuser:mypassword@localhost:5672 auto_deleted=off delivery_mode=0 durable=off internal=off routing_key=bucketlogs",
			"notify_amqp:1",
			values{
				"exchange": "bucketevents", "exchange_type": "fanout", "mandatory": "off", "no_wait": "off",
				"url": "amqp://myuser:mypassword@localhost:5672", "auto_deleted": "off", "delivery_mode": "0", "durable": "off",
				"internal": "off", "routing_key": "bucketlogs",
			},
		},
		"mqtt": {
			"notify_mqtt:1 broker=tcp://localhost:1883 password= queue_dir= queue_limit=0 reconnect_interval=0s keep_alive_interval=0s qos=1 topic=minio username=",
			"notify_mqtt:1",
			values{
				"broker": "tcp://localhost:1883", "password": "", "queue_dir": "", "queue_limit": "0", "reconnect_interval": "0s",
				"keep_alive_interval": "0s", "qos": "1", "topic": "minio", "username": "",
			},
		},
		"elasticsearch": {
			"notify_elasticsearch:1 queue_limit=0 url=http://127.0.0.1:9200 format=namespace index=minio_events queue_dir= username= password=",
			"notify_elasticsearch:1",
			values{
				"queue_limit": "0", "url": "http://127.0.0.1:9200", "format": "namespace", "index": "minio_events", "queue_dir": "",
				"username": "", "password": "",
			},
		},
		"redis": {
			"notify_redis:1 address=127.0.0.1:6379 format=namespace key=bucketevents password=yoursecret queue_dir= queue_limit=0",
			"notify_redis:1",
			values{
				"address": "127.0.0.1:6379", "format": "namespace", "key": "bucketevents", "password": "yoursecret", "queue_dir": "", "queue_limit": "0",
			},
		},
		"nats": {
			"notify_nats:1 password=yoursecret streaming_max_pub_acks_in_flight=10 subject= address=0.0.0.0:4222 token= username=yourusername ping_interval=0 queue_limit=0 tls=off streaming_async=on queue_dir= streaming_cluster_id=test-cluster streaming_enable=on",
			"notify_nats:1",
			values{
				"password": "yoursecret", "streaming_max_pub_acks_in_flight": "10", "subject": "", "address": "0.0.0.0:4222", "token": "",
				"username": "yourusername", "ping_interval": "0", "queue_limit": "0", "tls": "off", "streaming_async": "on", "queue_dir": "",
				"streaming_cluster_id": "test-cluster", "streaming": "on",
			},
		},
		"postgres": {
			"notify_postgres:1 connection_string=host=localhost port=5432 dbname=minio_events user=postgres password=password sslmode=disable table=bucketevents format=namespace",
			"notify_postgres:1",
			values{
				"connection_string": "host=localhost port=5432 dbname=minio_events user=postgres password=password sslmode=disable",
				"table":             "bucketevents", "format": "namespace",
			},
		},
		"postgres, old keys": {
			"notify_postgres:name connection_string=host=hostname port=2832 username=psqluser password=psqlpass database=bucketevents",
			"notify_postgres:name",
			values{"connection_string": "host=hostname port=2832 username=psqluser password=psqlpass database=bucketevents"},
		},
		"mysql": {
			"notify_mysql:myinstance table=minio_images dsn_string=root:xxxx@tcp(172.17.0.1:3306)/miniodb",
			"notify_mysql:myinstance",
			values{"table": "minio_images", "dsn_string": "root:xxxx@tcp(172.17.0.1:3306)/miniodb"},
		},
		"kafka": {
			"notify_kafka:1 tls_skip_verify=off queue_dir= queue_limit=0 sasl=off sasl_password= sasl_username= tls_client_auth=0 tls=off client_tls_cert= client_tls_key= brokers=localhost:9092,localhost:9093 topic=bucketevents version=",
			"notify_kafka:1",
			values{
				"tls_skip_verify": "off", "queue_dir": "", "queue_limit": "0", "sasl": "off", "sasl_password": "", "sasl_username": "",
				"tls_client_auth": "0", "tls": "off", "client_tls_cert": "", "client_tls_key": "", "brokers": "localhost:9092,localhost:9093",
				"topic": "bucketevents", "version": "",
			},
		},
		"webhook": {
			"notify_webhook:1 queue_limit=0 endpoint=http://localhost:3000 queue_dir=",
			"notify_webhook:1",
			values{"queue_limit": "0", "endpoint": "http://localhost:3000", "queue_dir": ""},
		},
		"nsq": {
			"notify_nsq:1 nsqd_address=127.0.0.1:4150 queue_dir= queue_limit=0 tls=off tls_skip_verify=on topic=minio",
			"notify_nsq:1",
			values{
				"nsqd_address": "127.0.0.1:4150", "queue_dir": "", "queue_limit": "0", "tls": "off", "tls_skip_verify": "on", "topic": "minio",
			},
		},
		"quotes that reached us": {
			`notify_webhook:q endpoint="http://localhost:3000" comment="two words" auth_token=Bearer abc=`,
			"notify_webhook:q",
			values{"endpoint": "http://localhost:3000", "comment": "two words", "auth_token": "Bearer abc="},
		},
		"quotes in free text": {
			`notify_webhook:1 comment=say "hi" there endpoint=http://localhost:3000/x?a=b`,
			"notify_webhook:1",
			values{"comment": `say "hi" there`, "endpoint": "http://localhost:3000/x?a=b"},
		},
	}
	r := guideRegistry(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, errs := r.parseText(tt.text)
			if len(errs) > 0 || len(list) != 1 {
				t.Fatalf("%d assignments, errors %v", len(list), errs)
			}
			if diff := cmp.Diff(tt.want, list[0].values); diff != "" || list[0].head() != tt.head {
				t.Errorf("%s (-want +got):\n%s", list[0].head(), diff)
			}
		})
	}
}

func TestGrammar(t *testing.T) {
	t.Parallel()
	type values = map[string]string
	tests := map[string]struct {
		text string
		want values
	}{
		"default target":             {"notify_webhook endpoint=x", values{"endpoint": "x"}},
		"empty target is default":    {"notify_webhook: endpoint=x", values{"endpoint": "x"}},
		"tabs and many spaces":       {"notify_webhook\t endpoint=x \t  queue_dir=/a ", values{"endpoint": "x", "queue_dir": "/a"}},
		"carriage return":            {"notify_webhook endpoint=x\r\n", values{"endpoint": "x"}},
		"known key inside a value":   {"notify_webhook queue_dir=/x/endpoint=1/y", values{"queue_dir": "/x/endpoint=1/y"}},
		"equals signs":               {"notify_webhook endpoint=http://h/?a=b&c==", values{"endpoint": "http://h/?a=b&c=="}},
		"words go on":                {"notify_redis key=bucket events address=h:1", values{"key": "bucket events", "address": "h:1"}},
		"list with a space":          {"notify_kafka brokers=a:1, b:2 topic=t", values{"brokers": "a:1, b:2", "topic": "t"}},
		"single quotes":              {"notify_redis key='a b' address=h", values{"key": "a b", "address": "h"}},
		"other quote inside":         {`notify_redis key='say "a" b'`, values{"key": `say "a" b`}},
		"quote in the middle":        {`notify_redis key=a"b`, values{"key": `a"b`}},
		"key inside quotes":          {`notify_redis key="a address=b"`, values{"key": "a address=b"}},
		"unquoted text, inner quote": {`notify_webhook comment=it's fine endpoint=x`, values{"comment": "it's fine", "endpoint": "x"}},
		"quoted free text with key":  {`notify_webhook comment="see endpoint=x" endpoint=y`, values{"comment": "see endpoint=x", "endpoint": "y"}},
		"free text, quotes inside":   {`notify_webhook comment="say "hi" there" endpoint=y`, values{"comment": `say "hi" there`, "endpoint": "y"}},
		"free text, quote not shut":  {`notify_webhook auth_token="Bearer x endpoint=y`, values{"auth_token": "Bearer x", "endpoint": "y"}},
		"free text that is empty":    {"notify_webhook auth_token= endpoint=y", values{"auth_token": "", "endpoint": "y"}},
		"free text, unknown words":   {"notify_webhook auth_token=a b=c endpoint=y", values{"auth_token": "a b=c", "endpoint": "y"}},
		"comment ends free text":     {"notify_postgres connection_string=host=h comment=c", values{"connection_string": "host=h", "comment": "c"}},
		"deprecated key by itself":   {"notify_postgres table=t host=h port=5", values{"table": "t", "host": "h", "port": "5"}},
		"one instance":               {"site region=eu name=here", values{"region": "eu", "name": "here"}},
	}
	r := guideRegistry(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, errs := r.parseText(tt.text)
			if len(errs) > 0 || len(list) != 1 {
				t.Fatalf("%d assignments, errors %v", len(list), errs)
			}
			if diff := cmp.Diff(tt.want, list[0].values); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if list[0].target != DefaultTarget {
				t.Errorf("target %q", list[0].target)
			}
		})
	}
}

func TestGrammarErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []string
	}{
		"unknown key":            {"notify_webhook endpoint=http://h/ bogus=1", []string{"bogus: unknown key"}},
		"unknown key, near":      {"notify_webhook endpoit=http://h/", []string{"endpoit: unknown key, did you mean endpoint?"}},
		"upper case":             {"notify_webhook ENABLE=off", []string{"ENABLE: unknown key, did you mean enable?"}},
		"its words are not told": {"notify_webhook tokn=a b c", []string{"tokn: unknown key"}},
		"given twice":            {"notify_webhook endpoint=a endpoint=b", []string{"endpoint: given twice"}},
		"key and alias":          {"notify_nats streaming=on streaming_enable=on", []string{"streaming: given twice"}},
		"no key":                 {"notify_webhook endpoint http://h/", []string{"there is text without a key; expected key=value, such as endpoint=value"}},
		"word after quotes":      {`notify_redis key="a" b`, []string{"there is text without a key; expected key=value"}},
		"word after nothing":     {"notify_redis key= b", []string{"there is text without a key; expected key=value"}},
		"open quote":             {`notify_redis key="a address=b`, []string{`key: the quote " is not closed`}},
		"unknown sub-system":     {"notify_webhok:1 a=b", []string{`unknown sub-system "notify_webhok", did you mean notify_webhook?`}},
		"far off":                {"subnet license=x", []string{`unknown sub-system "subnet"`}},
		"target not allowed":     {"site:x region=eu", []string{"site has one instance only and takes no :name"}},
		"colon in target":        {"notify_webhook:a:b endpoint=x", []string{`target "a:b": a name has no white space, colon, slash, quote or equals sign in it`}},
		"path in target":         {"notify_webhook:.. endpoint=x", []string{`target "..": a name has no white space, colon, slash, quote or equals sign in it`}},
		"long target":            {"notify_webhook:" + strings.Repeat("x", 129) + " endpoint=x", []string{"a target's name has at most 128 bytes"}},
		"control character":      {"notify_redis key=a\x00b", []string{"key: the value holds a control character"}},
		"not UTF-8":              {"notify_redis key=\xff", []string{"the text is not UTF-8"}},
		"all lines at once": {
			"notify_redis kee=1\n\n# comment\nnope x=1\nnotify_webhook bogus=1 endpoint=x\n",
			[]string{"kee: unknown key, did you mean key?", `line 4: unknown sub-system "nope"`, "line 5: bogus: unknown key"},
		},
	}
	r := guideRegistry(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, errs := r.parseText(tt.text)
			var got []string
			for _, err := range errs {
				got = append(got, err.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzParseText parses anything, and what it parses it prints and parses again
// to the same.
func FuzzParseText(f *testing.F) {
	r := guideRegistry(f)
	for _, line := range getLines {
		f.Add(line)
	}
	f.Add("notify_webhook:1 comment=\"say \"hi\" there\" endpoint='x y'\n# c\nnotify_nats:2 streaming_enable=on")
	f.Add("notify_postgres:1 connection_string=host=localhost port=5432 table=t")
	f.Add("notify_redis key=a, b address=\"\" user=' ")
	f.Fuzz(func(t *testing.T, text string) {
		list, errs := r.parseText(text)
		if len(errs) > 0 {
			return
		}
		for _, a := range list {
			line := a.head() + " "
			for key, value := range a.values {
				if strings.ContainsAny(value, `"'`) {
					return // without escapes, not all of these can be written
				}
				line += key + "=" + quote(value) + " "
			}
			again, errs := r.parseText(line)
			if len(errs) > 0 || len(again) != 1 {
				t.Fatalf("%q printed as %q: %v", text, line, errors.Join(errs...))
			}
			if diff := cmp.Diff(a.values, again[0].values); diff != "" {
				t.Fatalf("%q printed as %q (-want +got):\n%s", text, line, diff)
			}
		}
	})
}
