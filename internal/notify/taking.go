package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/takeover"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// errRefused is why an event is kept aside that its target will never take.
var errRefused = errors.New("refused by the target")

// taking sends what was left in one folder, one batch at a time: in order, but
// for keys that wait on their own. It belongs to one goroutine. Of each event it
// holds only where it lies; it is read again when it is sent.
type taking struct {
	r      *runner
	folder takeover.Folder
	// queue are the events to send, in order; later those of keys that wait.
	queue []*heir
	later map[string]*laterKey
	// notBefore holds the queue after a failure, limit bounds the next batch.
	notBefore time.Time
	limit     int
	// files are those with events to send; stuck are names that are done with
	// and could not be moved or removed.
	files map[string]*leftFile
	stuck map[string]bool
	// listed: no further files are there.
	listed, isOpen bool
	sent           int
	// reported is how many files kept aside the log has told of.
	reported     int
	changes      int64
	cached       string
	cachedEvents []takeover.Event
}

// heir is one inherited event.
type heir struct {
	file *leftFile
	line int
	key  string
	// sequencer, then at, order the events; order is that of files of one time.
	sequencer uint64
	at        time.Time
	order     int
	item      item
}

// laterKey is a key that failed; its events follow when its time has come.
type laterKey struct {
	heirs []*heir
	at    time.Time
}

// leftFile is a file with events that are not done with.
type leftFile struct {
	name string
	left int
	// refused is why some event of it cannot be sent.
	refused error
}

func newTaking(r *runner, folder takeover.Folder) *taking {
	return &taking{
		r: r, folder: folder, later: make(map[string]*laterKey),
		files: make(map[string]*leftFile), stuck: make(map[string]bool), changes: r.changes.Load(),
	}
}

// run sends until nothing is left, or ctx ends.
func (t *taking) run(ctx context.Context) {
	for ctx.Err() == nil {
		if len(t.queue) == 0 && !t.listed {
			t.list(ctx)
			continue
		}
		if len(t.queue) == 0 {
			t.open()
			if len(t.later) == 0 {
				t.finish()
				return
			}
		}
		t.changed()
		now := time.Now()
		b, heirs, adm := t.compose(now)
		if b == nil {
			t.wait(ctx, adm.at)
			continue
		}
		t.settle(b, heirs, adm.probe, t.r.send(b))
	}
}

// open lets the senders go on, but for the keys that wait.
func (t *taking) open() {
	if t.isOpen {
		return
	}
	t.isOpen = true
	for key := range t.later {
		t.r.heritage.hold(key)
	}
	t.r.heritage.opened()
}

// finish tells how it ended, if anything was there.
func (t *taking) finish() {
	if t.sent > 0 {
		t.r.log.Info("events that a MinIO server left are sent", "target", t.r.consumer, "events", t.sent, "folder", t.folder.Path)
	}
	t.reportAside()
}

// reportAside logs how many files are kept aside, if that was not said.
func (t *taking) reportAside() {
	s := t.r.heritage.status()
	if int(s.Aside) <= t.reported {
		return
	}
	t.reported = int(s.Aside)
	t.r.log.Warn("files that a MinIO server left cannot be sent and are kept aside", "target", t.r.consumer,
		"files", s.Aside, "folder", filepath.Join(t.folder.Path, takeover.AsideFolder), "last", s.LastError)
}

// list puts the next files' events into the queue, in order.
func (t *taking) list(ctx context.Context) {
	names, err := t.folder.List(func(name string) bool { return t.stuck[name] || t.files[name] != nil })
	if err != nil {
		t.r.log.Error("events that a MinIO server left cannot be read; they stay where they are",
			"target", t.r.consumer, "folder", t.folder.Path, "err", err)
		t.r.heritage.tell(func(s *Inherited) { s.Folder, s.LastError = t.folder.Path, err.Error() })
	}
	t.listed = len(names) == 0
	if aside := t.folder.CountAside(); len(names) > 0 || aside > 0 {
		t.r.heritage.tell(func(s *Inherited) { s.Folder, s.Aside = t.folder.Path, int64(aside) })
	}
	for i, name := range names {
		if ctx.Err() != nil {
			return
		}
		t.enqueue(name, i)
	}
	t.reportAside()
	slices.SortStableFunc(t.queue, heirOrder)
	if n := len(t.queue); n > 0 {
		t.r.log.Info("events that a MinIO server left are sent first", "target", t.r.consumer, "events", n, "folder", t.folder.Path)
	}
}

// heirOrder is the order in which things happened, as far as it was written
// down: events of one version share a sequencer, files of a moment a time.
func heirOrder(a, b *heir) int {
	return cmp.Or(cmp.Compare(a.sequencer, b.sequencer), a.at.Compare(b.at), cmp.Compare(a.order, b.order), cmp.Compare(a.line, b.line))
}

func (t *taking) enqueue(name string, order int) {
	events, err := t.folder.Read(name)
	if err != nil {
		t.putAside(name, err)
		return
	}
	f := &leftFile{name: name, left: len(events)}
	t.files[name] = f
	for i := range events {
		e := &events[i]
		t.queue = append(t.queue, &heir{
			file: f, line: i, key: e.Record.ResourceKey(), sequencer: e.Sequencer, at: e.Time, order: order,
		})
	}
	t.r.heritage.tell(func(s *Inherited) { s.Left += int64(len(events)) })
}

// read returns an event; an error if its file is not what it was.
func (t *taking) read(h *heir) (*takeover.Event, error) {
	if t.cached != h.file.name {
		events, err := t.folder.Read(h.file.name)
		if err != nil {
			return nil, err
		}
		t.cached, t.cachedEvents = h.file.name, events
	}
	if h.line >= len(t.cachedEvents) || t.cachedEvents[h.line].Sequencer != h.sequencer {
		return nil, fmt.Errorf("%w: it changed", takeover.ErrUnusable)
	}
	return &t.cachedEvents[h.line], nil
}

// compose fills a batch with at most one event of a key, or says when to ask
// again.
func (t *taking) compose(now time.Time) (*batch, []*heir, admission) {
	heirs, at := t.next(now)
	if len(heirs) == 0 {
		return nil, nil, admission{at: at}
	}
	adm := t.r.admit(now, t.keyOf(heirs[0]))
	if !adm.ok {
		return nil, nil, adm
	}
	traits := t.r.currentTraits()
	size := max(traits.MaxBatch, 1)
	if t.limit > 0 {
		size = min(size, t.limit)
	}
	if adm.probe {
		size = 1
	}
	b := &batch{began: t.r.delivered.Load(), traits: traits}
	var in []*heir
	for _, h := range heirs[:min(size, len(heirs))] {
		e, err := t.read(h)
		if err != nil {
			t.done(h, err)
			continue
		}
		msg, err := t.message(h, e, traits.Body)
		if err != nil {
			t.done(h, err)
			continue
		}
		if len(b.msgs) > 0 && traits.MaxBatchBytes > 0 && b.bytes+len(msg.Body) > traits.MaxBatchBytes {
			break
		}
		b.msgs, b.items, b.bytes = append(b.msgs, msg), append(b.items, &h.item), b.bytes+len(msg.Body)
		b.keys = append(b.keys, t.keyOf(h))
		in = append(in, h)
	}
	if len(in) == 0 {
		t.r.abortProbe(adm.probe)
		return nil, nil, admission{at: now}
	}
	return b, in, adm
}

// message makes the message of an inherited event: with the very record that was
// left, where that is in the form asked for.
func (t *taking) message(h *heir, e *takeover.Event, form target.Body) (target.Message, error) {
	msg, err := e.Message(form, h.item.hist.attempts+1)
	if err == nil && form != target.Envelope && form != target.Records {
		at := event.Place{Stamp: uint64(max(e.Time.UnixNano(), 0))} //nolint:gosec // not negative
		t.r.encoder.Fill(&msg, form, e.Record, at)
	}
	return msg, err
}

// next returns the events that may be sent now, at most one of a key and a
// batch's number, or when there will be some; zero: after a change. It leaves
// them where they are.
func (t *taking) next(now time.Time) ([]*heir, time.Time) {
	if now.Before(t.notBefore) {
		return nil, t.notBefore
	}
	limit := max(t.r.currentTraits().MaxBatch, 1)
	var out []*heir
	var at time.Time
	for _, k := range t.later {
		if now.Before(k.at) {
			at = earlier(at, k.at)
			continue
		}
		out = append(out, k.heirs[0])
	}
	if len(out) > 0 {
		slices.SortFunc(out, heirOrder)
		return out[:min(limit, len(out))], time.Time{}
	}
	seen := make(map[string]bool, min(limit, len(t.queue)))
	for len(out) < limit && len(out) < len(t.queue) {
		h := t.queue[len(out)]
		if k := t.later[h.key]; k != nil {
			k.heirs = append(k.heirs, h)
			t.queue = slices.Delete(t.queue, len(out), len(out)+1)
			continue
		}
		if seen[h.key] {
			break // keeps the order as it was
		}
		seen[h.key] = true
		out = append(out, h)
	}
	return out, at
}

// settle does with each event what its Send's outcome asks for.
func (t *taking) settle(b *batch, heirs []*heir, probe bool, err error) {
	res := classify(err, len(heirs))
	t.r.report(b, probe, err, res)
	now := time.Now()
	t.limit = 0
	if res.whole && len(heirs) > 1 {
		t.limit = max(len(heirs)/2, 1)
	}
	for i, h := range heirs {
		since := b.began
		if h.item.hist.attempts > 0 {
			since = h.item.delivered
		}
		h.item.delivered = b.began
		var act action
		var wait time.Duration
		h.item.hist, act, wait = h.item.hist.next(res.outcomes[i], evidence{
			othersSucceed: res.alive || t.r.delivered.Load() > since,
			shared:        res.whole && len(heirs) > 1, alive: res.alive,
			jitter: rand.Float64(), //nolint:gosec // spreads retries, guards nothing
		})
		switch {
		case act == ack:
			t.sent++
			t.done(h, nil)
		case act == park:
			t.done(h, fmt.Errorf("%w: %s", errRefused, reason(res.errs[i])))
		case wait == 0:
			// Again at once, where it stands.
		case h.item.hist.alone > 0 || res.outcomes[i] == refused || h.item.hist.attempts >= failuresBeforeOpen:
			t.setLater(h, now.Add(wait))
		default:
			t.notBefore = now.Add(wait)
		}
	}
	if res.alive {
		t.notBefore = time.Time{}
	}
}

// setLater has an event that fails wait with those of its key behind it.
func (t *taking) setLater(h *heir, at time.Time) {
	k := t.later[h.key]
	if k == nil {
		k = &laterKey{heirs: []*heir{h}}
		t.later[h.key] = k
		t.unqueue(h)
	}
	k.at = at
}

// unqueue takes an event out of the queue, where it is the first or near it.
func (t *taking) unqueue(h *heir) {
	if i := slices.Index(t.queue, h); i == 0 {
		t.queue[0] = nil
		t.queue = t.queue[1:]
	} else if i > 0 {
		t.queue = slices.Delete(t.queue, i, i+1)
	}
}

// done takes an event out of memory, and its file off the disk with its last:
// away if all were acknowledged, aside if some cannot be sent.
func (t *taking) done(h *heir, unsent error) {
	if k := t.later[h.key]; k != nil {
		if k.heirs = k.heirs[1:]; len(k.heirs) == 0 {
			delete(t.later, h.key)
			t.r.heritage.release(h.key)
		}
	} else {
		t.unqueue(h)
	}
	t.r.heritage.tell(func(s *Inherited) { s.Left-- })
	f := h.file
	f.left--
	if f.refused == nil {
		f.refused = unsent
	}
	if f.left > 0 {
		return
	}
	delete(t.files, f.name)
	if f.refused != nil {
		t.putAside(f.name, f.refused)
		return
	}
	if err := t.folder.Remove(f.name); err != nil {
		t.stay(f.name, err)
	}
}

// putAside moves a file aside that cannot be sent. One that could not be read
// stays: its next reading may succeed.
func (t *taking) putAside(name string, reason error) {
	if !errors.Is(reason, takeover.ErrUnusable) && !errors.Is(reason, errRefused) {
		t.stay(name, reason)
		return
	}
	if err := t.folder.SetAside(name); err != nil {
		t.stay(name, err)
		return
	}
	t.r.heritage.tell(func(s *Inherited) {
		s.Folder, s.LastError = t.folder.Path, name+": "+reason.Error()
		s.Aside++
	})
}

// stay leaves a file where it is until the next start, which looks at it again.
func (t *taking) stay(name string, err error) {
	if len(t.stuck) == 0 {
		t.r.log.Error("a file that a MinIO server left stays where it is", "target", t.r.consumer, "file", name, "folder", t.folder.Path, "err", err)
	}
	t.stuck[name] = true
	t.r.heritage.tell(func(s *Inherited) { s.Folder, s.LastError = t.folder.Path, name+": "+err.Error() })
}

// wait blocks until at, if that is not zero, or until something changed.
func (t *taking) wait(ctx context.Context, at time.Time) {
	var timer <-chan time.Time
	if !at.IsZero() {
		clock := time.NewTimer(time.Until(at))
		defer clock.Stop()
		timer = clock.C
	}
	select {
	case <-ctx.Done():
	case <-t.r.heritage.poked:
	case <-timer:
	}
}

// changed ends all waits after a change of settings: what failed may now work.
func (t *taking) changed() {
	n := t.r.changes.Load()
	if n == t.changes {
		return
	}
	t.changes, t.notBefore = n, time.Time{}
	for _, k := range t.later {
		k.at = time.Time{}
	}
}

// keyOf is what the breaker looks at of an event's key.
func (t *taking) keyOf(h *heir) *keyState {
	return &keyState{hash: maphash.String(t.r.seed, h.key), items: []*item{&h.item}}
}
