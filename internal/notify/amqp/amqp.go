// Package amqp publishes events to an exchange of an AMQP 0-9-1 broker, such as
// RabbitMQ.
//
//	mc admin config set ALIAS notify_amqp:1 url=amqp://user:password@localhost:5672 exchange=bucketevents exchange_type=fanout
//
// Each event is one message, {"EventName","Key","Records":[...]}, with the
// headers minio-bucket and minio-event and the event's id as its message id.
//
// Acknowledged means that the broker confirmed the message
// (https://www.rabbitmq.com/docs/confirms) and, with mandatory, did not return
// it for want of a queue. Without publisher_confirms it means that the broker
// has read it. The messages of a batch are published one behind the other, and
// then their confirms are awaited.
package amqp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// maxBatch is how many messages wait for their confirms at once. RabbitMQ
	// syncs once for many, so more of them cost little.
	maxBatch      = 1000
	maxBatchBytes = 4 << 20
	// senders is how many Sends, each over a connection of its own, may be under
	// way: the broker works on one connection's messages in one thread.
	senders = 2
	// timeout bounds one Send, connecting included.
	timeout = 30 * time.Second
)

// Kind is the AMQP kind of target.
func Kind() target.Kind {
	return target.New(target.Definition[Settings, *Settings]{
		Name:        "amqp",
		Description: "publish bucket notifications to AMQP endpoints",
		Traits: func(*Settings) target.Traits {
			return target.Traits{
				MaxBatch: maxBatch, MaxBatchBytes: maxBatchBytes, Senders: senders, Timeout: timeout, Body: target.Envelope,
			}
		},
		Open: func(s *Settings, env target.Env) (target.Target, error) { return open(s, env) },
	})
}

// exchange is an exchange of a broker.
type exchange struct {
	settings Settings
	tls      *tls.Config
	secrets  *strings.Replacer
	env      target.Env

	mu     sync.Mutex
	idle   []*session
	closed bool
}

var errClosed = errors.New("amqp: closed")

func open(s *Settings, env target.Env) (*exchange, error) {
	conf, err := s.tls(env)
	if err != nil {
		return nil, err
	}
	return &exchange{settings: *s, tls: conf, secrets: s.redactor(), env: env}, nil
}

// Send publishes batch and returns when the broker has said of each message
// what became of it.
func (x *exchange) Send(ctx context.Context, batch []target.Message) error {
	if len(batch) == 0 {
		return nil
	}
	s, err := x.take(ctx)
	if err != nil {
		return x.explain(ctx, err)
	}
	err = s.publish(ctx, &x.settings, batch)
	x.give(s)
	return x.explain(ctx, err)
}

// Check connects, has the exchange declared as a Send would, and publishes
// nothing. Whether a queue is bound only a message can tell.
func (x *exchange) Check(ctx context.Context) error {
	x.mu.Lock()
	closed := x.closed
	x.mu.Unlock()
	if closed {
		return errClosed
	}
	s, err := x.connect(ctx)
	if err != nil {
		return x.explain(ctx, err)
	}
	s.close()
	return nil
}

// take returns a session that nobody else uses until it is given back.
func (x *exchange) take(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		s, err := x.pop()
		switch {
		case err != nil:
			return nil, err
		case s == nil:
			return x.connect(ctx)
		case !s.broken():
			return s, nil
		}
		s.drop()
	}
}

// pop returns the session that was used last, or nil.
func (x *exchange) pop() (*session, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, errClosed
	}
	if len(x.idle) == 0 {
		return nil, nil
	}
	s := x.idle[len(x.idle)-1]
	x.idle = x.idle[:len(x.idle)-1]
	return s, nil
}

// give keeps a session for the next Send, if it is fit for one.
func (x *exchange) give(s *session) {
	if s.broken() {
		s.drop()
		return
	}
	x.mu.Lock()
	keep := !x.closed
	if keep {
		x.idle = append(x.idle, s)
	}
	x.mu.Unlock()
	if !keep {
		s.close()
	}
}

// Close closes the idle connections; Sends under way finish and close theirs.
func (x *exchange) Close() error {
	x.mu.Lock()
	idle := x.idle
	x.idle, x.closed = nil, true
	x.mu.Unlock()
	for _, s := range idle {
		s.close()
	}
	return nil
}

// explain makes an error fit to be shown: it tells what our timeout did to the
// connection from what the broker did, and holds no password.
func (x *exchange) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var some *target.BatchError
	if errors.As(err, &some) {
		for i, e := range some.Failed {
			some.Failed[i] = x.explain(ctx, e)
		}
		return some
	}
	if target.IsPermanent(err) {
		return err // the broker's own words, on the size of a message
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("no answer from the broker: %w", context.Cause(ctx))
	}
	if text := err.Error(); x.secrets.Replace(text) != text {
		return errors.New(x.secrets.Replace(text))
	}
	return err
}
