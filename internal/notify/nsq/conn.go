package nsq

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	protocol "github.com/nsqio/go-nsq"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// maxFrame bounds an answer: those to IDENTIFY have some 400 bytes.
	maxFrame = 64 << 10
	// lastWords is how long the reason is waited for after nsqd closed its end
	// while it was written to.
	lastWords = time.Second
	ok        = "OK"
	heartbeat = "_heartbeat_"
)

// conn is a connection to nsqd on which one command at a time waits for its
// answer. It speaks the protocol (https://nsq.io/clients/tcp_protocol_spec.html)
// with the library's commands; the library's own producer dials where it likes,
// knows no contexts, and leaves goroutines to a server that does not answer.
type conn struct {
	net net.Conn
	r   *bufio.Reader
	w   *bufio.Writer
}

// dial connects and introduces this client, with TLS if conf is not nil.
func dial(ctx context.Context, env target.Env, address string, conf *tls.Config) (*conn, error) {
	raw, err := env.Dialer().DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c := newConn(raw)
	err = c.within(ctx, func() error {
		if _, err := c.w.Write(protocol.MagicV2); err != nil {
			return err
		}
		return c.introduce(ctx, env, conf)
	})
	if err != nil {
		c.close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	return c, nil
}

func newConn(raw net.Conn) *conn {
	return &conn{net: raw, r: bufio.NewReader(raw), w: bufio.NewWriterSize(raw, 64<<10)}
}

// features is what nsqd answers to IDENTIFY, as far as it matters.
type features struct {
	TLS  bool `json:"tls_v1"`
	Auth bool `json:"auth_required"`
}

func (c *conn) introduce(ctx context.Context, env target.Env, conf *tls.Config) error {
	hello, err := protocol.Identify(identity(env, conf != nil))
	if err != nil {
		return err
	}
	answer, err := c.ask(hello)
	if err != nil {
		return err
	}
	var got features
	if err := json.Unmarshal(answer, &got); err != nil {
		return errors.New("the server does not tell its features; is it an nsqd of version 0.2.20 or later?")
	}
	switch {
	case got.Auth:
		return errors.New("nsqd wants an AUTH secret, for which there is no setting")
	case conf == nil:
		return nil
	case !got.TLS:
		return errors.New("tls: nsqd does not offer it")
	}
	secure := tls.Client(c.net, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	*c = *newConn(secure)
	return c.expectOK()
}

// identity is the body of IDENTIFY. Heartbeats are off: nobody would answer them
// between two commands.
func identity(env target.Env, withTLS bool) map[string]any {
	name, err := os.Hostname()
	if err != nil {
		name = "carillon"
	}
	short, _, _ := strings.Cut(name, ".")
	agent := env.UserAgent
	if agent == "" {
		agent = "Carillon"
	}
	return map[string]any{
		"client_id": short, "hostname": name, "user_agent": agent,
		"feature_negotiation": true, "heartbeat_interval": -1, "tls_v1": withTLS,
	}
}

// publish sends bodies as one command.
func (c *conn) publish(ctx context.Context, topic string, bodies [][]byte) error {
	cmd := protocol.Publish(topic, bodies[0])
	if len(bodies) > 1 {
		var err error
		if cmd, err = protocol.MultiPublish(topic, bodies); err != nil {
			return err
		}
	}
	return c.within(ctx, func() error {
		answer, err := c.ask(cmd)
		if err == nil && string(answer) != ok {
			err = fmt.Errorf("nsqd answered %.100q", answer)
		}
		return err
	})
}

// within runs f, whose reads and writes end with ctx.
func (c *conn) within(ctx context.Context, f func() error) error {
	raw := c.net // f may put TLS over it
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	err := f()
	stop()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// ask writes cmd and reads the answer.
func (c *conn) ask(cmd *protocol.Command) ([]byte, error) {
	_, err := cmd.WriteTo(c.w)
	if err == nil {
		err = c.w.Flush()
	}
	if err == nil {
		return c.answer()
	}
	// nsqd answers to a command that is too large and closes, without reading it
	// to its end.
	_ = c.net.SetReadDeadline(time.Now().Add(lastWords))
	var told *refusal
	if _, why := c.answer(); errors.As(why, &told) {
		return nil, why
	}
	return nil, err
}

func (c *conn) expectOK() error {
	answer, err := c.answer()
	if err == nil && string(answer) != ok {
		err = fmt.Errorf("nsqd answered %.100q", answer)
	}
	return err
}

// answer reads the next frame that is not a heartbeat.
func (c *conn) answer() ([]byte, error) {
	for {
		kind, data, err := readFrame(c.r)
		switch {
		case err != nil:
			return nil, err
		case kind == protocol.FrameTypeError:
			return nil, judge(string(data))
		case kind != protocol.FrameTypeResponse:
			return nil, fmt.Errorf("nsqd sent a frame of type %d", kind)
		case string(data) != heartbeat:
			return data, nil
		}
	}
}

// readFrame reads a frame. The library would allocate as much as the other side
// says.
func readFrame(r *bufio.Reader) (kind int32, data []byte, err error) {
	size, err := r.Peek(4)
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer: %w", err)
	}
	if n := binary.BigEndian.Uint32(size); n > maxFrame {
		return 0, nil, fmt.Errorf("an answer of %d bytes; is it an nsqd?", n)
	}
	kind, data, err = protocol.ReadUnpackedResponse(r)
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer: %w", err)
	}
	return kind, data, nil
}

// refusal is an error that nsqd told.
type refusal struct{ text string }

func (e *refusal) Error() string { return fmt.Sprintf("nsqd: %.200q", e.text) }

// judge says what an error of nsqd means for the events. Of a batch, one that is
// too large takes the others along; delivery finds it by sending fewer.
func judge(text string) error {
	err := &refusal{text}
	code, _, _ := strings.Cut(text, " ")
	if code == "E_BAD_MESSAGE" || code == "E_BAD_BODY" {
		return target.Permanent(err)
	}
	return err
}

func (c *conn) close() { _ = c.net.Close() } // what was written is answered or lost
