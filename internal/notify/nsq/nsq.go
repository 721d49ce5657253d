// Package nsq publishes events to a topic of an nsqd.
//
//	mc admin config set ALIAS notify_nsq:1 nsqd_address=127.0.0.1:4150 topic=minio
//
// Each event is one message, the JSON {"EventName","Key","Records":[...]}. NSQ's
// messages have no headers: Key and sequencer within are the event's id.
//
// Acknowledged means that nsqd answered OK: it has queued the message, on disk
// with --mem-queue-size=0 and in memory otherwise. E_BAD_MESSAGE and E_BAD_BODY,
// which nsqd answers to what is larger than its limits, refuse an event for good;
// everything else is nsqd's trouble.
//
// Several events go as one MPUB, which nsqd looks through before it queues any,
// and queues in order.
package nsq

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// maxBatch and maxBatchBytes bound one MPUB. nsqd takes 5 MiB
	// (--max-body-size) unless told otherwise, lengths included.
	maxBatch      = 500
	maxBatchBytes = 4 << 20
	// timeout bounds one Send: an nsqd that syncs every message to a slow disk
	// needs some seconds for a batch.
	timeout = 30 * time.Second
)

// Kind is the NSQ kind of target.
func Kind() target.Kind {
	return target.New(target.Definition[Settings, *Settings]{
		Name:        "nsq",
		Description: "publish bucket notifications to NSQ endpoints",
		Traits: func(*Settings) target.Traits {
			return target.Traits{
				MaxBatch: maxBatch, MaxBatchBytes: maxBatchBytes, Senders: 1, Ordered: true, Timeout: timeout, Body: target.Envelope,
			}
		},
		Open: func(s *Settings, env target.Env) (target.Target, error) { return open(s, env) },
	})
}

// publisher is a topic of an nsqd.
type publisher struct {
	address, topic string
	tls            *tls.Config // nil without TLS
	env            target.Env

	mu     sync.Mutex
	conn   *conn // nil while there is none
	closed bool
}

var errClosed = errors.New("nsq: closed")

func open(s *Settings, env target.Env) (*publisher, error) {
	conf, err := s.tls(env)
	if err != nil {
		return nil, err
	}
	return &publisher{address: s.Address, topic: s.Topic, tls: conf, env: env}, nil
}

// Send publishes batch in one command and waits for the answer. Either all of it
// is acknowledged or none.
func (p *publisher) Send(ctx context.Context, batch []target.Message) error {
	if len(batch) == 0 {
		return nil
	}
	bodies := make([][]byte, len(batch))
	for i := range batch {
		bodies[i] = batch[i].Body
	}
	c, err := p.connected(ctx)
	if err != nil {
		return err
	}
	if err := c.publish(ctx, p.topic, bodies); err != nil {
		p.drop(c)
		return err
	}
	return nil
}

// connected returns the connection, or makes one.
func (p *publisher) connected(ctx context.Context) (*conn, error) {
	c, err := p.opened()
	if c != nil || err != nil {
		return c, err
	}
	if c, err = dial(ctx, p.env, p.address, p.tls); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.close()
		return nil, errClosed
	}
	p.conn = c // the one sender does not dial twice
	return c, nil
}

// opened returns the connection, nil if there is none.
func (p *publisher) opened() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	return p.conn, nil
}

// drop closes c and has the next Send connect again.
func (p *publisher) drop(c *conn) {
	p.mu.Lock()
	if p.conn == c {
		p.conn = nil
	}
	p.mu.Unlock()
	c.close()
}

// Check introduces itself to nsqd on a connection of its own.
func (p *publisher) Check(ctx context.Context) error {
	if _, err := p.opened(); err != nil {
		return err
	}
	c, err := dial(ctx, p.env, p.address, p.tls)
	if err != nil {
		return err
	}
	c.close()
	return nil
}

// Close ends the connection. A Send under way fails.
func (p *publisher) Close() error {
	p.mu.Lock()
	c := p.conn
	p.conn, p.closed = nil, true
	p.mu.Unlock()
	if c != nil {
		c.close()
	}
	return nil
}
