package nats

import (
	"context"
	"errors"
	"fmt"

	natsgo "github.com/nats-io/nats.go"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// core publishes without storage.
type core struct {
	*link
	subject string
}

// publish sends the batch and a ping behind it. The server handles a
// connection's lines in order, so the answer to the ping says that it has
// handled the events, and comes behind its complaints.
func (c *core) publish(ctx context.Context, batch []target.Message) (map[int]error, error) {
	stop := c.endsWith(ctx)
	defer stop()
	failed := make(map[int]error)
	for i := range batch {
		err := c.nc.PublishMsg(c.message(&batch[i]))
		switch {
		case errors.Is(err, natsgo.ErrMaxPayload):
			failed[i] = tooLarge(&batch[i], c.nc.MaxPayload())
		case err != nil:
			return nil, c.cause(err)
		}
	}
	if err := c.nc.FlushWithContext(ctx); err != nil {
		return nil, c.cause(err)
	}
	if err := c.nc.LastError(); err != nil {
		return nil, err // such as that this user may not publish on the subject
	}
	return failed, nil
}

func (c *core) message(m *target.Message) *natsgo.Msg {
	msg := &natsgo.Msg{Subject: c.subject, Data: m.Body}
	if c.nc.HeadersSupported() {
		msg.Header = natsgo.Header{natsgo.MsgIdHdr: {m.ID}}
	}
	return msg
}

// check asks for nothing more than the connection that stands.
func (c *core) check(ctx context.Context) error {
	stop := c.endsWith(ctx)
	defer stop()
	return c.nc.FlushWithContext(ctx)
}

// cause is why the connection was lost, if it was: that says more than what the
// library makes of it.
func (l *link) cause(err error) error {
	select {
	case <-l.lost:
		return l.err
	default:
		return err
	}
}

// tooLarge is for an event that no connection to this server will carry.
func tooLarge(m *target.Message, most int64) error {
	return target.Permanent(fmt.Errorf("the event has %d bytes, and the server takes messages of up to %d (max_payload)", len(m.Body), most))
}
