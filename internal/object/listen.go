package object

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
)

// listenPage is how many records a listener reads at once: enough for a burst,
// little enough to keep its memory small.
const listenPage = 128

// ListenInput says what a listener wants to hear.
type ListenInput struct {
	Filter event.ListenFilter
	// Resumable has it told its position, as a token, first of all and then
	// within a second after it has moved.
	Resumable bool
	// Since is where to begin: a token, or a time (RFC 3339). Empty means now.
	Since string
}

// Heard is one thing that a listener is told: an event, a gap, or a token.
type Heard struct {
	journal.Entry
	// Gap says that events were missed here: they had left the journal's window
	// before they could be told.
	Gap bool
	// Missed is how many events the gap holds, whether or not they were asked
	// for; 0 if it is not known.
	Missed uint64
	// Token is a position behind all that was told before.
	Token string
}

// Listen calls fn, in order per key, with every matching event that becomes
// durable from now on, or from in.Since, until ctx ends or fn fails. A slow fn
// delays nobody: the events wait in the journal, and if it drops them first, fn
// is told of a gap. ready, if not nil, is called once nothing later can be
// missed, before fn.
//
// A listener of a bucket hears of the bucket that has the name when it begins,
// and of those that get it later, and of no former one. ErrNoSuchBucket,
// ErrResumeToken.
func (s *Service) Listen(ctx context.Context, in ListenInput, ready func(), fn func(Heard) error) error {
	l := &listener{service: s, filter: in.Filter, resumable: in.Resumable, fn: fn}
	if in.Filter.Bucket != "" {
		b, _, err := s.readBucket(ctx, s.store, in.Filter.Bucket)
		if err != nil {
			return err
		}
		l.bucketID = b.ID
	}
	if wantsAccess(in.Filter.Names) {
		s.access.listeners.Add(1)
		defer s.access.listeners.Add(-1)
	}
	grown := newGrownSet()
	defer s.journal.Watch(grown.add)()
	if err := l.start(ctx, in); err != nil {
		return err
	}
	if ready != nil {
		ready()
	}
	if err := l.catchUp(ctx); err != nil {
		return err
	}
	for {
		partitions, err := grown.wait(ctx, l.positionDue())
		if err != nil {
			return err
		}
		for _, p := range partitions {
			if err := l.drain(ctx, p); err != nil {
				return err
			}
		}
		if err := l.tellPositionIfDue(); err != nil {
			return err
		}
	}
}

func wantsAccess(names event.Names) bool {
	for _, name := range names.Slice() {
		if name.IsAccess() {
			return true
		}
	}
	return false
}

// listener is the position of one Listen.
type listener struct {
	service *Service
	filter  event.ListenFilter
	// bucketID is the bucket listened to, 0 for all. Records before begun are
	// told only if they are of it.
	bucketID    uint64
	begun, next [journal.Partitions]uint64
	fn          func(Heard) error

	// What it missed before it began, and whether there is something to catch
	// up with.
	gap    bool
	missed uint64
	behind bool

	resumable    bool
	toldPosition [journal.Partitions]uint64
	toldAt       time.Time
	told         bool // an event, since then
}

// drain reads a partition to its end.
func (l *listener) drain(ctx context.Context, p uint16) error {
	for {
		entries, err := l.service.journal.Read(ctx, p, l.next[p], listenPage)
		if errors.Is(err, kv.ErrTrimmed) {
			first, err := l.service.journal.First(ctx, p)
			if err != nil {
				return storeError(err)
			}
			missed := first - l.next[p]
			l.next[p] = first
			if err := l.fn(Heard{Gap: true, Missed: missed}); err != nil {
				return err
			}
			continue
		}
		if err != nil || len(entries) == 0 {
			return storeError(err)
		}
		for _, e := range entries {
			l.next[p] = e.Sequence + 1
			if !l.wants(e) {
				continue
			}
			l.told = true
			e.Record = l.filter.Told(e.Record)
			if err := l.fn(Heard{Entry: e}); err != nil {
				return err
			}
		}
		if err := l.tellPositionIfDue(); err != nil {
			return err
		}
	}
}

// wants reports whether the listener is told of an event. That something is
// backfilled is no event but for the target that it is for.
func (l *listener) wants(e journal.Entry) bool {
	former := l.bucketID != 0 && e.Record.BucketID != l.bucketID && e.Sequence < l.begun[e.Partition]
	return !former && !e.Record.Backfill && l.filter.Match(e.Record)
}

// tellPositionIfDue tells the position when it is time to.
func (l *listener) tellPositionIfDue() error {
	if due := l.positionDue(); due.IsZero() || time.Now().Before(due) {
		return nil
	}
	return l.tellPosition()
}

// grownSet collects partitions with new records until somebody looks.
type grownSet struct {
	mu     sync.Mutex
	set    map[uint16]struct{}
	signal chan struct{}
}

func newGrownSet() *grownSet {
	return &grownSet{set: map[uint16]struct{}{}, signal: make(chan struct{}, 1)}
}

func (g *grownSet) add(partitions []uint16) {
	g.mu.Lock()
	for _, p := range partitions {
		g.set[p] = struct{}{}
	}
	g.mu.Unlock()
	select {
	case g.signal <- struct{}{}:
	default:
	}
}

// wait returns the partitions that grew, once there are some, or none at the
// time until; zero means no such time.
func (g *grownSet) wait(ctx context.Context, until time.Time) ([]uint16, error) {
	var timer <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer:
		return nil, nil
	case <-g.signal:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]uint16, 0, len(g.set))
	for p := range g.set {
		out = append(out, p)
	}
	clear(g.set)
	return out, nil
}
