// Package redis keeps events in a Redis server: as a hash that mirrors the
// bucket (format=namespace), or as a list of all events (format=access).
//
//	mc admin config set ALIAS notify_redis:1 address=127.0.0.1:6379 format=namespace key=bucketevents
//
// A batch is one command, which Redis runs whole and alone, so it may hold
// several events of one key. Acknowledged means that Redis replied to it. What
// the reply is worth when Redis crashes is for its appendonly and appendfsync
// settings to say.
package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// maxBatch is how many events one command carries: enough that round trips
	// do not count, and few enough that Redis, which serves nobody else
	// meanwhile, is done in some milliseconds.
	maxBatch      = 256
	maxBatchBytes = 4 << 20
	// timeout bounds one command, connecting included.
	timeout = 10 * time.Second
)

// Kind is the Redis kind of target.
func Kind() target.Kind {
	return target.New(target.Definition[Settings, *Settings]{
		Name:        "redis",
		Description: "publish bucket notifications to Redis datastores",
		Traits: func(s *Settings) target.Traits {
			return target.Traits{
				MaxBatch: maxBatch, MaxBatchBytes: maxBatchBytes, Senders: 1, Ordered: true, Timeout: timeout,
				Body: target.Records, Mirror: s.Format == formatNamespace,
			}
		},
		Open: func(s *Settings, env target.Env) (target.Target, error) { return open(s, env), nil },
	})
}

// store is one key of a Redis server.
type store struct {
	address, user string
	password      config.Secret
	key           string
	env           target.Env
	// write sends a batch over a connection that stands.
	write func(context.Context, *session, []target.Message) error
	// redisType is what Redis calls the type of the key that write needs.
	redisType string

	mu     sync.Mutex
	kept   *session // nil while there is none
	closed bool
}

var errClosed = errors.New("redis: closed")

func open(s *Settings, env target.Env) *store {
	st := &store{address: s.Address, user: s.User, password: s.Password, key: s.Key, env: env}
	if s.Format == formatAccess {
		list := &accessList{key: s.Key, layout: s.AccessLayout}
		st.redisType, st.write = "list", list.push
	} else {
		mirror := newMirror(s.Key, env)
		st.redisType, st.write = "hash", mirror.apply
	}
	return st
}

// Send writes batch by one command.
func (st *store) Send(ctx context.Context, batch []target.Message) error {
	if len(batch) == 0 {
		return nil
	}
	s, err := st.session(ctx)
	if err != nil {
		return err
	}
	err = st.sendOver(ctx, s, batch)
	if errors.Is(err, errHungUp) {
		// The connection was closed between two Sends, as Redis does to those that
		// are idle for long. Nothing was sent over it.
		if s, err = st.session(ctx); err == nil {
			err = st.sendOver(ctx, s, batch)
		}
	}
	return err
}

// sendOver drops the session unless all went well: what a connection would
// answer next is not known after a failure.
func (st *store) sendOver(ctx context.Context, s *session, batch []target.Message) error {
	err := s.during(ctx, func() error { return st.write(ctx, s, batch) })
	if err != nil {
		st.drop(s)
		return st.clean(err)
	}
	return nil
}

// session returns the connection that is kept, or a new one.
func (st *store) session(ctx context.Context) (*session, error) {
	st.mu.Lock()
	s, closed := st.kept, st.closed
	st.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case s != nil:
		return s, nil
	}
	s, err := st.connect(ctx)
	if err != nil {
		return nil, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		s.close()
		return nil, errClosed
	}
	st.kept = s
	return s, nil
}

// connect opens a connection and looks at the key's type.
func (st *store) connect(ctx context.Context) (*session, error) {
	s, err := dial(ctx, st)
	if err != nil {
		return nil, st.clean(err)
	}
	if err := s.during(ctx, func() error { return st.checkType(ctx, s) }); err != nil {
		s.close()
		return nil, st.clean(err)
	}
	return s, nil
}

func (st *store) checkType(ctx context.Context, s *session) error {
	found, err := s.client.Type(ctx, st.key).Result()
	if err != nil {
		return err
	}
	if found != "none" && found != st.redisType {
		return fmt.Errorf("expected type %s does not match the type of key %q, which is %s", st.redisType, st.key, found)
	}
	return nil
}

// Check connects, authenticates, and looks at the type of the key.
func (st *store) Check(ctx context.Context) error {
	st.mu.Lock()
	closed := st.closed
	st.mu.Unlock()
	if closed {
		return errClosed
	}
	s, err := st.connect(ctx)
	if err != nil {
		return err
	}
	s.close()
	return nil
}

func (st *store) drop(s *session) {
	st.mu.Lock()
	defer st.mu.Unlock()
	s.close()
	if st.kept == s {
		st.kept = nil
	}
}

// Close closes the connection. A Send under way fails.
func (st *store) Close() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.closed = true
	if st.kept != nil {
		st.kept.close()
		st.kept = nil
	}
	return nil
}

// clean takes the password out of an error that a server wrote.
func (st *store) clean(err error) error {
	password := st.password.Reveal()
	if password == "" || !strings.Contains(err.Error(), password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), password, st.password.String()))
}
