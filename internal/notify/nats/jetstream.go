package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// lookUpTimeout bounds the question which stream takes the subject. A user
	// who may only publish gets no answer to it.
	lookUpTimeout = 2 * time.Second
	// errCodeTooLarge is JetStream's error code for a message above the stream's
	// max_msg_size.
	errCodeTooLarge = 10054
)

// stream publishes into the stream that takes the subject.
type stream struct {
	*link
	js      jetstream.JetStream
	subject string
}

func newJetStream(l *link, subject string) (session, error) {
	js, err := jetstream.New(l.nc, jetstream.WithPublishAsyncMaxPending(maxBatch))
	if err != nil {
		l.close()
		return nil, err
	}
	return &stream{l, js, subject}, nil
}

// publish sends the whole batch and then waits for each acknowledgement, which
// says that the stream has the event, be it from an earlier attempt.
func (s *stream) publish(ctx context.Context, batch []target.Message) (map[int]error, error) {
	stop := s.endsWith(ctx)
	defer stop()
	failed := make(map[int]error)
	acks := make([]jetstream.PubAckFuture, len(batch))
	for i := range batch {
		m := &natsgo.Msg{Subject: s.subject, Data: batch[i].Body}
		var err error
		acks[i], err = s.js.PublishMsgAsync(m, jetstream.WithMsgID(batch[i].ID), jetstream.WithRetryAttempts(0))
		switch {
		case errors.Is(err, natsgo.ErrMaxPayload):
			failed[i] = tooLarge(&batch[i], s.nc.MaxPayload())
		case err != nil:
			return nil, s.cause(err)
		}
	}
	for i, ack := range acks {
		if failed[i] != nil {
			continue
		}
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			failed[i] = s.judge(err)
		case <-s.lost:
			return nil, s.err
		}
	}
	return failed, nil
}

// judge says what an error means for the event.
func (s *stream) judge(err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, natsgo.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return s.noStream()
	case errors.As(err, &api) && api.ErrorCode == errCodeTooLarge:
		return target.Permanent(fmt.Errorf("the stream refuses the event: %w", err))
	}
	return err
}

func (s *stream) noStream() error {
	return fmt.Errorf("no stream of JetStream takes the subject %q; it must be there before events are sent to it", s.subject)
}

// check looks for the stream.
func (s *stream) check(ctx context.Context) error {
	stop := s.endsWith(ctx)
	defer stop()
	asking, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	go func() { // ends with this function
		select {
		case <-s.lost: // also when the server says that this user may not ask
			cancel()
		case <-asking.Done():
		}
	}()
	_, err := s.js.StreamNameBySubject(asking, s.subject)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrNoStreamResponse):
		return s.noStream()
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, natsgo.ErrNoResponders):
		return fmt.Errorf("JetStream is not enabled there: %w", err)
	case err == nil:
		return nil
	}
	if errors.Is(s.nc.LastError(), natsgo.ErrPermissionViolation) {
		return nil // it may not ask; what it may publish shows when it does
	}
	return s.cause(err)
}
