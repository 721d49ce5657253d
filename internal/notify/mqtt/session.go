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

// publish sends batch and reads the answers meanwhile: a broker so slow that its
// time runs out before it has read the batch still has what it acknowledged. The
// first done messages are; with an error, nothing is known of those after.
func (s *session) publish(c *Settings, batch []target.Message) (done int, err error) {
	if c.QoS == 0 {
		if err := s.write(c, batch, nil); err != nil {
			return 0, err
		}
		return len(batch), nil
	}
	releases := make(chan uint16, len(batch)) // holds one of each message, so that reading never waits
	written := make(chan error, 1)
	go func() { written <- s.write(c, batch, releases) }()
	// That ends with the connection, also if it is the writing that notices.
	done, err = s.answers(len(batch), c.QoS, releases)
	close(releases)
	if err != nil {
		s.drop() // the broker may not read
	}
	failed := <-written
	if err == nil && failed != nil {
		return 0, failed // the broker answered for what it did not get
	}
	return done, errors.Join(failed, err)
}

// write sends batch, and the releases of those messages that need one as they
// come, until there are no more.
func (s *session) write(c *Settings, batch []target.Message, releases <-chan uint16) error {
	for i := range batch {
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.Qos, p.TopicName, p.Payload = byte(c.QoS), c.Topic, batch[i].Body //nolint:gosec // 0 to 2
		p.MessageID = uint16(i + 1)                                         //nolint:gosec // up to maxBatch; free, as the batch before is answered
		if err := p.Write(s.out); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		for len(releases) > 0 {
			if err := s.release(<-releases); err != nil {
				return err
			}
		}
	}
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if releases == nil {
		return nil
	}
	for id := range releases {
		err := s.release(id)
		if err == nil && len(releases) == 0 {
			err = s.out.Flush()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// release has the broker forget the identifier of a message that it has (QoS 2).
func (s *session) release(id uint16) error {
	p := packets.NewControlPacket(packets.Pubrel).(*packets.PubrelPacket)
	p.MessageID = id
	return p.Write(s.out)
}

// answers reads the answers to messages 1 to n, and hands those that the broker
// waits to have released to releases, each once.
func (s *session) answers(n, qos int, releases chan<- uint16) (done int, err error) {
	acked, released := make([]bool, n+1), make([]bool, n+1)
	for done < n {
		id, final, err := s.answer(qos)
		switch {
		case err != nil:
			return done, fmt.Errorf("await the broker's answers: %w", err)
		case int(id) < 1 || int(id) > n:
			return done, fmt.Errorf("the broker answered for message %d, which there is not", id)
		case !final && qos == 2 && !released[id]:
			released[id] = true
			releases <- id
		}
		acked[id] = acked[id] || final
		for done < n && acked[done+1] {
			done++
		}
	}
	return done, nil
}

// answer reads one answer. Final is the last answer to a message.
func (s *session) answer(qos int) (id uint16, final bool, err error) {
	packet, err := packets.ReadPacket(s.in)
	if err != nil {
		return 0, false, err
	}
	switch p := packet.(type) {
	case *packets.PubackPacket:
		return p.MessageID, qos == 1, nil
	case *packets.PubrecPacket:
		return p.MessageID, false, nil
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
