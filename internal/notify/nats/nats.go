// Package nats publishes events on a subject of a NATS server: plainly (core
// NATS), into a stream of JetStream, or to a NATS Streaming server.
//
//	mc admin config set ALIAS notify_nats:1 address=127.0.0.1:4222 subject=bucketevents jetstream=on
//
// Acknowledged means that JetStream or NATS Streaming said that the event is
// stored. Core NATS stores nothing: there it means that the server has taken
// the event and handed it to the subscribers of that moment, as the answer to
// a ping sent behind it shows.
//
// JetStream and core NATS carry the event's id in the header Nats-Msg-Id, by
// which JetStream drops duplicates.
package nats

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// maxBatch is how many events wait for their acknowledgements at once.
	maxBatch      = 256
	maxBatchBytes = 4 << 20
	// timeout bounds one batch, connecting included.
	timeout = 10 * time.Second
)

// Kind is the NATS kind of target.
func Kind() target.Kind {
	return target.New(target.Definition[Settings, *Settings]{
		Name:        "nats",
		Description: "publish bucket notifications to NATS endpoints",
		Traits: func(*Settings) target.Traits {
			return target.Traits{MaxBatch: maxBatch, MaxBatchBytes: maxBatchBytes, Senders: 1, Timeout: timeout, Body: target.Envelope}
		},
		Open: func(s *Settings, env target.Env) (target.Target, error) { return open(s, env) },
	})
}

// session publishes over one connection.
type session interface {
	// publish returns those members that were not acknowledged, or one error for
	// all of them, after which the session is of no more use.
	publish(ctx context.Context, batch []target.Message) (failed map[int]error, err error)
	// check says whether the subject can be published on.
	check(ctx context.Context) error
	// broken is closed when the connection is lost.
	broken() <-chan struct{}
	close()
}

// subject is a subject of a NATS server.
type subject struct {
	connector
	secrets []string

	mu     sync.Mutex
	kept   session // nil while there is none
	closed bool
}

var errClosed = errors.New("nats: closed")

func open(s *Settings, env target.Env) (*subject, error) {
	c, err := newConnector(s, env)
	if err != nil {
		return nil, err
	}
	t := &subject{connector: *c}
	for _, secret := range []string{s.Password.Reveal(), s.Token.Reveal()} {
		if secret != "" {
			t.secrets = append(t.secrets, secret)
		}
	}
	return t, nil
}

// Send publishes batch and waits for all acknowledgements.
func (t *subject) Send(ctx context.Context, batch []target.Message) error {
	if len(batch) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s, err := t.session(ctx)
	if err != nil {
		return t.clean(err)
	}
	failed, err := s.publish(ctx, batch)
	switch {
	case err != nil:
		t.drop(s)
		return t.clean(err)
	case len(failed) > 0:
		return &target.BatchError{Failed: failed}
	}
	return nil
}

// session returns the connection that is kept, if it still stands, or a new
// one.
func (t *subject) session(ctx context.Context) (session, error) {
	t.mu.Lock()
	s, closed := t.kept, t.closed
	t.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	if s != nil {
		select {
		case <-s.broken():
			t.drop(s)
		default:
			return s, nil
		}
	}
	s, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		s.close()
		return nil, errClosed
	}
	t.kept = s
	return s, nil
}

// Check connects and authenticates. For JetStream a stream must take the
// subject, for NATS Streaming the cluster must answer.
func (t *subject) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	t.mu.Lock()
	closed := t.closed
	t.mu.Unlock()
	if closed {
		return errClosed
	}
	s, err := t.connect(ctx)
	if err != nil {
		return t.clean(err)
	}
	defer s.close()
	if err := s.check(ctx); err != nil {
		return t.clean(err)
	}
	return nil
}

func (t *subject) drop(s session) {
	t.mu.Lock()
	if t.kept == s {
		t.kept = nil
	}
	t.mu.Unlock()
	s.close()
}

// Close closes the connection. A Send under way fails.
func (t *subject) Close() error {
	t.mu.Lock()
	s := t.kept
	t.kept, t.closed = nil, true
	t.mu.Unlock()
	if s != nil {
		s.close()
	}
	return nil
}

// clean takes secrets out of an error that a server wrote.
func (t *subject) clean(err error) error {
	text := err.Error()
	for _, secret := range t.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
