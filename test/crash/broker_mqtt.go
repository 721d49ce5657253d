package crash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/uuid"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// mqttTopic is where the events go.
const mqttTopic = "events"

// mqtt is a topic of Mosquitto, with a subscriber whose session lives through its
// outages. Mosquitto acknowledges a message before it has saved it, and forgets it
// if it is killed between the two, at times with the session. What it forgot is
// told by a record of the wire from what was lost.
func mqtt(t *testing.T) broker {
	t.Helper()
	server := brokertest.StartMosquitto(t)
	wire := startWire(t, server.Open)
	s := subscribe(t, server.Open)
	return broker{
		name: "mqtt", process: server.Process, arn: mqttARN, env: mqttEnv(wire.address),
		arrived: s.arrived, listens: s.listens, wire: wire,
		figures: func() string { return wire.figures() + ", " + s.figures() },
	}
}

// mqttRabbit is a topic of RabbitMQ, which acknowledges a message when the queue
// of the subscriber's session has it on disk: killed, it forgets nothing.
func mqttRabbit(t *testing.T) broker {
	t.Helper()
	server := brokertest.StartRabbitMQWithMQTT(t)
	s := subscribe(t, server.MQTT)
	return broker{
		name: "mqtt, RabbitMQ", process: server.Process, arn: mqttARN, env: mqttEnv(server.MQTT),
		arrived: s.arrived, figures: s.figures,
	}
}

const mqttARN = "arn:minio:sqs::1:mqtt"

func mqttEnv(address string) []string {
	return []string{
		"MINIO_NOTIFY_MQTT_ENABLE_1=on", "MINIO_NOTIFY_MQTT_BROKER_1=tcp://" + address,
		"MINIO_NOTIFY_MQTT_TOPIC_1=" + mqttTopic, "MINIO_NOTIFY_MQTT_QOS_1=1",
	}
}

// mqttSubscriber has a session that outlives its connections. It reads a
// connection to its end: libraries drop what they have read and not yet handed
// on when a broker is killed.
type mqttSubscriber struct {
	address string

	mu sync.Mutex
	// mark is the last message that came of those that listens sends.
	mark string
	got  []seen
	err  error
	// sessions are those that the broker had nothing of when the subscriber came,
	// of so many connections.
	sessions, connections int
}

// subscribe starts a subscriber that ends with the test, and waits for its
// session.
func subscribe(t *testing.T, address string) *mqttSubscriber {
	t.Helper()
	s := &mqttSubscriber{address: address}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	s.listens(t)
	return s
}

// markPrefix is what messages begin with that are no events.
const markPrefix = "mark "

// listens waits until a message that is published now reaches the subscriber.
func (s *mqttSubscriber) listens(t testing.TB) {
	t.Helper()
	mark := markPrefix + uuid.NewString()
	harness.Poll(t, "the subscription of the MQTT consumer", func() error {
		if err := s.publish(mark); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.mark != mark {
			return errors.New("a message has not come")
		}
		return nil
	})
}

// publish sends a message on a connection of its own, and does not wait. It has the
// quality of service of the events, so that it comes behind those before it.
func (s *mqttSubscriber) publish(body string) error {
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the message has left, or is sent again
	connect := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	connect.ProtocolName, connect.ProtocolVersion, connect.CleanSession = "MQTT", 4, true
	connect.ClientIdentifier = "marker"
	message := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	message.TopicName, message.Payload = mqttTopic, []byte(body)
	message.Qos, message.MessageID = 1, 1
	return errors.Join(connect.Write(conn), message.Write(conn), packets.NewControlPacket(packets.Disconnect).Write(conn))
}

// reconnectEvery is the pace of asking for a connection.
const reconnectEvery = 10 * time.Millisecond

// run has one connection after the other.
func (s *mqttSubscriber) run(ctx context.Context) {
	pace := time.NewTicker(reconnectEvery)
	defer pace.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
		if err == nil {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			s.converse(conn)
			stop()
			_ = conn.Close() // it was read to its end
		}
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
	}
}

// converse asks for the session and takes messages until the connection ends.
// Failing to write does not end it: what has come can still be read.
func (s *mqttSubscriber) converse(conn net.Conn) {
	connect := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	connect.ProtocolName, connect.ProtocolVersion = "MQTT", 4
	connect.ClientIdentifier = "subscriber"
	subscribe := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	subscribe.MessageID, subscribe.Topics, subscribe.Qoss = 1, []string{mqttTopic}, []byte{1}
	_ = connect.Write(conn)
	_ = subscribe.Write(conn)
	incoming := bufio.NewReader(conn)
	for {
		packet, err := packets.ReadPacket(incoming)
		if err != nil {
			return
		}
		switch p := packet.(type) {
		case *packets.ConnackPacket:
			s.welcomed(p)
		case *packets.PublishPacket:
			s.take(p.Payload)
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = p.MessageID
			_ = ack.Write(conn)
		}
	}
}

func (s *mqttSubscriber) welcomed(p *packets.ConnackPacket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.ReturnCode != packets.Accepted {
		s.err = fmt.Errorf("the subscriber is refused: %s", packets.ConnackReturnCodes[p.ReturnCode])
		return
	}
	s.connections++
	if !p.SessionPresent {
		s.sessions++
	}
}

// figures are for the report.
func (s *mqttSubscriber) figures() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%d connections of the subscriber, %d of them without a session", s.connections, s.sessions)
}

func (s *mqttSubscriber) take(body []byte) {
	if strings.HasPrefix(string(body), markPrefix) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.mark = string(body)
		return
	}
	e, err := parseEvent(body, "")
	if err != nil {
		s.fail(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, e)
}

func (s *mqttSubscriber) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *mqttSubscriber) arrived(testing.TB) ([]seen, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got), s.err
}
