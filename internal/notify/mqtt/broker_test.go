package mqtt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// script is what a broker does with one connection, for what a real one does
// not do when told. Connections get the scripts in turn.
type script func(t *testing.T, c net.Conn)

// brokerOf starts a broker and returns its URL.
func brokerOf(t *testing.T, scripts ...script) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Who connects once more is refused, and does not wait for an answer.
		defer func() { _ = l.Close() }()
		for _, s := range scripts {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s(t, c)
			_ = c.Close() // the script is over
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // ends Accept
		<-done
	})
	return "tcp://" + l.Addr().String()
}

// next reads a packet of type P; nil when the connection has ended.
func next[P packets.ControlPacket](t *testing.T, c net.Conn) (p P) {
	t.Helper()
	packet, err := packets.ReadPacket(c)
	if err != nil {
		return p
	}
	p, ok := packet.(P)
	if !ok {
		t.Errorf("the broker got %s, want a %T", packet, p)
	}
	return p
}

// accept answers CONNECT with a code, if the version is one it knows.
func accept(t *testing.T, c net.Conn, level, code byte) bool {
	t.Helper()
	hello := next[*packets.ConnectPacket](t, c)
	if hello == nil {
		return false
	}
	if n := len(hello.ClientIdentifier); n == 0 || n > 23 || !hello.CleanSession {
		t.Errorf("CONNECT as %q, clean %t", hello.ClientIdentifier, hello.CleanSession)
	}
	ack := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
	if ack.ReturnCode = code; hello.ProtocolVersion != level {
		ack.ReturnCode = packets.ErrRefusedBadProtocolVersion
	}
	return ack.Write(c) == nil && ack.ReturnCode == packets.Accepted
}

// acknowledge takes n messages and acknowledges those with these identifiers.
func acknowledge(n int, ids ...uint16) script {
	return func(t *testing.T, c net.Conn) {
		if !accept(t, c, version311.level, packets.Accepted) {
			return
		}
		for range n {
			next[*packets.PublishPacket](t, c)
		}
		for _, id := range ids {
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = id
			_ = ack.Write(c) // the test sees what arrives
		}
	}
}

func topicAt(t *testing.T, url string, edit func(*Settings)) *topic {
	t.Helper()
	s := &Settings{Broker: url, Topic: "minio", QoS: 1}
	if edit != nil {
		edit(s)
	}
	tp, err := open(s, target.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tp.Close() })
	return tp
}

func messages(n int) []target.Message {
	batch := make([]target.Message, n)
	for i := range batch {
		batch[i] = target.Message{ID: fmt.Sprint(i), Key: "b/k", Body: fmt.Appendf(nil, `{"n":%d}`, i)}
	}
	return batch
}

func TestVersions(t *testing.T) {
	t.Parallel()
	refuse := func(code byte) script {
		return func(t *testing.T, c net.Conn) { accept(t, c, version311.level, code) }
	}
	old := func(t *testing.T, c net.Conn) {
		if accept(t, c, version31.level, packets.Accepted) {
			next[*packets.PublishPacket](t, c)
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = 1
			_ = ack.Write(c) // the test sees what arrives
		}
	}
	hangUp := func(t *testing.T, c net.Conn) { next[*packets.ConnectPacket](t, c) }
	tests := map[string]struct {
		scripts []script
		want    string // part of the error; empty: delivered
	}{
		"3.1.1":                    {[]script{acknowledge(1, 1)}, ""},
		"3.1, saying so":           {[]script{old, old}, ""},
		"3.1, hanging up":          {[]script{hangUp, old}, ""},
		"hanging up always":        {[]script{hangUp, hangUp}, "the broker ended the connection"},
		"identifier":               {[]script{refuse(packets.ErrRefusedIDRejected)}, "refused the connection: identifier rejected"},
		"wrong password":           {[]script{refuse(packets.ErrRefusedBadUsernameOrPassword)}, "refused the connection: bad user name or password"},
		"not authorised":           {[]script{refuse(packets.ErrRefusedNotAuthorised)}, "refused the connection: not Authorized"},
		"a code that is not known": {[]script{refuse(77)}, "refused the connection with code 77"},
		"no CONNACK": {[]script{func(t *testing.T, c net.Conn) {
			next[*packets.ConnectPacket](t, c)
			_ = packets.NewControlPacket(packets.Pingresp).Write(c) // the test sees what arrives
		}}, "answered CONNECT with"},
		"not MQTT": {[]script{func(_ *testing.T, c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") // the test sees what arrives
		}}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := topicAt(t, brokerOf(t, tt.scripts...), nil).Send(t.Context(), messages(1))
			switch {
			case name == "not MQTT":
				if err == nil {
					t.Error("it succeeded")
				}
			case tt.want == "" && err != nil:
				t.Errorf("send: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("send: %v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestAcknowledgedInPart: what is not acknowledged, and all after it, failed.
func TestAcknowledgedInPart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		acks []uint16
		done int
	}{
		"none":             {nil, 0},
		"some":             {[]uint16{1, 2}, 2},
		"twice":            {[]uint16{1, 1, 2, 1}, 2},
		"out of order":     {[]uint16{2, 1, 4}, 2},
		"not the first":    {[]uint16{2, 3, 4, 5}, 0},
		"an unknown":       {[]uint16{1, 9, 2, 3, 4, 5}, 1},
		"number zero":      {[]uint16{1, 0, 2, 3, 4, 5}, 1},
		"all, out of turn": {[]uint16{5, 4, 3, 2, 1}, 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := topicAt(t, brokerOf(t, acknowledge(5, tt.acks...)), nil).Send(t.Context(), messages(5))
			var some *target.BatchError
			switch {
			case tt.done == 5 && err != nil:
				t.Errorf("send: %v", err)
			case tt.done == 0 && (err == nil || errors.As(err, &some)):
				t.Errorf("send: %v, want an error for all", err)
			case tt.done == 0 || tt.done == 5:
				return
			case !errors.As(err, &some) || len(some.Failed) != 5-tt.done:
				t.Fatalf("send: %v, want %d members to fail", err, 5-tt.done)
			}
			for i := tt.done; i < 5; i++ {
				if some != nil && some.Failed[i] == nil {
					t.Errorf("message %d counts as delivered", i)
				}
			}
		})
	}
}

// TestPings: a connection that rests is kept alive, and one on which a ping gets
// no answer is given up.
func TestPings(t *testing.T) {
	t.Parallel()
	pinged, ended := make(chan struct{}), make(chan struct{})
	url := brokerOf(t, func(t *testing.T, c net.Conn) {
		acknowledge(1, 1)(t, c)
		for range 2 {
			next[*packets.PingreqPacket](t, c)
			_ = packets.NewControlPacket(packets.Pingresp).Write(c) // the test sees what arrives
		}
		close(pinged)
		next[*packets.PublishPacket](t, c)
		ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		ack.MessageID = 1
		_ = ack.Write(c) // the test sees what arrives
		next[*packets.PingreqPacket](t, c)
		if p := next[*packets.PublishPacket](t, c); p != nil {
			t.Error("a connection without an answer to a ping was used")
		}
		close(ended)
	}, acknowledge(1, 1))
	tp := topicAt(t, url, func(s *Settings) { s.KeepAlive = time.Second })
	if err := tp.Send(t.Context(), messages(1)); err != nil {
		t.Fatal(err)
	}
	<-pinged
	if err := tp.Send(t.Context(), messages(1)); err != nil {
		t.Fatalf("on the connection that rested: %v", err)
	}
	<-ended
	if err := tp.Send(t.Context(), messages(1)); err != nil {
		t.Errorf("after the connection was given up: %v", err)
	}
}

func TestContextEndsWhileTheBrokerIsSilent(t *testing.T) {
	t.Parallel()
	taken, over := make(chan struct{}), make(chan struct{})
	defer close(over)
	url := brokerOf(t, func(t *testing.T, c net.Conn) {
		acknowledge(2, 1)(t, c)
		close(taken)
		<-over
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-taken
		cancel(errors.New("enough"))
	}()
	err := topicAt(t, url, nil).Send(ctx, messages(2))
	if err == nil || !strings.Contains(err.Error(), "no answer from the broker: enough") {
		t.Errorf("send: %v", err)
	}
}
