package notify

import (
	"context"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/journal"
)

const (
	// alarmLimit is the guide's default of queue_limit. Without an explicit one
	// it is a threshold: crossing it is said, and nothing is dropped.
	alarmLimit = 100_000
	// limitInterval is how often targets that have a backlog are looked at.
	limitInterval = 15 * time.Second
	// maxLimit keeps a limit within what is counted with.
	maxLimit = 1 << 62
)

// queueOf is what the operator says of a target's backlog.
func queueOf(c Configured) config.Queue {
	if c.Kind.Queue == nil || c.Settings == nil {
		return c.Queue
	}
	return c.Kind.Queue(c.Settings)
}

// outboxLimit is the bound of a target's outbox.
func outboxLimit(c Configured) journal.Limit {
	q := queueOf(c)
	return journal.Limit{
		Entries: int64(min(q.Limit, maxLimit)), //nolint:gosec // bounded
		Bytes:   int64(min(q.Bytes, maxLimit)), //nolint:gosec // bounded
		Refuse:  q.Refuse(),
	}
}

// alarmOf is the number of waiting events above which a target raises an alarm.
func alarmOf(c Configured) int64 {
	if n := outboxLimit(c).Entries; n > 0 {
		return n
	}
	return alarmLimit
}

// limits remembers what was said of backlogs, so that each change is said once.
type limits struct {
	mu sync.Mutex
	// full are the consumers that were said to be at their limit, alarmed those
	// that were said to be above the threshold.
	full, alarmed map[string]bool
	// news has a value when full may have to be said.
	news chan struct{}
	hits map[string]bool
}

func newLimits() limits {
	return limits{
		full: make(map[string]bool), alarmed: make(map[string]bool), hits: make(map[string]bool),
		news: make(chan struct{}, 1),
	}
}

// hit notes that an event was dropped or a mutation refused. It does not block.
func (l *limits) hit(consumer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full[consumer] || l.hits[consumer] {
		return
	}
	l.hits[consumer] = true
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// takeHits returns the consumers that are newly at their limit.
func (l *limits) takeHits() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for consumer := range l.hits {
		l.full[consumer] = true
		out = append(out, consumer)
	}
	clear(l.hits)
	return out
}

// watchLimits counts the outboxes, which have to be read once, and then says,
// once for each change, which are at their limit.
func (d *Dispatcher) watchLimits(ctx context.Context) {
	if err := d.options.Journal.CountAll(ctx); err != nil && ctx.Err() == nil {
		d.options.Logger.Error("backlogs could not be counted; their sizes are too small", "err", err)
	}
	t := time.NewTicker(limitInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.limits.news:
			d.sayFull()
		case <-t.C:
			for name, c := range d.snapshot() {
				d.watchLimit(ctx, name, c)
			}
		}
	}
}

func (d *Dispatcher) sayFull() {
	targets := d.snapshot()
	for _, consumer := range d.limits.takeHits() {
		c := targets[consumer]
		if c != nil && outboxLimit(c.Configured).Refuse {
			d.options.Logger.Error("backlog is full: writes whose events this target gets are refused", "target", consumer)
			continue
		}
		d.options.Logger.Error("backlog is full: the newest events are dropped and listed as gaps", "target", consumer)
	}
}

// watchLimit looks at one target.
func (d *Dispatcher) watchLimit(ctx context.Context, name string, c *configured) {
	b := d.backlog(ctx, name)
	if b.Entries > 0 && c.runner != nil && c.runner.idle() {
		// Nothing waits: what is left of the count is drift.
		if err := d.options.Journal.Count(ctx, name); err == nil {
			b = d.backlog(ctx, name)
		}
	}
	l := &d.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full[name] && !d.options.Journal.Full(name) {
		delete(l.full, name)
		d.options.Logger.Info("backlog is below its limit again", "target", name, "events", b.Entries)
	}
	alarm := alarmOf(c.Configured)
	switch {
	case outboxLimit(c.Configured).Entries > 0: // said when it is full
	case b.Entries > alarm && !l.alarmed[name]:
		l.alarmed[name] = true
		d.options.Logger.Warn("backlog is long; no event is dropped", "target", name, "events", b.Entries, "threshold", alarm)
	case b.Entries < alarm-alarm/5:
		// Well below, so that a backlog near the threshold is said once.
		delete(l.alarmed, name)
	}
}
