package notify

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// sendGrace is how long a Send may take to return after its context ended,
	// and again after its target was closed, before it is left behind.
	sendGrace = 2 * time.Second
	// maxAbandoned bounds the Sends of a target that were left behind: above it
	// nothing is sent until some return, so that a client library that hangs
	// for ever holds a few goroutines and no more.
	maxAbandoned = 8
	// defaultTimeout is for kinds that name none.
	defaultTimeout = 30 * time.Second
)

var (
	// errAborted: the Send was broken off because its client was dropped for
	// another one's timeout, because of new settings, or by the end of the runner.
	errAborted   = errors.New("send broken off")
	errAbandoned = errors.New("the target's client hangs and does not return; waiting for it")
)

// client is one opened target. A timeout or a new configuration replaces it.
type client struct {
	target target.Target
	traits target.Traits
	// users counts Sends and Checks under way. Once retired, the last of them
	// closes it.
	users   atomic.Int64
	retired atomic.Bool
	// broken is closed when those of a retired client are to be broken off.
	broken chan struct{}
	// dropped: it was closed, maybe with Sends under way.
	dropped atomic.Bool
}

// traitsOf returns a kind's traits with what it left out filled in.
func traitsOf(k target.Kind, s config.Settings) target.Traits {
	t := k.Traits(s)
	t.MaxBatch = max(t.MaxBatch, 1)
	t.Senders = min(max(t.Senders, 1), journal.Partitions)
	if t.Timeout <= 0 {
		t.Timeout = defaultTimeout
	}
	return t
}

// open returns the current client, opening it if there is none.
func (r *runner) open() (*client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil {
		return r.current, nil
	}
	if r.abandoned.Load() >= maxAbandoned {
		return nil, errAbandoned
	}
	t, err := r.kind.Open(r.settings, r.env)
	if err != nil {
		r.openErr = err
		return nil, fmt.Errorf("open: %w", err)
	}
	r.openErr = nil
	r.current = &client{target: t, traits: traitsOf(r.kind, r.settings), broken: make(chan struct{})}
	return r.current, nil
}

// send sends one batch. It returns within the kind's timeout and two graces,
// whatever the target does. What a destination answers after the settings have
// changed is believed only if it is an acknowledgement: it says nothing of the
// present one.
func (r *runner) send(b *batch) error {
	c, err := r.open()
	if err != nil {
		return err
	}
	if c.traits != b.traits {
		return fmt.Errorf("%w: the batch was made for other settings", errAborted)
	}
	ctx, cancel := context.WithTimeout(r.hard, c.traits.Timeout)
	defer cancel()
	err = r.call(ctx, c, func(ctx context.Context) error { return c.target.Send(ctx, b.msgs) })
	if err == nil {
		return nil
	}
	late := ctx.Err() != nil
	aborted := r.hard.Err() != nil || c.retired.Load() || !late && c.dropped.Load()
	if late {
		r.drop(c)
		err = fmt.Errorf("no answer within %s: %w", c.traits.Timeout, err)
	}
	if aborted {
		return fmt.Errorf("%w: %w", errAborted, err)
	}
	return err
}

// call runs f, which uses c, in a goroutine of its own, so that one that never
// returns holds nobody. When ctx has ended, or c is broken off, f is given a
// grace, then c is closed under it, and after another grace it is left behind.
func (r *runner) call(ctx context.Context, c *client, f func(context.Context) error) error {
	ctx, breakOff := context.WithCancelCause(ctx)
	defer breakOff(nil)
	c.users.Add(1)
	done := make(chan error, 1)
	go func() {
		done <- r.guarded(ctx, f)
		if c.users.Add(-1) == 0 && c.retired.Load() {
			r.drop(c)
		}
	}()
	select {
	case err := <-done:
		return err
	case <-c.broken:
		breakOff(errAborted)
	case <-ctx.Done():
	}
	if ok, err := within(done, sendGrace); ok {
		return err
	}
	r.drop(c)
	if ok, err := within(done, sendGrace); ok {
		return err
	}
	r.abandoned.Add(1)
	go func() {
		<-done //nolint:errcheck // nobody waits for it any more
		r.abandoned.Add(-1)
	}()
	return fmt.Errorf("client did not return: %w", context.Cause(ctx))
}

// guarded turns a panic in a client library into an error of its target: one
// target's defect must not end the server.
func (r *runner) guarded(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			// What was panicked with may hold a secret; the stack does not.
			r.log.Error("target panicked", "target", r.consumer, "stack", string(debug.Stack()))
			err = errors.New("the target's client panicked")
		}
	}()
	return f(ctx)
}

// within waits d for a call to be done. ok says that it is, and err is then its
// error.
func within(done <-chan error, d time.Duration) (ok bool, err error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case err := <-done:
		return true, err
	case <-t.C:
		return false, nil
	}
}

// drop closes c at once, whoever uses it, and has the next Send open another.
func (r *runner) drop(c *client) {
	r.mu.Lock()
	if r.current == c {
		r.current = nil
	}
	r.mu.Unlock()
	if !c.dropped.Swap(true) {
		r.closeTarget(c)
	}
}

// retire has the next Send open another client; c is closed once the Sends that
// use it are done. They are given applyDrain, then they are broken off: a
// destination that hangs must not hold up the one that follows it. It is not
// called once stop was.
func (r *runner) retire(c *client) {
	r.mu.Lock()
	if r.current == c {
		r.current = nil
	}
	r.mu.Unlock()
	if c.retired.Swap(true) {
		return
	}
	if c.users.Load() == 0 {
		r.drop(c)
		return
	}
	r.retiring.Go(func() {
		t := time.NewTimer(applyDrain)
		defer t.Stop()
		select {
		case <-t.C:
			close(c.broken)
		case <-r.hard.Done():
		}
	})
}

// closeTarget closes a target without waiting longer than a grace for it.
func (r *runner) closeTarget(c *client) {
	done := make(chan error, 1)
	go func() {
		done <- r.guarded(context.Background(), func(context.Context) error { return c.target.Close() })
	}()
	if ok, err := within(done, sendGrace); !ok || err != nil {
		r.log.Debug("target did not close cleanly", "target", r.consumer, "err", err)
	}
}
