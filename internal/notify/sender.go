package notify

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// journalRetry is the wait after the journal could not be read. The store ends
// the process on its own errors; this is for what passes.
const journalRetry = time.Second

// heldRetry is how often a key is looked at whose inherited events wait on their
// own: there are few, and their own waits are as long.
const heldRetry = time.Second

// sender sends the events of a share of a target's partitions, one batch at a
// time. All of it but wake and dirty belongs to its one goroutine.
type sender struct {
	r      *runner
	lanes  []*lane
	keys   *keySet
	window int
	turn   int
	recur  recurrence
	// changes is how many of the runner's changes of settings it has seen.
	changes int64

	// wake is signalled, dirty has a bit for each partition that grew.
	wake  chan struct{}
	dirty [(journal.Partitions + 63) / 64]atomic.Uint64
	// quiet: its share of the outbox is empty, as far as it has seen.
	quiet atomic.Bool
}

func newSender(r *runner, share []uint16, maxBatch int) *sender {
	s := &sender{
		r:    r,
		keys: newKeySet(r.seed),
		// Four batches across the sender's lanes, so that one is ready while
		// others wait.
		window: min(max(4*maxBatch/len(share), minWindow), maxWindow),
		wake:   make(chan struct{}, 1),
	}
	for _, p := range share {
		s.lanes = append(s.lanes, &lane{partition: p, behind: true})
	}
	return s
}

// grew notes that a partition has new entries. It may be called from anywhere.
func (s *sender) grew(partition uint16) {
	s.dirty[partition/64].Or(1 << (partition % 64))
	s.quiet.Store(false)
	s.poke()
}

func (s *sender) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// pullDirty moves what grew to the lanes.
func (s *sender) pullDirty() {
	for i := range s.dirty {
		if s.dirty[i].Load() == 0 {
			continue
		}
		bits := s.dirty[i].Swap(0)
		for _, l := range s.lanes {
			if int(l.partition/64) == i && bits&(1<<(l.partition%64)) != 0 {
				l.behind = true
			}
		}
	}
}

// run sends until the runner stops.
func (s *sender) run(ctx context.Context) {
	for ctx.Err() == nil && s.r.heritage.passed(ctx) {
		now := time.Now()
		s.readAhead(ctx, now)
		s.changed()
		s.keys.due(now)
		batch, adm := s.compose(ctx, now)
		if batch == nil {
			s.wait(ctx, adm.at)
			continue
		}
		s.settle(batch, adm.probe, s.r.observedSend(batch))
	}
}

// wait blocks until something may have changed: an event came, the target or
// its settings changed, it is time at (if that is not zero) or a key's time.
func (s *sender) wait(ctx context.Context, at time.Time) {
	if s.behind() && at.IsZero() && len(s.keys.queue) == 0 {
		return
	}
	s.quiet.Store(len(s.keys.byID) == 0 && !s.behind() && s.retryAt().IsZero())
	if len(s.keys.later) > 0 {
		at = earlier(at, s.keys.later[0].at)
	}
	at = earlier(at, s.retryAt())
	var timer <-chan time.Time
	if !at.IsZero() {
		t := time.NewTimer(time.Until(at))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-timer:
	}
	s.quiet.Store(false)
}

// earlier is the earlier of two times, of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// retryAt is when the first lane that could not be read is to be tried again.
func (s *sender) retryAt() time.Time {
	var at time.Time
	for _, l := range s.lanes {
		at = earlier(at, l.retryAt)
	}
	return at
}

// behind reports whether there is something that can be read now.
func (s *sender) behind() bool {
	for _, l := range s.lanes {
		if l.retryAt.IsZero() && (l.behind && l.room(s.window) > 0 || l.sweep != nil || len(l.wanted) > 0) {
			return true
		}
	}
	return false
}

// changed ends all waits after a change of settings: what failed may now work.
func (s *sender) changed() {
	if n := s.r.changes.Load(); n != s.changes {
		s.changes = n
		s.keys.endWaits()
	}
}

// batch is what one Send carries.
type batch struct {
	keys  []*keyState
	items []*item
	msgs  []target.Message
	bytes int
	// traits are those that it was made by.
	traits target.Traits
	took   time.Duration // of its Send
	// began is the runner's counter of deliveries before it.
	began int64
}

// compose fills a batch, or says when to ask again.
func (s *sender) compose(ctx context.Context, now time.Time) (*batch, admission) {
	first := s.nextKey()
	if first == nil {
		return nil, admission{}
	}
	adm := s.r.admit(now, first)
	if !adm.ok {
		return nil, adm
	}
	traits := s.r.currentTraits()
	b := &batch{began: s.r.delivered.Load(), traits: traits}
	size := traits.MaxBatch
	if adm.probe {
		size = 1
	}
	for k := first; k != nil; k = s.nextKey() {
		if !s.load(ctx, k) || s.heldBack(k, now) {
			continue
		}
		n := b.add(k, s.r, traits, &size)
		if n == 0 {
			break
		}
		s.keys.take(k)
		k.place, k.taken = inFlight, n
		if len(b.items) >= size {
			break
		}
	}
	if len(b.items) == 0 {
		s.r.abortProbe(adm.probe)
		return nil, admission{at: now.Add(journalRetry)}
	}
	return b, adm
}

// nextKey is the ready key whose turn it is; while the target is in trouble,
// the one that was tried least.
func (s *sender) nextKey() *keyState {
	if len(s.keys.queue) == 0 {
		return nil
	}
	if s.r.healthy() {
		return s.keys.queue[0]
	}
	return s.keys.least()
}

// heldBack reports whether older events of a key, which were inherited, are
// still to be sent. The key is then no longer ready.
func (s *sender) heldBack(k *keyState, now time.Time) bool {
	if !s.r.heritage.holds(&k.head().entry) {
		return false
	}
	s.keys.take(k)
	s.setAside(k)
	s.next(k, now.Add(heldRetry))
	return true
}

// load reads the record of a blocked key's first event again, which is not kept
// while the key waits. It returns false if that event cannot be sent now; the
// key is then no longer ready.
func (s *sender) load(ctx context.Context, k *keyState) bool {
	e := &k.head().entry
	if e.Record != nil {
		return true
	}
	got, _, err := s.r.journal.Pending(ctx, s.r.consumer, e.Partition, e.Sequence-1, 1)
	if err == nil && len(got) > 0 && got[0].Sequence == e.Sequence {
		*e = got[0]
		return true
	}
	s.keys.take(k)
	if err != nil {
		s.r.journalFailed(err)
		s.keys.offer(k, time.Now().Add(journalRetry))
		return false
	}
	// An operator dropped it.
	if len(k.items) == 1 && !k.more {
		s.unblock(k)
	}
	s.remove(k, k.head())
	s.next(k, time.Time{})
	return false
}

// add puts the first event of k into the batch, or, if the kind's batches take
// effect in order, as many as fit. It returns how many.
func (b *batch) add(k *keyState, r *runner, traits target.Traits, size *int) int {
	n := 0
	for _, it := range k.items {
		if n > 0 && (!traits.Ordered || it.entry.Record == nil) {
			break
		}
		limit := *size
		if it.limit > 0 {
			limit = min(limit, it.limit)
		}
		if len(b.items) >= limit {
			break
		}
		msg := r.message(it, traits)
		if len(b.items) > 0 && traits.MaxBatchBytes > 0 && b.bytes+len(msg.Body) > traits.MaxBatchBytes {
			break
		}
		*size = limit
		b.keys, b.items, b.msgs = append(b.keys, k), append(b.items, it), append(b.msgs, msg)
		b.bytes += len(msg.Body)
		n++
	}
	return n
}

// settle does what the decisions of a Send ask for.
func (s *sender) settle(b *batch, probe bool, err error) {
	res := classify(err, len(b.items))
	s.r.report(b, probe, err, res)
	now := time.Now()
	for i := 0; i < len(b.items); {
		k := b.keys[i]
		var at time.Time
		stuck := false
		for n := k.taken; n > 0; n-- {
			if w := s.decide(k, i, b, res); !stuck && w.stay {
				// The first that stays decides when the key is next; those
				// behind it in an ordered batch stay with it.
				stuck = true
				if w.wait > 0 {
					at = now.Add(w.wait)
				}
			}
			i++
		}
		k.taken = 0
		s.next(k, at)
	}
}

// stay says whether an event stays, and for how long.
type stay struct {
	stay bool
	wait time.Duration
}

// decide does what is to be done with the i-th event of a batch, which is of k.
func (s *sender) decide(k *keyState, i int, b *batch, res sendResult) stay {
	it, o := b.items[i], res.outcomes[i]
	since := b.began
	if it.hist.attempts > 0 {
		since = it.delivered
	}
	e := evidence{
		othersSucceed: res.alive || s.r.delivered.Load() > since,
		shared:        res.whole && len(b.items) > 1,
		alive:         res.alive,
		parkAfter:     s.r.parkAfter,
		jitter:        rand.Float64(), //nolint:gosec // spreads retries, guards nothing
	}
	if k.blocked != nil {
		e.blockedFor = max(time.Since(k.blocked.Since), 1)
	}
	it.delivered = b.began
	if e.shared && o == failed {
		it.limit = max(len(b.items)/2, 1)
	}
	var act action
	var wait time.Duration
	it.hist, act, wait = it.hist.next(o, e)
	switch act {
	case ack:
		s.acked(k, it)
		return stay{}
	case park:
		if s.park(k, it, res.errs[i]) {
			return stay{}
		}
		wait = journalRetry
	case block:
		s.block(k, it, res.errs[i])
	}
	// A key that fails while others succeed must not hold up its lane; nor may
	// keys that failed fill the window while nothing shows whether others would.
	if it.hist.alone > 0 && s.r.healthy() || k.lane.room(s.window) == 0 {
		s.setAside(k)
	}
	return stay{true, wait}
}

// acked takes a delivered event out of memory and of the outbox.
func (s *sender) acked(k *keyState, it *item) {
	s.unblock(k)
	s.remove(k, it)
	s.r.acks.add(it.entry)
	s.r.observer.Delivered(time.Since(it.entry.Place.Time()))
	rec := it.entry.Record
	if !rec.NoPost && s.recur.acked(k.id, it.entry.Place.Time(), time.Now()) && !s.r.warned.Swap(true) {
		s.r.log.Warn("the events of one key recur: does the receiver write into the bucket that it watches? "+
			"A prefix in the rule would keep what it writes apart", "target", s.r.consumer, "bucket", rec.Bucket, "key", rec.Key)
	}
}

// remove takes an event of k out of memory. In an ordered batch it need not be
// the first.
func (s *sender) remove(k *keyState, it *item) {
	i := slices.Index(k.items, it)
	if i == 0 {
		k.items[0] = nil
		k.items = k.items[1:]
	} else {
		k.items = slices.Delete(k.items, i, i+1)
	}
	if !k.aside {
		k.lane.events--
		k.lane.bytes -= it.entry.Bytes
	}
}

// next puts a key that is not in flight any more where it belongs.
func (s *sender) next(k *keyState, at time.Time) {
	if len(k.items) == 0 {
		s.finished(k)
		return
	}
	if k.blocked != nil && !at.IsZero() {
		// Many keys can be blocked: their records are read again when due.
		for _, it := range k.items {
			it.entry.Record = nil
		}
	}
	s.keys.offer(k, at)
}
