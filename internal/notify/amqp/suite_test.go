package amqp

import (
	"crypto/rand"
	"maps"
	"net/url"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestMain(m *testing.M) { targettest.Main(m, Kind()) }

// TestSuite shares one RabbitMQ, which takes seconds to start, among its cases:
// each has an exchange and a queue of its own.
func TestSuite(t *testing.T) {
	server := brokertest.StartRabbitMQ(t)
	with := func(edits ...edit) func(*testing.T) targettest.Harness {
		return func(t *testing.T) targettest.Harness { return newExchange(t, server, edits...) }
	}
	targettest.Run(t, targettest.Suite{
		Kind:       Kind(),
		Env:        target.Env{UserAgent: "Carillon/test"},
		New:        with(),
		Bodies:     targettest.Bodies{Fits: brokertest.MaxMessage, Over: brokertest.MaxMessage + 1},
		OneProcess: true,
		Variants: []targettest.Variant{
			{Name: "without confirms", New: with(set("publisher_confirms", "off"))},
			{Name: "exchange that stands", New: with(set("exchange_type", ""))},
			{Name: "declared without waiting", New: with(set("no_wait", "on"))},
			{Name: "default exchange", New: with(toQueue)},
			{Name: "missing exchange", Case: targettest.Missing, New: with(set("exchange_type", ""), set("exchange", "nowhere")), WantErr: "no exchange 'nowhere'"},
			{Name: "exchange of another type", New: with(set("exchange_type", "fanout")), WantErr: "inequivalent arg 'type'"},
			{Name: "another type, not waited for", New: with(set("exchange_type", "fanout"), set("no_wait", "on")), WantErr: "inequivalent arg 'type'"},
			{Name: "unknown type", New: with(set("exchange_type", "heap"), set("exchange", "other")), WantErr: "invalid exchange type"},
			{Name: "internal exchange", New: with(set("internal", "on"), set("exchange", "inside")), WantErr: "internal exchange"},
			{Name: "no queue bound", New: with(set("routing_key", "elsewhere")), WantErr: "no queue is bound"},
			{Name: "no queue bound, without confirms", New: with(set("routing_key", "elsewhere"), set("publisher_confirms", "off")), WantErr: "no queue is bound"},
			{Name: "immediate", New: with(set("immediate", "on")), WantErr: "NOT_IMPLEMENTED - immediate=true"},
			{Name: "wrong password", Case: targettest.WrongCredentials, New: with(user(brokertest.Login, "wr0ng-s3cret")), WantErr: "username or password not allowed"},
			{Name: "missing vhost", New: with(vhost("nowhere")), WantErr: "vhost nowhere not found"},
			{Name: "TLS", Case: targettest.TLS, New: with(tlsTo(server, "cacertfile", server.Certs.CA))},
			{Name: "TLS by the server's roots", New: with(tlsTo(server)), WantErr: "certificate signed by unknown authority"},
			{Name: "TLS with another CA", Case: targettest.WrongCA, New: with(tlsTo(server, "cacertfile", server.Certs.OtherCA)), WantErr: "certificate signed by unknown authority"},
			{Name: "TLS for another name", New: with(tlsTo(server, "cacertfile", server.Certs.CA, "server_name_indication", "broker.example")), WantErr: "broker.example"},
			{Name: "client certificate", Case: targettest.ClientCertificate, New: with(user("", ""), tlsTo(server, "cacertfile", server.Certs.CA,
				"certfile", server.Certs.ClientCert, "keyfile", server.Certs.ClientKey, "auth_mechanism", "external"))},
			{Name: "without the client certificate", Case: targettest.NoClientCert, New: with(user("", ""), tlsTo(server, "cacertfile", server.Certs.CA,
				"auth_mechanism", "external")), WantErr: "username or password not allowed"},
		},
	})
}

// boundExchange is a durable exchange of a RabbitMQ with a durable queue.
type boundExchange struct {
	server        *brokertest.RabbitMQ
	queue, secret string
	values        map[string]string
	got           []targettest.Received
}

// edit changes the settings of a test.
type edit func(*boundExchange)

func set(key, value string) edit {
	return func(b *boundExchange) { b.values[key] = value }
}

func toQueue(b *boundExchange) {
	b.values["exchange"], b.values["exchange_type"], b.values["routing_key"] = "", "", b.queue
}

func changeURL(change func(*url.URL, *boundExchange)) edit {
	return func(b *boundExchange) {
		u, err := url.Parse(b.values["url"])
		if err != nil {
			panic(err) // made by newExchange
		}
		change(u, b)
		b.values["url"] = u.String()
	}
}

func user(name, password string) edit {
	return changeURL(func(u *url.URL, b *boundExchange) {
		u.User = nil
		if name != "" {
			u.User, b.secret = url.UserPassword(name, password), password
		}
	})
}

func vhost(name string) edit {
	return changeURL(func(u *url.URL, _ *boundExchange) { u.Path = "/" + name })
}

func tlsTo(server *brokertest.RabbitMQ, parameters ...string) edit {
	return changeURL(func(u *url.URL, _ *boundExchange) {
		u.Scheme, u.Host = "amqps", server.TLSAddress
		q := make(url.Values)
		for i := 0; i < len(parameters); i += 2 {
			q.Set(parameters[i], parameters[i+1])
		}
		u.RawQuery = q.Encode()
	})
}

// newExchange declares an exchange and a queue bound to it, as a consumer would.
func newExchange(t testing.TB, server *brokertest.RabbitMQ, edits ...edit) *boundExchange {
	t.Helper()
	name := "events " + rand.Text()
	b := &boundExchange{server: server, queue: name + " queue", secret: brokertest.Password, values: map[string]string{
		"url": consumerURL(server), "exchange": name, "exchange_type": "direct", "routing_key": "bucketlogs",
		"durable": "on", "delivery_mode": "2",
	}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(server.LogTail())
		}
	})
	b.consume(t, func(ch *amqp091.Channel) error {
		if err := ch.ExchangeDeclare(name, "direct", true, false, false, false, nil); err != nil {
			return err
		}
		if _, err := ch.QueueDeclare(b.queue, true, false, false, false, nil); err != nil {
			return err
		}
		return ch.QueueBind(b.queue, "bucketlogs", name, false, nil)
	})
	for _, e := range edits {
		e(b)
	}
	return b
}

func consumerURL(server *brokertest.RabbitMQ) string {
	return (&url.URL{Scheme: "amqp", User: url.UserPassword(brokertest.Login, brokertest.Password), Host: server.Address}).String()
}

// consume does something over a connection of its own.
func (b *boundExchange) consume(t testing.TB, do func(*amqp091.Channel) error) {
	t.Helper()
	conn, err := amqp091.Dial(consumerURL(b.server))
	if err != nil {
		t.Fatalf("consumer: %v", err)
	}
	defer func() { _ = conn.Close() }() // it has done its work
	ch, err := conn.Channel()
	if err == nil {
		err = do(ch)
	}
	if err != nil {
		t.Fatalf("consumer: %v", err)
	}
}

func (b *boundExchange) Values() map[string]string { return maps.Clone(b.values) }
func (b *boundExchange) Secrets() []string         { return []string{b.secret} }

// Received empties the queue: what was confirmed is in it.
func (b *boundExchange) Received(t *testing.T) []targettest.Received {
	t.Helper()
	b.consume(t, func(ch *amqp091.Channel) error {
		for {
			d, ok, err := ch.Get(b.queue, true)
			if err != nil || !ok {
				return err
			}
			b.got = append(b.got, targettest.Received{ID: d.MessageId, Body: string(d.Body)})
		}
	})
	return b.got
}

func (b *boundExchange) Kill(*testing.T)   { b.server.Kill() }
func (b *boundExchange) Start(*testing.T)  { b.server.Start() }
func (b *boundExchange) Freeze(*testing.T) { b.server.Freeze() }
func (b *boundExchange) Thaw(*testing.T)   { b.server.Thaw() }
