package notify

import (
	"context"
	"errors"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// checkTimeout bounds a connection check: callers wait for all targets
	// together no longer than this.
	checkTimeout = 2 * time.Second
	// checkFresh is how long its result, or a delivery, speaks for a target.
	checkFresh = 2 * time.Second
)

// errNoAnswer: the check did not end in time.
var errNoAnswer = errors.New("no answer to a connection check within 2s")

// checkFlight is a connection check under way or done; callers share it.
type checkFlight struct {
	done  chan struct{}
	begun time.Time
	err   error // once done is closed
}

// checkNow tests the target's connection, or takes a result that is fresh. It
// returns within checkTimeout, also if the target's client does not.
func (r *runner) checkNow(ctx context.Context) error {
	r.mu.Lock()
	f := r.checked
	if f == nil || f.ended() && time.Since(f.begun) > checkFresh {
		if r.soft.Err() != nil {
			r.mu.Unlock()
			return r.soft.Err()
		}
		f = &checkFlight{done: make(chan struct{}), begun: time.Now()}
		r.checked = f
		r.checking.Go(func() {
			defer close(f.done)
			f.err = r.checkTarget()
		})
	}
	r.mu.Unlock()
	t := time.NewTimer(time.Until(f.begun.Add(checkTimeout)))
	defer t.Stop()
	select {
	case <-f.done:
		return f.err
	case <-t.C:
		return errNoAnswer
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *checkFlight) ended() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

func (r *runner) checkTarget() error {
	c, err := r.open()
	if err != nil {
		return err
	}
	checker, ok := c.target.(target.Checker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.soft, checkTimeout)
	defer cancel()
	return r.call(ctx, c, checker.Check)
}
