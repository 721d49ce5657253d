package notify

import (
	"context"
	"time"
)

const (
	// alarmLimit is the guide's default of queue_limit. It is a threshold here:
	// crossing it is said, and nothing is dropped.
	alarmLimit = 100_000
	// limitInterval is how often targets that have a backlog are looked at.
	limitInterval = 15 * time.Second
)

// limitOf is the number of waiting events above which a target raises an alarm.
func limitOf(c Configured) int64 {
	if c.Kind.Queue != nil && c.Settings != nil {
		if n := c.Kind.Queue(c.Settings).Limit; n > 0 {
			return int64(min(n, 1<<62)) //nolint:gosec // bounded
		}
	}
	return alarmLimit
}

// watchLimits logs, once for each crossing, that a backlog exceeds its limit.
func (d *Dispatcher) watchLimits(ctx context.Context) {
	over := make(map[string]bool)
	t := time.NewTicker(limitInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		for name, c := range d.snapshot() {
			if c.runner != nil && c.runner.idle() {
				delete(over, name)
				continue
			}
			d.watchLimit(ctx, over, name, c)
		}
	}
}

func (d *Dispatcher) watchLimit(ctx context.Context, over map[string]bool, name string, c *configured) {
	n, limit := d.backlogs.of(ctx, name).Entries, limitOf(c.Configured)
	switch {
	case n > limit && !over[name]:
		over[name] = true
		d.options.Logger.Warn("backlog exceeds queue_limit; no event is dropped", "target", name, "events", n, "limit", limit)
	case n < limit*4/5:
		// Well below, so that a backlog near the limit is said once.
		delete(over, name)
	}
}
