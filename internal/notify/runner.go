package notify

import (
	"context"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// maxAside bounds the keys of a target that are set aside. Each costs some
	// hundred bytes; beyond the bound failing events hold up their partition.
	maxAside = 50_000
	// quietLog is how long a target must have been well before trouble is logged
	// again: a target that flaps must not fill the log.
	quietLog = time.Minute
	// repeatLog is how often an error of the journal that lasts is logged.
	repeatLog = time.Hour
)

// runner delivers to one target. The fields of its groups are guarded as noted.
type runner struct {
	id        event.TargetID
	consumer  string
	journal   Journal
	encoder   Encoder
	log       *slog.Logger
	observer  Observer
	parkAfter time.Duration
	seed      maphash.Seed

	senders  []*sender
	byPart   [journal.Partitions]*sender
	acks     *acks
	blocked  *blockedSet
	heritage *heritage

	// soft ends when nothing new is to be sent, hard when waiting must end.
	soft, hard         context.Context
	endSoft, endHard   context.CancelFunc
	sending, acking    sync.WaitGroup
	checking, retiring sync.WaitGroup
	delivered, parked  atomic.Int64
	failedSends, aside atomic.Int64
	abandoned          atomic.Int64
	// changes counts the changes of settings.
	changes atomic.Int64
	well    atomic.Bool // the breaker is closed
	warned  atomic.Bool // of events that recur

	mu       sync.Mutex // guards what follows
	breaker  breaker
	kind     target.Kind
	settings config.Settings
	env      target.Env
	current  *client
	openErr  error
	health   health
	checked  *checkFlight
}

// health is what is known of a target's well-being.
type health struct {
	since       time.Time // of the breaker's state, or of the start
	lastErr     string
	lastErrTime time.Time
	lastSuccess time.Time
	logged      bool // the present trouble was logged
	lastLogged  time.Time
	// journalErr is the last error of the journal that was logged, and when.
	journalErr    string
	journalLogged time.Time
}

// startRunner begins delivery to a target. before, if not nil, is the stopped
// runner that it follows: its counts go on.
func startRunner(ctx context.Context, o Options, c Configured, before *runner) (*runner, error) {
	consumer := c.Target.String()
	blocked, err := loadBlocked(ctx, o.Journal, consumer)
	if err != nil {
		return nil, err
	}
	parked, err := o.Journal.CountParked(ctx, consumer)
	if err != nil {
		return nil, err
	}
	r := &runner{
		id: c.Target, consumer: consumer, journal: o.Journal, encoder: o.Encoder, log: o.Logger,
		observer: o.observer(c.Target), parkAfter: o.ParkBlockedAfter, seed: maphash.MakeSeed(), blocked: blocked,
		kind: c.Kind, settings: c.Settings, env: o.env(c.Target), heritage: newHeritage(),
	}
	r.parked.Store(parked)
	if before != nil {
		r.delivered.Store(before.delivered.Load())
		r.failedSends.Store(before.failedSends.Load())
	}
	r.well.Store(true)
	r.health.since = time.Now()
	// Delivery lives until stop, not as long as the call that started it.
	base := context.WithoutCancel(ctx)
	r.hard, r.endHard = context.WithCancel(base)
	r.soft, r.endSoft = context.WithCancel(r.hard)
	r.acks = newAcks(r.hard)
	r.makeSenders()
	// What only opening can tell (a certificate that is not there) is said now
	// and not at the first event. The runner goes on: each Send opens again.
	if _, err := r.open(); err != nil {
		r.log.Warn("target is misconfigured, its events wait", "target", consumer, "err", err)
	}
	r.acking.Go(func() {
		r.acks.run(func(at []journal.At, bytes int64) error {
			return r.journal.Ack(r.hard, r.consumer, at, bytes)
		}, r.journalFailed)
	})
	r.inherit(queueOf(c).Dir)
	for _, s := range r.senders {
		r.sending.Go(func() { s.run(r.soft) })
	}
	return r, nil
}

// makeSenders deals the partitions out.
func (r *runner) makeSenders() {
	traits := traitsOf(r.kind, r.settings)
	for i := range traits.Senders {
		var share []uint16
		for p := i; p < journal.Partitions; p += traits.Senders {
			share = append(share, uint16(p)) //nolint:gosec // below Partitions
		}
		s := newSender(r, share, traits.MaxBatch)
		r.senders = append(r.senders, s)
		for _, p := range share {
			r.byPart[p] = s
		}
	}
}

// grew wakes the sender of a partition with new entries. It does not block.
func (r *runner) grew(partition uint16) { r.byPart[partition].grew(partition) }

// grewAll wakes all senders, for what was recorded before they could be woken.
func (r *runner) grewAll() {
	for p := range uint16(journal.Partitions) {
		r.grew(p)
	}
}

func (r *runner) pokeAll() {
	r.heritage.poke()
	for _, s := range r.senders {
		s.poke()
	}
}

// reconfigure has the next Send use other settings of the same kind. false: the
// number of senders changes, so it takes another runner.
func (r *runner) reconfigure(c Configured) bool {
	if c.Kind.Name != r.kind.Name || traitsOf(c.Kind, c.Settings).Senders != len(r.senders) {
		return false
	}
	r.mu.Lock()
	old, oldDir := r.current, queueOf(Configured{Kind: r.kind, Settings: r.settings}).Dir
	r.kind, r.settings, r.openErr = c.Kind, c.Settings, nil
	r.breaker = breaker{}
	r.checked = nil
	r.well.Store(true)
	r.mu.Unlock()
	if old != nil {
		r.retire(old)
	}
	r.changes.Add(1)
	if dir := queueOf(c).Dir; dir != oldDir {
		r.inherit(dir)
	}
	r.pokeAll()
	return true
}

// stop ends delivery: Sends under way finish within ctx, then they are broken
// off. What is not acknowledged stays in the outbox.
func (r *runner) stop(ctx context.Context) {
	r.endSoft()
	sent := make(chan struct{})
	go func() {
		r.sending.Wait()
		close(r.acks.queue)
		r.acking.Wait()
		close(sent)
	}()
	select {
	case <-sent:
	case <-ctx.Done():
		// Senders return within two graces of this.
		r.endHard()
		<-sent
	}
	r.endHard()
	r.checking.Wait()
	r.retiring.Wait()
	r.mu.Lock()
	c := r.current
	r.mu.Unlock()
	if c != nil {
		r.drop(c)
	}
}

// healthy reports whether the breaker is closed.
func (r *runner) healthy() bool { return r.well.Load() }

// currentTraits returns the traits of the settings in force.
func (r *runner) currentTraits() target.Traits {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil {
		return r.current.traits
	}
	return traitsOf(r.kind, r.settings)
}

// roomAside makes room for one more key set aside, if there is any.
func (r *runner) roomAside() bool {
	if r.aside.Add(1) > maxAside {
		r.aside.Add(-1)
		return false
	}
	return true
}

// admit asks the breaker.
func (r *runner) admit(now time.Time, k *keyState) admission {
	if r.well.Load() {
		return admission{ok: true}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.breaker.admit(now, candidate{k.hash, k.head().hist.attempts})
}

// abortProbe gives a probe back that was not sent.
func (r *runner) abortProbe(probe bool) {
	r.mu.Lock()
	changed := r.breaker.abort(probe)
	r.mu.Unlock()
	if changed {
		r.pokeAll()
	}
}

// report tells the breaker and the counters of a Send.
func (r *runner) report(b *batch, probe bool, err error, res sendResult) {
	ok := int64(0)
	for _, o := range res.outcomes {
		if o == acked {
			ok++
		}
	}
	r.delivered.Add(ok)
	r.observe(b, int(ok), err, res)
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && !isAborted(res) {
		r.failedSends.Add(int64(len(res.outcomes)) - ok)
		r.health.lastErr, r.health.lastErrTime = reason(err), now
	}
	if ok > 0 {
		r.health.lastSuccess = now
	}
	switch {
	case isAborted(res):
		if r.breaker.abort(probe) {
			r.pokeAll()
		}
	case res.alive && res.retryAfter == 0:
		if r.breaker.succeed() {
			r.recovered(now)
		}
	case !probe && res.retryAfter == 0 && b.knownBad():
		// These keys fail while others succeed: it says nothing of the target.
	default:
		if r.breaker.fail(b.failure(now, probe, res.retryAfter)) {
			r.troubled(now)
		}
	}
}

// knownBad reports whether all keys of a batch have failed on their own before.
func (b *batch) knownBad() bool {
	for _, k := range b.keys {
		if k.blocked == nil && k.head().hist.alone == 0 {
			return false
		}
	}
	return true
}

func isAborted(res sendResult) bool { return len(res.outcomes) > 0 && res.outcomes[0] == undecided }

func (b *batch) failure(now time.Time, probe bool, after time.Duration) failure {
	f := failure{now: now, probe: probe, retryAfter: after, jitter: rand.Float64()} //nolint:gosec // spreads retries
	// Two are enough to tell one key from several.
	for i := 0; i < len(b.keys) && i < 2; i++ {
		f.keys = append(f.keys, b.keys[i].hash)
	}
	if len(b.keys) > 2 {
		f.keys = append(f.keys, b.keys[len(b.keys)-1].hash)
	}
	return f
}

// troubled is called with mu held when the breaker opened or a probe failed.
func (r *runner) troubled(now time.Time) {
	if r.well.Swap(false) {
		r.health.since = now
		if r.health.logged = now.Sub(r.health.lastLogged) >= quietLog; r.health.logged {
			r.health.lastLogged = now
			r.log.Warn("target in trouble, its events wait", "target", r.consumer, "err", r.health.lastErr)
		}
	}
	r.pokeAll()
}

// recovered is called with mu held when the breaker closed.
func (r *runner) recovered(now time.Time) {
	r.well.Store(true)
	if r.health.logged {
		r.log.Info("target is back", "target", r.consumer, "after", now.Sub(r.health.since).Round(time.Millisecond))
	}
	r.health.since, r.health.logged = now, false
	r.pokeAll()
}

// journalFailed logs an error of the journal, the same one seldom.
func (r *runner) journalFailed(err error) {
	if r.soft.Err() != nil {
		return
	}
	now, text := time.Now(), err.Error()
	r.mu.Lock()
	first := r.health.journalErr != text || now.Sub(r.health.journalLogged) >= repeatLog
	if first {
		r.health.journalErr, r.health.journalLogged = text, now
	}
	r.mu.Unlock()
	if first {
		r.log.Error("journal failed, delivery waits", "target", r.consumer, "err", err)
	}
}
