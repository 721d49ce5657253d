package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/stan.go"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// leaveTimeout bounds the taking leave of a cluster.
const leaveTimeout = time.Second

// streaming publishes to a NATS Streaming server, whose makers have ended its
// support in 2023.
type streaming struct {
	*link
	sc      stan.Conn
	subject string
	// room is for the messages that may wait for their acknowledgement.
	room int
}

// newStreaming introduces a client to the cluster: under a new name each time,
// since the cluster takes a while to notice that the last one is gone.
func newStreaming(ctx context.Context, l *link, s *Settings) (session, error) {
	stop := l.endsWith(ctx)
	defer stop()
	room := s.MaxPubAcks
	if room == 0 {
		room = maxBatch
	}
	sc, err := stan.Connect(s.ClusterID, "carillon-"+uuid.NewString(), stan.NatsConn(l.nc),
		stan.ConnectWait(timeout/2), stan.PubAckWait(timeout), stan.MaxPubAcksInflight(room),
		stan.SetConnectionLostHandler(func(_ stan.Conn, err error) { l.fail(err) }))
	if err != nil {
		err = l.cause(err) // before there is another
		l.close()
		return nil, fmt.Errorf("cluster %q: %w", s.ClusterID, err)
	}
	return &streaming{l, sc, s.Subject, room}, nil
}

// publish sends the batch, with as many messages on their way as there is room
// for, and waits for each acknowledgement.
func (s *streaming) publish(ctx context.Context, batch []target.Message) (map[int]error, error) {
	stop := s.endsWith(ctx)
	defer stop()
	type answer struct {
		i   int
		err error
	}
	answers := make(chan answer, len(batch)) // so that a late one blocks nobody
	failed := make(map[int]error)
	take := func() error {
		select {
		case a := <-answers:
			if a.err != nil {
				failed[a.i] = a.err
			}
			return nil
		case <-s.lost:
			return s.err
		}
	}
	under := 0
	for i := range batch {
		if under == s.room {
			if err := take(); err != nil {
				return nil, err
			}
			under--
		}
		_, err := s.sc.PublishAsync(s.subject, batch[i].Body, func(_ string, err error) { answers <- answer{i, err} })
		switch {
		case errors.Is(err, natsgo.ErrMaxPayload):
			failed[i] = tooLarge(&batch[i], s.nc.MaxPayload())
		case err != nil:
			return nil, s.cause(err)
		default:
			under++
		}
	}
	for ; under > 0; under-- {
		if err := take(); err != nil {
			return nil, err
		}
	}
	return failed, nil
}

// check asks for nothing more: the cluster has answered.
func (s *streaming) check(context.Context) error { return nil }

// close takes leave of the cluster if the connection stands, but does not wait
// for long.
func (s *streaming) close() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	stop := s.endsWith(ctx)
	_ = s.sc.Close() // what matters was acknowledged
	stop()
	s.link.close()
}
