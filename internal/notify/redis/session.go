package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// errHungUp is the failure of a command for which no connection stood.
var errHungUp = errors.New("the server closed the connection")

// hungUp stands for a connection that is no more. The library would log a
// failure to dial; that of a command it returns.
type hungUp struct{ net.Conn }

func (hungUp) Read([]byte) (int, error)         { return 0, errHungUp }
func (hungUp) Write([]byte) (int, error)        { return 0, errHungUp }
func (hungUp) SetDeadline(time.Time) error      { return errHungUp }
func (hungUp) SetReadDeadline(time.Time) error  { return errHungUp }
func (hungUp) SetWriteDeadline(time.Time) error { return errHungUp }

// session is one connection with the client that speaks over it.
type session struct {
	conn   net.Conn
	client *goredis.Client
}

// dial connects. The client library gets the finished connection, and never
// another: it would make that in a goroutine of its own, on a context that
// nobody ends.
func dial(ctx context.Context, st *store) (*session, error) {
	conn, err := st.env.Dialer().DialContext(ctx, "tcp", st.address)
	if err != nil {
		return nil, err
	}
	var given atomic.Bool
	client := goredis.NewClient(&goredis.Options{
		Addr:     st.address,
		Username: st.user,
		Password: st.password.Reveal(),
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			if given.Swap(true) {
				return hungUp{conn}, nil
			}
			return conn, nil
		},
		Protocol:                 2, // AUTH rather than HELLO: servers before 6 know no other
		DisableIdentity:          true,
		MaxRetries:               -1, // delivery's
		PoolSize:                 1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		// during ends reads and writes, at any end of the context.
		ReadTimeout:  -1,
		WriteTimeout: -1,
	})
	return &session{conn, client}, nil
}

// during runs f, and closes the connection under it when ctx ends.
func (s *session) during(ctx context.Context, f func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer stop()
	err := f()
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

func (s *session) close() {
	_ = s.conn.Close() // what matters was answered
	_ = s.client.Close()
}
