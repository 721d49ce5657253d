package notify

import (
	"context"
	"errors"
	"fmt"

	"github.com/carillon-s3/carillon/internal/event"
)

// Restart reads a target's outbox from its beginning again, for an operator who
// put events back into it. Events in memory are not lost; some may be delivered
// twice. ErrNotFound if the target does not run.
func (d *Dispatcher) Restart(ctx context.Context, id event.TargetID) error {
	d.mu.RLock()
	c := d.targets[id.String()]
	d.mu.RUnlock()
	if c == nil || c.runner == nil {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return d.Rewrite(ctx, id, func(context.Context) error { return nil })
}

// Rewrite stops a target's delivery, lets change rewrite what the journal holds
// for it, and starts delivery again, at the beginning of its outbox. So change
// meets no event that is in memory or being acknowledged. Sends under way finish
// first, for some seconds at most, and then are broken off and made again; some
// events may be delivered twice. change should take no longer than about a
// second: it also holds up changes of the configuration. A target that does not
// run, or is not configured, has nothing to stop. It returns change's error.
func (d *Dispatcher) Rewrite(ctx context.Context, id event.TargetID, change func(context.Context) error) error {
	d.applying.Lock()
	defer d.applying.Unlock()
	if d.closed {
		return errors.New("notify: dispatcher is closed")
	}
	name := id.String()
	d.mu.RLock()
	c := d.targets[name]
	d.mu.RUnlock()
	if c == nil || c.runner == nil {
		return change(ctx)
	}
	d.stopOne(ctx, c.runner)
	changed := change(ctx)
	next := &configured{Configured: c.Configured, since: c.since}
	// Whoever asked may be gone: delivery goes on all the same.
	r, err := startRunner(context.WithoutCancel(ctx), d.options, c.Configured, c.runner)
	if err != nil {
		next.Err = err
	} else {
		next.runner = r
	}
	d.set(name, next)
	d.publish()
	return errors.Join(changed, err)
}
