// Package mqtt publishes events to a topic of an MQTT broker, in version 3.1.1
// of the protocol, or 3.1 where a broker knows no newer.
//
//	mc admin config set ALIAS notify_mqtt:1 broker=tcp://localhost:1883 topic=minio qos=1
//
// Each event is one message, {"EventName","Key","Records":[...]}.
//
// Acknowledged means PUBACK with qos=1 and PUBCOMP with qos=2. With qos=0, which
// no broker answers, it means that the message was handed to the connection. The
// messages of a batch are sent one behind the other, and the answers read as they
// come; a broker handles those of a connection in order, so that a batch may
// hold several events of one key.
//
// Packets and handshake are those of the Paho library. Its client is not used:
// it keeps, resends and reconnects on its own, and a call to it does not end
// with a context.
package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// maxBatch is how many messages wait for their answers at once. It must stay
	// below the number of packet identifiers, 65535.
	maxBatch      = 1000
	maxBatchBytes = 4 << 20
	// maxBatchTwice is the same for qos=2, where a broker has to remember each
	// message between its answers. Mosquitto ends the connection over more than
	// 20, others over fewer.
	maxBatchTwice = 10
	// timeout bounds one Send, connecting included.
	timeout = 30 * time.Second
)

// Kind is the MQTT kind of target.
func Kind() target.Kind {
	return target.New(target.Definition[Settings, *Settings]{
		Name:        "mqtt",
		Description: "publish bucket notifications to MQTT endpoints",
		Traits: func(s *Settings) target.Traits {
			return target.Traits{
				MaxBatch: s.maxBatch(), MaxBatchBytes: maxBatchBytes, Senders: 1, Ordered: true, Timeout: timeout, Body: target.Envelope,
			}
		},
		Open: func(s *Settings, env target.Env) (target.Target, error) { return open(s, env) },
	})
}

func (s *Settings) maxBatch() int {
	if s.QoS == 2 {
		return maxBatchTwice
	}
	return maxBatch
}

// topic is a topic of a broker.
type topic struct {
	settings       Settings
	broker         *url.URL
	user, password string
	tls            *tls.Config // nil without TLS
	secrets        *strings.Replacer
	env            target.Env

	mu     sync.Mutex
	kept   *session // nil while there is none or it is in use
	closed bool
}

var errClosed = errors.New("mqtt: closed")

func open(s *Settings, env target.Env) (*topic, error) {
	u, err := s.broker()
	if err != nil {
		return nil, err
	}
	conf, err := s.tls(u, env)
	if err != nil {
		return nil, err
	}
	t := &topic{settings: *s, broker: u, tls: conf, env: env, secrets: strings.NewReplacer()}
	if t.user, t.password = s.credentials(u); t.password != "" {
		t.secrets = strings.NewReplacer(t.password, "***", url.QueryEscape(t.password), "***")
	}
	return t, nil
}

// Send publishes batch and returns when the broker has answered for all of it.
func (t *topic) Send(ctx context.Context, batch []target.Message) error {
	if len(batch) == 0 {
		return nil
	}
	s, err := t.take(ctx)
	if err != nil {
		return t.explain(ctx, err)
	}
	release := s.guard(ctx)
	done, err := s.publish(&t.settings, batch)
	if !release() || err != nil {
		s.drop()
	} else {
		t.give(s)
	}
	if err == nil {
		return nil
	}
	err = t.explain(ctx, err)
	if done == 0 {
		return err
	}
	failed := make(map[int]error)
	for i := done; i < len(batch); i++ {
		failed[i] = err
	}
	return &target.BatchError{Failed: failed}
}

// Check connects and gives its name, and publishes nothing.
func (t *topic) Check(ctx context.Context) error {
	t.mu.Lock()
	closed := t.closed
	t.mu.Unlock()
	if closed {
		return errClosed
	}
	s, err := t.connect(ctx)
	if err != nil {
		return t.explain(ctx, err)
	}
	s.close()
	return nil
}

// take returns a session that nobody else uses until it is given back.
func (t *topic) take(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	s, closed := t.kept, t.closed
	t.kept = nil
	t.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case s == nil:
		return t.connect(ctx)
	case s.wake():
		return s, nil
	}
	s.drop()
	return t.connect(ctx)
}

// give keeps a session for the next Send.
func (t *topic) give(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.kept != nil {
		s.close()
		return
	}
	s.rest()
	t.kept = s
}

// Close closes the connection that is kept; a Send under way finishes and closes
// its own.
func (t *topic) Close() error {
	t.mu.Lock()
	s := t.kept
	t.kept, t.closed = nil, true
	t.mu.Unlock()
	if s != nil {
		s.wake()
		s.close()
	}
	return nil
}

// explain makes an error fit to be shown: it tells what our timeout did to the
// connection from what the broker did, and holds no password.
func (t *topic) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, errClosed) {
		return fmt.Errorf("no answer from the broker: %w", context.Cause(ctx))
	}
	if text := err.Error(); t.secrets.Replace(text) != text {
		return errors.New(t.secrets.Replace(text))
	}
	return err
}
