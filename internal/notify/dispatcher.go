package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// applyDrain bounds how long a target that is taken out of the configuration
// may still finish its Sends.
const applyDrain = 5 * time.Second

// ErrNotFound says that there is no such target.
var ErrNotFound = errors.New("notify: no such target")

// Options are what a Dispatcher needs.
type Options struct {
	Journal Journal
	Encoder Encoder
	// Logger gets changes of state, once each. nil discards them.
	Logger *slog.Logger
	// Env is lent to each target, with its ID set.
	Env target.Env
	// Observe, if not nil, returns who is told of delivery to a target. It is
	// called each time the target is started.
	Observe func(event.TargetID) Observer
	// ParkBlockedAfter parks the events of a key that was blocked for longer; 0,
	// the default, never does.
	ParkBlockedAfter time.Duration
}

func (o Options) env(id event.TargetID) target.Env {
	env := o.Env
	env.ID = id
	return env
}

// Configured is one target as the configuration has it.
type Configured struct {
	Target   event.TargetID
	Kind     target.Kind
	Settings config.Settings
	// Err says why the settings cannot be used. Events of the target wait.
	Err error
	// Disabled targets keep their events too, but rules cannot name them.
	Disabled bool
	// Queue is what the operator says of the backlog, for a target that does not
	// run: without Settings.
	Queue config.Queue
}

// Dispatcher delivers events to all configured targets, each on its own. It is
// safe for concurrent use.
type Dispatcher struct {
	options   Options
	stopWatch func()
	end       context.CancelFunc
	monitor   sync.WaitGroup
	// parkedSeen has the last count of targets that do not run, by name.
	parkedSeen sync.Map

	// running is what WatchOutbox wakes, by consumer; read without a lock, since
	// that must not block.
	running atomic.Pointer[map[string]*runner]
	limits  limits

	applying sync.Mutex // held through Apply, Restart and Close
	closed   bool

	mu      sync.RWMutex // guards what follows
	targets map[string]*configured
}

// configured is a target with its runner; nil if it has none.
type configured struct {
	Configured
	runner *runner
	since  time.Time
}

// New returns a Dispatcher without targets. Apply gives it some.
func New(o Options) *Dispatcher {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	base, end := context.WithCancel(context.Background())
	d := &Dispatcher{
		options: o,
		end:     end,
		limits:  newLimits(),
		targets: make(map[string]*configured),
	}
	d.running.Store(new(map[string]*runner))
	d.stopWatch = o.Journal.WatchOutbox(d.outboxChanged)
	d.monitor.Go(func() { d.watchLimits(base) })
	return d
}

// outboxChanged wakes the target whose outbox grew. It does not block.
func (d *Dispatcher) outboxChanged(consumer string, partition uint16, what journal.Change) {
	if what != journal.Grew {
		d.limits.hit(consumer)
		d.observeLimit(consumer, what)
		return
	}
	if r := (*d.running.Load())[consumer]; r != nil {
		r.grew(partition)
	}
}

// Apply makes the given targets the ones that are delivered to, at once: it
// starts, changes and stops what differs, and leaves the others alone. No event
// is lost by it; one under way may be delivered again. It connects to nothing.
// It waits for the Sends of targets that are gone, for some seconds at most. An
// error of the journal concerns the targets that it names; Apply can be called
// again.
func (d *Dispatcher) Apply(ctx context.Context, targets []Configured) error {
	d.applying.Lock()
	defer d.applying.Unlock()
	if d.closed {
		return errors.New("notify: dispatcher is closed")
	}
	want := make(map[string]Configured, len(targets))
	for _, c := range targets {
		want[c.Target.String()] = c
	}
	d.stopGone(ctx, want)
	var errs []error
	for name, c := range want {
		d.options.Journal.SetLimit(name, outboxLimit(c))
		if err := d.applyOne(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("start %s: %w", c.Target, err))
		}
	}
	d.publish()
	return errors.Join(errs...)
}

// stopGone stops the targets that are not to run any more, all at once.
func (d *Dispatcher) stopGone(ctx context.Context, want map[string]Configured) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyDrain)
	defer cancel()
	var stopping sync.WaitGroup
	for name, old := range d.snapshot() {
		c, kept := want[name]
		runs := kept && c.Err == nil && !c.Disabled
		if old.runner != nil && !runs {
			stopping.Go(func() { old.runner.stop(ctx) })
			d.set(name, &configured{Configured: old.Configured, since: time.Now()})
		}
		if !kept {
			d.options.Journal.SetLimit(name, journal.Limit{})
			d.remove(name)
		}
	}
	stopping.Wait()
}

func (d *Dispatcher) applyOne(ctx context.Context, c Configured) error {
	name := c.Target.String()
	d.mu.RLock()
	old := d.targets[name]
	d.mu.RUnlock()
	next := &configured{Configured: c, since: time.Now()}
	if c.Err != nil || c.Disabled {
		if c.Err != nil && (old == nil || old.Err == nil || old.Err.Error() != c.Err.Error()) {
			d.options.Logger.Warn("target is misconfigured, its events wait", "target", name, "err", c.Err)
		} else if old != nil && old.Disabled == c.Disabled {
			next.since = old.since
		}
		d.set(name, next)
		return nil
	}
	if old != nil && old.runner != nil {
		if sameSettings(old.Configured, c) {
			return nil
		}
		if old.runner.reconfigure(c) {
			next.runner = old.runner
			d.set(name, next)
			return nil
		}
		d.stopOne(ctx, old.runner)
	}
	r, err := startRunner(ctx, d.options, c, nil)
	if err != nil {
		next.Err = err
		d.set(name, next)
		return err
	}
	next.runner = r
	d.set(name, next)
	return nil
}

func (d *Dispatcher) stopOne(ctx context.Context, r *runner) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyDrain)
	defer cancel()
	r.stop(ctx)
}

// sameSettings reports whether two configurations of a target mean the same.
func sameSettings(a, b Configured) bool {
	return a.Kind.Name == b.Kind.Name && reflect.DeepEqual(a.Settings, b.Settings)
}

// publish has WatchOutbox wake the present runners. Each is woken once, for what
// was recorded before it could be.
func (d *Dispatcher) publish() {
	old := *d.running.Load()
	present := make(map[string]*runner)
	for name, c := range d.snapshot() {
		if c.runner != nil {
			present[name] = c.runner
		}
	}
	d.running.Store(&present)
	for name, r := range present {
		if old[name] != r {
			r.grewAll()
		}
	}
}

// Known reports whether rules may name the target: it is configured and not
// disabled. Misconfigured ones are known, and so are those that are down.
func (d *Dispatcher) Known(id event.TargetID) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	c := d.targets[id.String()]
	return c != nil && !c.Disabled
}

// ARNs returns the ARNs of the targets that rules may name, ordered.
func (d *Dispatcher) ARNs(region string) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []string
	for _, c := range d.targets {
		if !c.Disabled {
			out = append(out, event.ARN{Region: region, Target: c.Target}.String())
		}
	}
	slices.Sort(out)
	return out
}

// Close ends delivery. Sends under way finish within ctx and are then broken
// off; acknowledgements are written; the rest stays in the outbox. It returns
// ctx's error if it had to break something off.
func (d *Dispatcher) Close(ctx context.Context) error {
	d.applying.Lock()
	defer d.applying.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	d.stopWatch()
	d.end()
	var stopping sync.WaitGroup
	for _, c := range d.snapshot() {
		if c.runner != nil {
			stopping.Go(func() { c.runner.stop(ctx) })
		}
	}
	stopping.Wait()
	d.monitor.Wait()
	return ctx.Err()
}

func (d *Dispatcher) snapshot() map[string]*configured {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := make(map[string]*configured, len(d.targets))
	for name, c := range d.targets {
		out[name] = c
	}
	return out
}

func (d *Dispatcher) set(name string, c *configured) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.targets[name] = c
}

func (d *Dispatcher) remove(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.targets, name)
}
