package amqp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// goodbye bounds the wait for the broker's answer to the closing of a
// connection.
const goodbye = time.Second

// session is a connection with one channel, used by one Send at a time. The
// exchange was declared on it. It is never mended: after any failure another
// takes its place.
type session struct {
	conn    net.Conn // below link
	link    *amqp091.Connection
	channel *amqp091.Channel
	// returned has room for all messages of a batch, so that the connection's
	// reader never waits for us.
	returned chan amqp091.Return
	// ended gets the reason why the channel or the connection ended.
	ended chan *amqp091.Error
	cut   atomic.Bool
}

// connect makes a session.
func (x *exchange) connect(ctx context.Context) (*session, error) {
	s := new(session)
	release := func() bool { return true }
	link, err := amqp091.DialConfig(x.settings.URL, amqp091.Config{
		TLSClientConfig: x.tls.Clone(), // the library writes the server's name into it
		Properties:      x.properties(),
		Dial: func(network, address string) (net.Conn, error) {
			conn, err := x.env.Dialer().DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			s.conn = conn
			release = s.guard(ctx)
			return conn, nil
		},
	})
	if s.link = link; err == nil {
		err = s.open(&x.settings)
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

// properties are what the broker shows of its clients.
func (x *exchange) properties() amqp091.Table {
	p := amqp091.NewConnectionProperties()
	p["connection_name"] = "carillon " + x.env.ID.String()
	if x.env.UserAgent != "" {
		p["product"] = x.env.UserAgent
		delete(p, "version")
	}
	return p
}

// guard cuts the connection when ctx ends, which is what gets the library out of
// any wait. The function that it returns ends that, and reports whether the
// connection is still whole.
func (s *session) guard(ctx context.Context) (release func() bool) {
	return context.AfterFunc(ctx, s.drop)
}

// open opens the channel and declares the exchange.
func (s *session) open(c *Settings) error {
	ch, err := s.link.Channel()
	if err != nil {
		return err
	}
	s.channel = ch
	s.returned = ch.NotifyReturn(make(chan amqp091.Return, maxBatch))
	s.ended = ch.NotifyClose(make(chan *amqp091.Error, 1))
	switch {
	case c.Exchange == "":
		// The default exchange cannot be declared: every broker has it.
	case c.ExchangeType == "":
		err = ch.ExchangeDeclarePassive(c.Exchange, "", false, false, false, false, nil)
	default:
		err = ch.ExchangeDeclare(c.Exchange, c.ExchangeType, c.Durable, c.AutoDeleted, c.Internal, c.NoWait, nil)
	}
	switch {
	case err != nil:
		return fmt.Errorf("declare the exchange: %w", err)
	case c.PublisherConfirms:
		return s.reason(ch.Confirm(false))
	}
	return s.reason(s.roundTrip())
}

// roundTrip returns when the broker has read all that was published before. The
// limit that it sets is one on consumers, and a session has none.
func (s *session) roundTrip() error { return s.channel.Qos(1, 0, false) }

// publish sends batch and waits for what becomes of it.
func (s *session) publish(ctx context.Context, c *Settings, batch []target.Message) error {
	defer s.guard(ctx)()
	confirms := make([]*amqp091.DeferredConfirmation, len(batch))
	var err error
	for i := range batch {
		confirms[i], err = s.channel.PublishWithDeferredConfirm(c.Exchange, c.RoutingKey, c.Mandatory, c.Immediate, message(c, &batch[i]))
		if err != nil {
			break
		}
	}
	var failed map[int]error
	if c.PublisherConfirms {
		failed = unconfirmed(ctx, confirms)
	} else {
		if err == nil {
			err = s.roundTrip()
		}
		if err != nil {
			return s.ending(ctx, err)
		}
	}
	if len(failed) > 0 && (err != nil || s.broken() || ctx.Err() != nil) {
		err = s.ending(ctx, err)
		if len(failed) == len(batch) || target.IsPermanent(err) {
			return err
		}
		for i := range failed {
			failed[i] = err
		}
	}
	failed = s.unroutable(batch, failed)
	if len(failed) > 0 {
		return &target.BatchError{Failed: failed}
	}
	return nil
}

var errNotTaken = errors.New("the broker did not take the message (basic.nack)")

// unconfirmed waits for all confirms and returns those that are none: nil for
// messages that were not published, and what the broker refused.
func unconfirmed(ctx context.Context, confirms []*amqp091.DeferredConfirmation) map[int]error {
	failed := make(map[int]error)
	for i, c := range confirms {
		if c == nil {
			failed[i] = errNotTaken
		} else if ok, err := c.WaitContext(ctx); err != nil || !ok {
			failed[i] = errNotTaken
		}
	}
	return failed
}

// message is the message of an event.
func message(c *Settings, m *target.Message) amqp091.Publishing {
	headers := amqp091.Table{"minio-bucket": m.Record.Bucket, "minio-event": m.Record.Name.String()}
	for _, a := range m.Attributes { // AMQP binding 1.0, 3.1.3, for whose application properties AMQP 0-9-1 has headers
		headers["cloudEvents:"+a.Name] = a.Value
	}
	return amqp091.Publishing{
		Headers:      headers,
		ContentType:  m.MediaType(),
		DeliveryMode: uint8(c.DeliveryMode), //nolint:gosec // 0 to 2
		MessageId:    m.ID,
		Body:         m.Body,
	}
}

// ending says why a batch was not published whole. A message that is too large
// took the others along.
func (s *session) ending(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		s.drop()
		return ctx.Err()
	}
	err = fmt.Errorf("publish: %w", s.reason(err))
	if tooLarge(err) {
		return target.Permanent(err)
	}
	return err
}

// unroutable adds the messages that the broker returned to those that failed.
// All returns are here: the broker returns a message before it confirms it.
func (s *session) unroutable(batch []target.Message, failed map[int]error) map[int]error {
	for {
		select {
		case r, ok := <-s.returned:
			if !ok {
				return failed
			}
			if failed == nil {
				failed = make(map[int]error)
			}
			for i := range batch {
				if batch[i].ID == r.MessageId {
					failed[i] = returned(r)
				}
			}
		default:
			return failed
		}
	}
}

func returned(r amqp091.Return) error {
	if r.ReplyCode == amqp091.NoConsumers {
		return fmt.Errorf("the broker returned the message: no queue of exchange %q has a consumer that takes it at once (%d %s)",
			r.Exchange, r.ReplyCode, r.ReplyText)
	}
	return fmt.Errorf("the broker returned the message: no queue is bound to exchange %q for routing key %q and its headers (%d %s)",
		r.Exchange, r.RoutingKey, r.ReplyCode, r.ReplyText)
}

// tooLarge reports whether the broker closed the channel for the size of a
// message.
func tooLarge(err error) bool {
	var e *amqp091.Error
	return errors.As(err, &e) && e.Server && e.Code == amqp091.PreconditionFailed && strings.Contains(e.Reason, "message size")
}

// reason replaces the library's word that a channel is closed by why it is.
func (s *session) reason(err error) error {
	if !s.broken() || (err != nil && !errors.Is(err, amqp091.ErrClosed)) {
		return err
	}
	if e := <-s.ended; e != nil { // closed with the channel at the latest
		return e
	}
	return amqp091.ErrClosed
}

// broken reports whether the session is of no more use.
func (s *session) broken() bool {
	return s.cut.Load() || s.channel == nil || s.channel.IsClosed() || s.link.IsClosed()
}

// drop cuts the connection. The library's goroutines end with it.
func (s *session) drop() {
	s.cut.Store(true)
	if s.conn != nil {
		_ = s.conn.Close() // nothing more is expected from it
	}
}

// close says goodbye to the broker, which may not answer.
func (s *session) close() {
	_ = s.link.CloseDeadline(time.Now().Add(goodbye)) // it is closed whatever the error
	s.drop()
}
