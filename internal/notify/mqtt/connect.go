package mqtt

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/gorilla/websocket"
)

// version is a version of the protocol, as CONNECT names it.
type version struct {
	name  string
	level byte
}

var (
	version311 = version{"MQTT", 4}
	version31  = version{"MQIsdp", 3}
)

// clientIDBytes is the longest name of a client that every broker takes
// (MQTT 3.1.1, 3.1.3.1).
const clientIDBytes = 23

// connect makes a session, with the older protocol if the broker does not know
// the newer one: it then says so, or ends the connection without a word.
func (t *topic) connect(ctx context.Context) (*session, error) {
	s, err := t.greet(ctx, version311)
	if !errors.Is(err, packets.ErrorRefusedBadProtocolVersion) && !errors.Is(err, errHungUp) {
		return s, err
	}
	if s, older := t.greet(ctx, version31); older == nil {
		return s, nil
	}
	return nil, err
}

// errHungUp: the broker ended the connection instead of accepting us.
var errHungUp = errors.New("the broker ended the connection")

// greet connects and has the broker accept us.
func (t *topic) greet(ctx context.Context, v version) (*session, error) {
	conn, err := t.env.Dialer().DialContext(ctx, "tcp", t.broker.Host)
	if err != nil {
		return nil, err
	}
	conn = withQuickAck(conn)
	quiet := t.settings.keepAlive() * 3 / 4 // the broker must hear from us in time
	s := newSession(conn, conn, quiet)
	release := s.guard(ctx)
	stream, err := t.wrap(ctx, conn)
	if err == nil {
		s = newSession(conn, stream, quiet)
		err = s.handshake(t.hello(v))
	}
	if !release() {
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		s.drop()
		return nil, err
	}
	return s, nil
}

// wrap puts TLS and a websocket on top of a connection, as the scheme says.
func (t *topic) wrap(ctx context.Context, conn net.Conn) (io.ReadWriter, error) {
	if t.tls != nil {
		secure := tls.Client(conn, t.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		conn = secure
	}
	if t.broker.Scheme != "ws" && t.broker.Scheme != "wss" {
		return conn, nil
	}
	made := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	dialer := websocket.Dialer{NetDialContext: made, NetDialTLSContext: made, Subprotocols: []string{"mqtt"}}
	u := *t.broker
	u.User = nil
	ws, resp, err := dialer.DialContext(ctx, u.String(), nil)
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("websocket: the broker answered %s: %w", resp.Status, err)
		}
		return nil, fmt.Errorf("websocket: %w", err)
	}
	return &frames{conn: ws}, nil
}

// hello is the CONNECT packet. The session is clean: the broker keeps nothing of
// a publisher.
func (t *topic) hello(v version) *packets.ConnectPacket {
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion = v.name, v.level
	p.CleanSession = true
	p.ClientIdentifier = ("carillon" + rand.Text())[:clientIDBytes]
	p.Keepalive = uint16(t.settings.keepAlive() / time.Second) //nolint:gosec // up to maxKeepAlive
	p.UsernameFlag, p.Username = t.user != "", t.user
	p.PasswordFlag, p.Password = t.password != "", []byte(t.password)
	return p
}

// handshake sends CONNECT and reads the answer.
func (s *session) handshake(hello *packets.ConnectPacket) error {
	unsent := errors.Join(hello.Write(s.out), s.out.Flush())
	// Even if that failed there may be something to read: why TLS ended.
	packet, err := packets.ReadPacket(s.in)
	if err = errors.Join(unsent, err); errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%w: %w", errHungUp, err)
	} else if err != nil {
		return err
	}
	ack, ok := packet.(*packets.ConnackPacket)
	switch {
	case !ok:
		return fmt.Errorf("the broker answered CONNECT with a %T", packet)
	case ack.ReturnCode == packets.Accepted:
		return nil
	}
	if err := packets.ConnErrors[ack.ReturnCode]; err != nil {
		return fmt.Errorf("the broker refused the connection: %w", err)
	}
	return fmt.Errorf("the broker refused the connection with code %d", ack.ReturnCode)
}

// frames reads and writes a stream in the binary frames of a websocket. A frame
// may hold several packets, or part of one (MQTT 3.1.1, 6).
type frames struct {
	conn *websocket.Conn
	rest io.Reader // of the frame that is being read
}

func (f *frames) Read(p []byte) (int, error) {
	for {
		if f.rest == nil {
			var err error
			if _, f.rest, err = f.conn.NextReader(); err != nil {
				return 0, err
			}
		}
		n, err := f.rest.Read(p)
		if errors.Is(err, io.EOF) {
			f.rest, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (f *frames) Write(p []byte) (int, error) {
	if err := f.conn.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}
