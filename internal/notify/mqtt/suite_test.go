package mqtt

import (
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestMain(m *testing.M) { targettest.Main(m, Kind()) }

// TestSuiteTwice runs the suite with QoS 2.
func TestSuiteTwice(t *testing.T) {
	const likeOne = "the connection is that of qos=1"
	s := suite("qos=2", func(t *testing.T) targettest.Harness { return newSubscriber(t, set("qos", "2")) })
	for _, name := range []string{
		targettest.WrongCredentials, targettest.TLS, targettest.WrongCA, targettest.ClientCertificate, targettest.NoClientCert,
	} {
		s.Without[name] = likeOne
	}
	targettest.Run(t, s)
}

func TestSuite(t *testing.T) {
	with := func(edits ...edit) func(*testing.T) targettest.Harness {
		return func(t *testing.T) targettest.Harness { return newSubscriber(t, edits...) }
	}
	s := suite("qos=1", with())
	s.Variants = []targettest.Variant{
		{Name: "QoS 0", New: with(set("qos", "0"))},
		{Name: "no password asked for", New: with(anonymous)},
		{Name: "password in the URL", New: with(inURL)},
		{Name: "wrong password", Case: targettest.WrongCredentials, New: with(set("password", "wr0ng-s3cret")), WantErr: "not Authorized"},
		{Name: "no password", New: with(set("password", ""), set("username", "")), WantErr: "not Authorized"},
		{Name: "tls", Case: targettest.TLS, New: with(secure("tls"))},
		{Name: "ssl", New: with(secure("ssl"))},
		{Name: "tcps", New: with(secure("tcps"))},
		{Name: "TLS by the server's roots", New: with(secure("tls"), set("cert_authority", "")), WantErr: "certificate signed by unknown authority"},
		{Name: "TLS with another CA", Case: targettest.WrongCA, New: with(secure("tls"), otherCA), WantErr: "certificate signed by unknown authority"},
		{Name: "TLS with client certificate", Case: targettest.ClientCertificate, New: with(mutual)},
		{Name: "TLS without the client certificate", Case: targettest.NoClientCert, New: with(mutual, set("client_cert", ""), set("client_key", "")), WantErr: "certificate required"},
		{Name: "ws", New: with(websocketTo("ws"))},
		{Name: "wss", New: with(websocketTo("wss"))},
		{Name: "wss with another CA", New: with(websocketTo("wss"), otherCA), WantErr: "certificate signed by unknown authority"},
		{Name: "plain to TLS", New: with(plainToTLS), WantErr: "the broker ended the connection"},
		{Name: "TLS to plain", New: with(tlsToPlain), WantErr: "TLS: "},
	}
	targettest.Run(t, s)
}

// suite is what the suites of both qualities of service share.
func suite(name string, start func(*testing.T) targettest.Harness) targettest.Suite {
	return targettest.Suite{
		Kind: Kind(), Name: name, New: start,
		// Around a body there are the topic and the packet's identifier.
		Bodies: targettest.Bodies{Fits: brokertest.MaxMQTTPacket - 64, Over: brokertest.MaxMQTTPacket, Unsaid: true},
		Notes: map[string]string{
			targettest.OverLimit: "MQTT 3.1.1 has no answer for it, the broker hangs up: the event waits",
		},
		Without: map[string]string{targettest.Missing: "a topic is there by being published to"},
	}
}

// subscriber is a Mosquitto with a consumer that is there all the time, as
// nothing but the broker's memory keeps a message for those that are not.
type subscriber struct {
	server *brokertest.Mosquitto
	topic  string
	values map[string]string
	client paho.Client

	mu      sync.Mutex
	got     []targettest.Received
	markers map[string]chan struct{}
}

// edit changes the settings of a test.
type edit func(*subscriber)

func set(key, value string) edit { return func(s *subscriber) { s.values[key] = value } }

func anonymous(s *subscriber) {
	s.values["broker"] = "tcp://" + s.server.Open
	delete(s.values, "username")
	delete(s.values, "password")
}

func inURL(s *subscriber) {
	s.values["broker"] = "tcp://" + brokertest.Login + ":" + brokertest.Password + "@" + s.server.Auth
	delete(s.values, "username")
	delete(s.values, "password")
}

func secure(scheme string) edit {
	return func(s *subscriber) {
		s.values["broker"], s.values["cert_authority"] = scheme+"://"+s.server.TLS, s.server.Certs.CA
	}
}

func otherCA(s *subscriber) { s.values["cert_authority"] = s.server.Certs.OtherCA }

func mutual(s *subscriber) {
	secure("tls")(s)
	s.values["broker"] = "tls://" + s.server.Mutual
	s.values["client_cert"], s.values["client_key"] = s.server.Certs.ClientCert, s.server.Certs.ClientKey
}

func websocketTo(scheme string) edit {
	return func(s *subscriber) {
		address := map[string]string{"ws": s.server.WS, "wss": s.server.WSS}[scheme]
		s.values["broker"], s.values["cert_authority"] = scheme+"://"+address+"/mqtt", s.server.Certs.CA
	}
}

func plainToTLS(s *subscriber) { s.values["broker"] = "tcp://" + s.server.TLS }
func tlsToPlain(s *subscriber) { s.values["broker"] = "tls://" + s.server.Auth }

func newSubscriber(t *testing.T, edits ...edit) *subscriber {
	t.Helper()
	s := &subscriber{
		server: brokertest.StartMosquitto(t), topic: "bucket/" + rand.Text(), markers: make(map[string]chan struct{}),
	}
	s.values = map[string]string{
		"broker": "tcp://" + s.server.Auth, "topic": s.topic, "qos": "1", "username": brokertest.Login, "password": brokertest.Password,
	}
	for _, e := range edits {
		e(s)
	}
	s.subscribe(t)
	t.Cleanup(s.Leave)
	return s
}

// subscribe connects the consumer. With QoS 0 the broker passes a message on
// before it answers the publisher, and waits for nobody.
func (s *subscriber) subscribe(t *testing.T) {
	t.Helper()
	o := paho.NewClientOptions().AddBroker("tcp://" + s.server.Open).SetClientID("consumer").SetAutoReconnect(false)
	s.client = paho.NewClient(o)
	wait(t, "connect the consumer", s.client.Connect())
	wait(t, "subscribe", s.client.Subscribe(s.topic, 0, s.arrived))
	wait(t, "subscribe", s.client.Subscribe("marker/#", 0, s.arrived))
}

func wait(t *testing.T, what string, token paho.Token) {
	t.Helper()
	if !token.WaitTimeout(brokertest.Patience) {
		t.Fatalf("%s: no answer", what)
	}
	if err := token.Error(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func (s *subscriber) arrived(_ paho.Client, m paho.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen := s.markers[m.Topic()]; seen != nil {
		close(seen)
		delete(s.markers, m.Topic())
		return
	}
	s.got = append(s.got, targettest.Received{Body: string(m.Payload())})
}

func (s *subscriber) Values() map[string]string { return maps.Clone(s.values) }
func (s *subscriber) Secrets() []string         { return []string{brokertest.Password, "wr0ng-s3cret"} }

// Received waits for a message of its own: those that the broker took before it
// have then arrived.
func (s *subscriber) Received(t *testing.T) []targettest.Received {
	t.Helper()
	marker, seen := "marker/"+rand.Text(), make(chan struct{})
	s.mu.Lock()
	s.markers[marker] = seen
	s.mu.Unlock()
	wait(t, "publish a marker", s.client.Publish(marker, 0, false, "here"))
	select {
	case <-seen:
	case <-time.After(brokertest.Patience):
		t.Fatal("the consumer gets nothing any more")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *subscriber) Kill(*testing.T) { s.server.Kill() }

func (s *subscriber) Start(t *testing.T) {
	s.server.Start()
	s.Leave()
	s.subscribe(t)
}

// Leave ends the consumer.
func (s *subscriber) Leave() { s.client.Disconnect(0) }

func (s *subscriber) Freeze(*testing.T) { s.server.Freeze() }
func (s *subscriber) Thaw(*testing.T)   { s.server.Thaw() }
