package mqtt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// large are messages of which each is written by itself.
func large(n int) []target.Message {
	batch := messages(n)
	for i := range batch {
		batch[i].Body = append(batch[i].Body, bytes.Repeat([]byte(" "), bufferBytes)...)
	}
	return batch
}

// answerTo answers message id with a packet of this kind.
func answerTo(t *testing.T, c net.Conn, kind byte, id uint16) {
	t.Helper()
	packet := packets.NewControlPacket(kind)
	switch p := packet.(type) {
	case *packets.PubackPacket:
		p.MessageID = id
	case *packets.PubrecPacket:
		p.MessageID = id
	case *packets.PubcompPacket:
		p.MessageID = id
	}
	if err := packet.Write(c); err != nil {
		t.Errorf("answer %d: %v", id, err)
	}
}

// TestSlowBroker: answers are read while messages are written, so what a broker
// acknowledged before its time ran out is delivered. On a pipe nothing is
// written before the other side reads it.
func TestSlowBroker(t *testing.T) {
	t.Parallel()
	const sent = 6
	tests := map[string]struct {
		qos, done int
		broker    script
	}{
		"QoS 1, acknowledges two and reads no more": {1, 2, func(t *testing.T, c net.Conn) {
			for id := range uint16(2) {
				next[*packets.PublishPacket](t, c)
				answerTo(t, c, packets.Puback, id+1)
			}
		}},
		"QoS 1, acknowledges each before it reads the next": {1, sent, func(t *testing.T, c net.Conn) {
			for id := range uint16(sent) {
				next[*packets.PublishPacket](t, c)
				answerTo(t, c, packets.Puback, id+1)
			}
		}},
		"QoS 2, completes one and reads no more": {2, 1, func(t *testing.T, c net.Conn) {
			next[*packets.PublishPacket](t, c)
			answerTo(t, c, packets.Pubrec, 1)
			awaitRelease(t, c)
			answerTo(t, c, packets.Pubcomp, 1)
		}},
		"QoS 2, asks for a release twice": {2, 0, func(t *testing.T, c net.Conn) {
			for range sent {
				next[*packets.PublishPacket](t, c)
			}
			for range 2 * sent {
				answerTo(t, c, packets.Pubrec, 1)
			}
			awaitRelease(t, c)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := net.Pipe()
			ctx, cancel := context.WithTimeout(t.Context(), brokertest.Patience)
			defer cancel()
			context.AfterFunc(ctx, func() { _ = theirs.Close() })
			var broker sync.WaitGroup
			broker.Go(func() {
				tt.broker(t, theirs)
				_ = theirs.Close() // the script is over
			})
			s := newSession(ours, ours, time.Hour)
			done, err := s.publish(&Settings{Topic: "minio", QoS: tt.qos}, large(sent))
			broker.Wait()
			if done != tt.done || (err == nil) != (tt.done == sent) {
				t.Errorf("%d messages were delivered, want %d: %v", done, tt.done, err)
			}
		})
	}
}

// awaitRelease reads until a PUBREL.
func awaitRelease(t *testing.T, c net.Conn) {
	t.Helper()
	for {
		packet, err := packets.ReadPacket(c)
		if err != nil {
			t.Errorf("await PUBREL: %v", err)
			return
		}
		if _, ok := packet.(*packets.PubrelPacket); ok {
			return
		}
	}
}

// TestSlowLine: over a line that passes on a part of a batch before the time runs
// out, each Send delivers some, until all of it has arrived, in order.
func TestSlowLine(t *testing.T) {
	t.Parallel()
	const (
		// The batch is larger than what the buffers of two sockets hold.
		sent = 256
		// ofConnection are the bytes that pass over one connection.
		ofConnection = 4 << 20
		// sendFor is the time of a Send, and no bound of anything: there is another.
		sendFor = time.Second
	)
	h := newSubscriber(t, anonymous)
	url := slowLine(t, h.server.Open, ofConnection)
	tp := topicAt(t, url, func(s *Settings) { s.Topic = h.topic })
	all := large(sent)
	sends := 0
	for left, deadline := all, time.Now().Add(brokertest.Patience); len(left) > 0; sends++ {
		ctx, cancel := context.WithTimeout(t.Context(), sendFor)
		err := tp.Send(ctx, left)
		cancel()
		var some *target.BatchError
		switch {
		case err == nil:
			left = nil
		case errors.As(err, &some):
			left = left[len(left)-len(some.Failed):]
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d messages are left after %d attempts: %v", len(left), sent, sends, err)
		}
	}
	if sends < 2 {
		t.Error("the line was not slow")
	}
	var first []string // arrivals, without repetitions
	for _, got := range h.Received(t) {
		if !slices.Contains(first, got.Body) {
			first = append(first, got.Body)
		}
	}
	want := make([]string, sent)
	for i := range all {
		want[i] = string(all[i].Body)
	}
	if !slices.Equal(first, want) {
		t.Errorf("%d messages arrived, or in another order; want %d", len(first), sent)
	}
}

// slowLine passes on so many bytes of each connection to a broker, and then no
// more; answers all pass. It returns its URL.
func slowLine(t *testing.T, broker string, limit int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over, end := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", broker)
			if err != nil {
				t.Errorf("behind the line: %v", err)
				_ = client.Close() // it sees that nothing comes of it
				return
			}
			context.AfterFunc(over, func() { _, _ = client.Close(), server.Close() })
			all.Go(func() { _, _ = io.CopyN(server, client, limit) })
			all.Go(func() { _, _ = io.Copy(client, server) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // ends Accept
		end()
		all.Wait()
	})
	return "tcp://" + l.Addr().String()
}
