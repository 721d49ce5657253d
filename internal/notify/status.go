package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
)

// State is how a target is.
type State string

// States of a target.
const (
	// Online: it acknowledges, or could be connected to a moment ago.
	Online State = "online"
	// Offline: it is in trouble; its events wait.
	Offline State = "offline"
	// Misconfigured: its settings cannot be used; its events wait.
	Misconfigured State = "misconfigured"
	// Disabled: it is configured but switched off; its events wait.
	Disabled State = "disabled"
	// NotConfigured: events wait for it, but there is no such target.
	NotConfigured State = "not configured"
)

// Status tells of one target.
type Status struct {
	Target event.TargetID
	State  State
	// Since is when delivery last changed between working and not; zero if it is
	// not known.
	Since time.Time
	// Backlog is what is not acknowledged. For some seconds after the start it
	// can be too small, until everything is counted.
	Backlog journal.Backlog
	// OverLimit says that the backlog is at its limit, or above 100,000 where no
	// queue_limit is set. Full says that it is at its limit: the newest events
	// are dropped, or writes refused, as the operator chose.
	OverLimit, Full bool
	// Delivered and Failed count events acknowledged and attempts that failed,
	// since the target started.
	Delivered, Failed int64
	// Parked counts events set aside for good, BlockedKeys keys whose events
	// wait on their own.
	Parked      int64
	BlockedKeys int
	// Spool is how the spool in queue_dir is; nil if there is none.
	Spool *journal.SpoolStatus
	// Inherited tells of what a MinIO server left undelivered; zero for most.
	Inherited Inherited
	// LastError holds no secret. It is kept after the target is back.
	LastError     string
	LastErrorTime time.Time
}

// Status returns the state of all targets, and of consumers that have events
// but no target, ordered by type and id. Idle targets are checked, all at once
// and for two seconds at most.
func (d *Dispatcher) Status(ctx context.Context) ([]Status, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	consumers, err := d.options.Journal.Consumers(ctx)
	if err != nil {
		return nil, fmt.Errorf("status of targets: %w", err)
	}
	return d.statuses(ctx, consumers, func(r *runner) Status { return r.status(ctx) }), nil
}

// statuses returns the states of all targets and consumers, of those that run by
// what running says.
func (d *Dispatcher) statuses(ctx context.Context, consumers []string, running func(*runner) Status) []Status {
	targets := d.snapshot()
	var (
		mu  sync.Mutex
		out []Status
		wg  sync.WaitGroup
	)
	add := func(f func() Status) {
		wg.Go(func() {
			s := f()
			mu.Lock()
			defer mu.Unlock()
			out = append(out, s)
		})
	}
	kept := make(map[string]bool, len(targets))
	for name, c := range targets {
		kept[name] = true
		add(func() Status { return d.statusOf(ctx, name, c, running) })
	}
	for _, name := range consumers {
		id, err := event.ParseTargetID(name)
		if err != nil || kept[name] {
			// Other readers of the journal, such as replication, are no targets.
			continue
		}
		kept[name] = true
		add(func() Status {
			s := Status{Target: id, State: NotConfigured, Backlog: d.backlog(ctx, name), Parked: d.countParked(ctx, name)}
			d.addSpool(name, &s)
			return s
		})
	}
	wg.Wait()
	slices.SortFunc(out, func(a, b Status) int { return a.Target.Compare(b.Target) })
	return out
}

func (d *Dispatcher) statusOf(ctx context.Context, name string, c *configured, running func(*runner) Status) Status {
	if c.runner == nil {
		s := Status{
			Target: c.Target, State: Misconfigured, Since: c.since,
			Backlog: d.backlog(ctx, name), Parked: d.countParked(ctx, name),
		}
		if c.Disabled {
			s.State = Disabled
		} else if c.Err != nil {
			s.LastError, s.LastErrorTime = c.Err.Error(), c.since
		}
		d.addBounds(&s, name, c)
		return s
	}
	s := running(c.runner)
	s.Backlog = d.backlog(ctx, name)
	d.addBounds(&s, name, c)
	return s
}

// addBounds tells how full the backlog is, and of the spool.
func (d *Dispatcher) addBounds(s *Status, name string, c *configured) {
	d.addSpool(name, s)
	s.Full = d.options.Journal.Full(name)
	s.OverLimit = s.Full || s.Backlog.Entries > alarmOf(c.Configured)
}

// backlog is a consumer's. If the age of its oldest event cannot be read, that
// alone is left out: a backlog must not look empty because it is damaged.
func (d *Dispatcher) backlog(ctx context.Context, name string) journal.Backlog {
	b, _ := d.options.Journal.Backlog(ctx, name)
	return b
}

// addSpool tells how the consumer's spool is, if it has one.
func (d *Dispatcher) addSpool(name string, s *Status) {
	if spool, ok := d.options.Journal.SpoolStatus(name); ok {
		s.Spool = &spool
	}
}

// countParked counts the parked events of a target that does not run; if that
// takes longer than ctx, it is the last count.
func (d *Dispatcher) countParked(ctx context.Context, name string) int64 {
	n, err := d.options.Journal.CountParked(ctx, name)
	if err != nil {
		last, _ := d.parkedSeen.Load(name)
		n, _ = last.(int64)
		return n
	}
	d.parkedSeen.Store(name, n)
	return n
}

// status tells of the target without its backlog. An idle one is checked.
func (r *runner) status(ctx context.Context) Status {
	s, sure := r.known()
	if sure {
		return s
	}
	if err := r.checkNow(ctx); err != nil {
		s.State, s.LastError, s.LastErrorTime = Offline, reason(err), time.Now()
	}
	return s
}

// known is what delivery has shown of the target, without its backlog. sure says
// that a check would tell no more.
func (r *runner) known() (s Status, sure bool) {
	r.mu.Lock()
	h, openErr := r.health, r.openErr
	r.mu.Unlock()
	s = Status{
		Target: r.id, State: Online, Since: h.since,
		Delivered: r.delivered.Load(), Failed: r.failedSends.Load(),
		Parked: r.parked.Load(), BlockedKeys: int(r.blocked.n.Load()), Inherited: r.heritage.status(),
		LastError: h.lastErr, LastErrorTime: h.lastErrTime,
	}
	switch {
	case openErr != nil:
		s.State, s.LastError = Misconfigured, openErr.Error()
		return s, true
	case !r.healthy():
		s.State = Offline
		return s, true
	}
	return s, time.Since(h.lastSuccess) < checkFresh
}

// idle reports whether everything in the outbox is acknowledged, as far as the
// senders have seen.
func (r *runner) idle() bool {
	for _, s := range r.senders {
		if !s.quiet.Load() {
			return false
		}
	}
	return true
}

// Check tests the connection to a target, within two seconds. ErrNotFound if
// there is no such target; for a misconfigured one, the reason.
func (d *Dispatcher) Check(ctx context.Context, id event.TargetID) error {
	d.mu.RLock()
	c := d.targets[id.String()]
	d.mu.RUnlock()
	switch {
	case c == nil:
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	case c.runner != nil:
		return c.runner.checkNow(ctx)
	default:
		return c.Err
	}
}

// BlockedKeys lists the keys of a target whose events wait on their own,
// ordered by key. ErrNotFound if the target does not run.
func (d *Dispatcher) BlockedKeys(id event.TargetID) ([]journal.Blocked, error) {
	d.mu.RLock()
	c := d.targets[id.String()]
	d.mu.RUnlock()
	if c == nil || c.runner == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	list := c.runner.blocked.list()
	slices.SortFunc(list, func(a, b journal.Blocked) int { return strings.Compare(a.Key, b.Key) })
	return list, nil
}
