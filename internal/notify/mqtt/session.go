package mqtt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// bufferBytes is how much is written at once: a batch of small messages
	// takes few system calls.
	bufferBytes = 64 << 10
	// pingTimeout bounds the answer to a ping, during which a Send has to wait.
	pingTimeout = 3 * time.Second
	// goodbye bounds the writing of DISCONNECT.
	goodbye = time.Second
)

// session is a connection on which the broker has accepted us, used by one Send
// at a time. It is never mended: after any failure another takes its place.
type session struct {
	conn net.Conn // below TLS and websocket
	in   *bufio.Reader
	out  *bufio.Writer
	cut  atomic.Bool

	// quiet is how long nothing may be sent before a ping.
	quiet time.Duration
	// mu is held by a ping; the fields below say whether there is to be one.
	mu      sync.Mutex
	resting bool
	timer   *time.Timer
}

func newSession(conn net.Conn, stream io.ReadWriter, quiet time.Duration) *session {
	return &session{
		conn: conn, in: bufio.NewReaderSize(stream, bufferBytes), out: bufio.NewWriterSize(stream, bufferBytes), quiet: quiet,
	}
}

// guard cuts the connection when ctx ends. The function that it returns ends
// that, and reports whether the connection is still whole.
func (s *session) guard(ctx context.Context) (release func() bool) {
	return context.AfterFunc(ctx, s.drop)
}

// publish sends batch and reads the answers. The first done messages are
// acknowledged; with an error, nothing is known of those after.
func (s *session) publish(c *Settings, batch []target.Message) (done int, err error) {
	for i := range batch {
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.Qos, p.TopicName, p.Payload = byte(c.QoS), c.Topic, batch[i].Body //nolint:gosec // 0 to 2
		p.MessageID = uint16(i + 1)                                         //nolint:gosec // up to maxBatch; free, as the batch before is answered
		if err := p.Write(s.out); err != nil {
			return 0, fmt.Errorf("publish: %w", err)
		}
	}
	if err := s.out.Flush(); err != nil {
		return 0, fmt.Errorf("publish: %w", err)
	}
	if c.QoS == 0 {
		return len(batch), nil
	}
	return s.answers(len(batch), c.QoS)
}

// answers reads the answers to messages 1 to n.
func (s *session) answers(n, qos int) (done int, err error) {
	acked := make([]bool, n+1)
	for done < n {
		id, final, err := s.answer(qos)
		switch {
		case err != nil:
			return done, fmt.Errorf("await the broker's answers: %w", err)
		case int(id) < 1 || int(id) > n:
			return done, fmt.Errorf("the broker answered for message %d, which there is not", id)
		}
		acked[id] = acked[id] || final
		for done < n && acked[done+1] {
			done++
		}
	}
	return done, nil
}

// answer reads one answer and takes the step that follows it. Final is the last
// answer to a message.
func (s *session) answer(qos int) (id uint16, final bool, err error) {
	if s.in.Buffered() == 0 {
		if err := s.out.Flush(); err != nil {
			return 0, false, err
		}
	}
	packet, err := packets.ReadPacket(s.in)
	if err != nil {
		return 0, false, err
	}
	switch p := packet.(type) {
	case *packets.PubackPacket:
		return p.MessageID, qos == 1, nil
	case *packets.PubrecPacket:
		release := packets.NewControlPacket(packets.Pubrel).(*packets.PubrelPacket)
		release.MessageID = p.MessageID
		return p.MessageID, false, release.Write(s.out)
	case *packets.PubcompPacket:
		return p.MessageID, qos == 2, nil
	}
	return 0, false, fmt.Errorf("unexpected %T", packet)
}

// rest keeps the connection alive until wake.
func (s *session) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting = true
	s.timer = time.AfterFunc(s.quiet, s.ping)
}

// wake ends a rest, and reports whether the connection survived it.
func (s *session) wake() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting = false
	s.timer.Stop()
	return !s.cut.Load()
}

// ping asks the broker for a sign of life, and drops the session without one.
func (s *session) ping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.resting {
		return
	}
	if err := s.pingOnce(); err != nil {
		s.drop() // the next Send connects, and tells of what fails
		return
	}
	s.timer.Reset(s.quiet)
}

func (s *session) pingOnce() error {
	if err := s.conn.SetDeadline(time.Now().Add(pingTimeout)); err != nil {
		return err
	}
	if err := errors.Join(packets.NewControlPacket(packets.Pingreq).Write(s.out), s.out.Flush()); err != nil {
		return err
	}
	packet, err := packets.ReadPacket(s.in)
	if err != nil {
		return err
	}
	if _, ok := packet.(*packets.PingrespPacket); !ok {
		return fmt.Errorf("unexpected %T", packet)
	}
	return s.conn.SetDeadline(time.Time{})
}

// drop cuts the connection.
func (s *session) drop() {
	s.cut.Store(true)
	_ = s.conn.Close() // nothing more is expected from it
}

// close says goodbye to the broker, which does not answer.
func (s *session) close() {
	if s.conn.SetDeadline(time.Now().Add(goodbye)) == nil && packets.NewControlPacket(packets.Disconnect).Write(s.out) == nil {
		_ = s.out.Flush() // closed whatever the error
	}
	s.drop()
}
