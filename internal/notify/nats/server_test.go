package nats_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/stan.go"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

const subject = "bucketevents"

// broker is the process of a server.
type broker interface {
	Kill()
	Start()
	Freeze()
	Thaw()
}

// server is what all harnesses share: a server, and a consumer with a connection
// of its own that outlives restarts.
type server struct {
	broker
	values   map[string]string
	consumer *natsgo.Conn
}

func (s *server) Values() map[string]string { return s.values }
func (s *server) Secrets() []string         { return []string{brokertest.Password, wrongPassword} }
func (s *server) Kill(*testing.T)           { s.broker.Kill() }
func (s *server) Freeze(*testing.T)         { s.broker.Freeze() }
func (s *server) Thaw(*testing.T)           { s.broker.Thaw() }

func (s *server) Leave() { s.consumer.Close() }

// Start returns when the consumer is there again.
func (s *server) Start(t *testing.T) {
	t.Helper()
	s.broker.Start()
	s.flush(t)
}

// flush returns when the consumer has what the server has for it.
func (s *server) flush(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(brokertest.Patience)
	for {
		err := s.consumer.FlushTimeout(time.Second)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the consumer does not reach the server: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // the pace of its own reconnecting
	}
}

// consume connects the consumer.
func consume(t testing.TB, address string, options ...natsgo.Option) *natsgo.Conn {
	t.Helper()
	nc, err := natsgo.Connect("nats://"+address, append(options,
		natsgo.MaxReconnects(-1), natsgo.ReconnectWait(10*time.Millisecond), natsgo.ReconnectJitter(0, 0),
		natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// reach are the settings and the consumer's options for a kind of
// authentication.
func reach(t *testing.T, n *brokertest.NATS, auth brokertest.NATSAuth) (map[string]string, []natsgo.Option) {
	t.Helper()
	values := map[string]string{"address": n.Address, "subject": subject}
	var options []natsgo.Option
	switch auth {
	case brokertest.NATSToken:
		values["token"] = brokertest.Password
		options = append(options, natsgo.Token(brokertest.Password))
	case brokertest.NATSUser, brokertest.NATSTLS, brokertest.NATSMutual, brokertest.NATSHandshakeFirst:
		values["username"], values["password"] = brokertest.Login, brokertest.Password
		options = append(options, natsgo.UserInfo(brokertest.Login, brokertest.Password))
	}
	switch auth {
	case brokertest.NATSHandshakeFirst:
		values["tls_handshake_first"] = "on"
		options = append(options, natsgo.TLSHandshakeFirst())
	case brokertest.NATSNKey:
		values["nkey_seed"] = n.Seed
		nkey, err := natsgo.NkeyOptionFromSeed(n.Seed)
		if err != nil {
			t.Fatal(err)
		}
		options = append(options, nkey)
	case brokertest.NATSCredentials:
		values["user_credentials"] = n.Credentials
		options = append(options, natsgo.UserCredentials(n.Credentials))
	}
	if n.Certs != nil {
		conf, err := n.Certs.ClientTLS()
		if err != nil {
			t.Fatal(err)
		}
		values["tls"], values["cert_authority"] = "on", n.Certs.CA
		options = append(options, natsgo.Secure(conf))
	}
	if auth == brokertest.NATSMutual {
		values["client_cert"], values["client_key"] = n.Certs.ClientCert, n.Certs.ClientKey
	}
	return values, options
}

// coreServer has a subscriber that keeps what it hears.
type coreServer struct {
	*server
	mu  sync.Mutex
	got []targettest.Received
}

func startCore(t *testing.T, auth brokertest.NATSAuth) *coreServer {
	t.Helper()
	n := brokertest.StartNATS(t, auth)
	values, options := reach(t, n, auth)
	s := &coreServer{server: &server{broker: n, values: values, consumer: consume(t, n.Address, options...)}}
	sub, err := s.consumer.Subscribe(subject, func(m *natsgo.Msg) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, targettest.Received{ID: m.Header.Get(natsgo.MsgIdHdr), Body: string(m.Data)})
	})
	if err == nil {
		err = sub.SetPendingLimits(-1, -1)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.flush(t)
	return s
}

func (s *coreServer) Received(t *testing.T) []targettest.Received {
	t.Helper()
	s.flush(t)
	done := make(chan struct{})
	if err := s.consumer.Barrier(func() { close(done) }); err != nil {
		t.Fatal(err)
	}
	<-done
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]targettest.Received(nil), s.got...)
}

// streamServer has a stream, which it reads message by message.
type streamServer struct {
	*server
	js     jetstream.JetStream
	stream jetstream.Stream
}

func startStream(t *testing.T, auth brokertest.NATSAuth, conf *jetstream.StreamConfig) *streamServer {
	t.Helper()
	n := brokertest.StartNATS(t, auth)
	values, options := reach(t, n, auth)
	values["jetstream"] = "on"
	s := &streamServer{server: &server{broker: n, values: values, consumer: consume(t, n.Address, options...)}}
	var err error
	if s.js, err = jetstream.New(s.consumer); err != nil {
		t.Fatal(err)
	}
	if conf != nil {
		if s.stream, err = s.js.CreateStream(t.Context(), *conf); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func events() *jetstream.StreamConfig {
	return &jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{subject}}
}

func (s *streamServer) Received(t *testing.T) []targettest.Received {
	t.Helper()
	info, err := s.stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []targettest.Received
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq && seq > 0; seq++ {
		m, err := s.stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, targettest.Received{ID: m.Header.Get(natsgo.MsgIdHdr), Body: string(m.Data)})
	}
	return got
}

// stanServer is a NATS Streaming server, read from its first message on.
type stanServer struct {
	*server
	cluster string
}

func startSTAN(t *testing.T) *stanServer {
	t.Helper()
	b := brokertest.StartSTAN(t)
	return &stanServer{cluster: b.Cluster, server: &server{
		broker: b,
		values: map[string]string{
			"address": b.Address, "subject": subject, "username": brokertest.Login, "password": brokertest.Password,
			"streaming_enable": "on", "streaming_cluster_id": b.Cluster, "streaming_async": "on", "streaming_max_pub_acks_in_flight": "10",
		},
		consumer: consume(t, b.Address, natsgo.UserInfo(brokertest.Login, brokertest.Password)),
	}}
}

// endMark begins a message that says where to stop reading.
const endMark = "end "

func (s *stanServer) Received(t *testing.T) []targettest.Received {
	t.Helper()
	s.flush(t)
	sc, err := stan.Connect(s.cluster, "reader-"+uuid.NewString(), stan.NatsConn(s.consumer))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sc.Close() }() // it was read
	end := fmt.Sprint(endMark, time.Now().UnixNano())
	if err := sc.Publish(subject, []byte(end)); err != nil {
		t.Fatal(err)
	}
	messages := make(chan string, 100)
	sub, err := sc.Subscribe(subject, func(m *stan.Msg) { messages <- string(m.Data) }, stan.DeliverAllAvailable())
	if err != nil {
		t.Fatal(err)
	}
	var got []targettest.Received
	for m := range messages {
		switch {
		case m == end:
			_ = sub.Unsubscribe() // the client leaves
			return got
		case !strings.HasPrefix(m, endMark):
			got = append(got, targettest.Received{Body: m})
		}
	}
	return nil
}
