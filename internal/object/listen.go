package object

import (
	"context"
	"errors"
	"sync"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
)

// listenPage is how many records a listener reads at once: enough for a burst,
// little enough to keep its memory small.
const listenPage = 128

// Heard is one thing that a listener is told.
type Heard struct {
	journal.Entry
	// Gap says that events were missed here: the listener was slower than the
	// journal's window. Entry is then empty.
	Gap bool
}

// Listen calls fn, in order per key, with every matching event that becomes
// durable from now on, until ctx ends or fn fails. A slow fn delays nobody: the
// events wait in the journal, and if it drops them first, fn is told of a gap.
// ready, if not nil, is called once nothing later can be missed.
func (s *Service) Listen(ctx context.Context, filter event.ListenFilter, ready func(), fn func(Heard) error) error {
	if filter.Bucket != "" {
		if _, _, err := s.readBucket(ctx, s.store, filter.Bucket); err != nil {
			return err
		}
	}
	if wantsAccess(filter.Names) {
		s.access.listeners.Add(1)
		defer s.access.listeners.Add(-1)
	}
	grown := newGrownSet()
	defer s.journal.Watch(grown.add)()
	heads, err := s.journal.Heads(ctx)
	if err != nil {
		return storeError(err)
	}
	if ready != nil {
		ready()
	}
	l := &listener{service: s, filter: filter, next: heads.Next, fn: fn}
	for {
		partitions, err := grown.wait(ctx)
		if err != nil {
			return err
		}
		for _, p := range partitions {
			if err := l.drain(ctx, p); err != nil {
				return err
			}
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
	next    [journal.Partitions]uint64
	fn      func(Heard) error
}

// drain reads a partition to its end.
func (l *listener) drain(ctx context.Context, p uint16) error {
	for {
		entries, err := l.service.journal.Read(ctx, p, l.next[p], listenPage)
		if errors.Is(err, kv.ErrTrimmed) {
			if l.next[p], err = l.service.journal.First(ctx, p); err != nil {
				return storeError(err)
			}
			if err := l.fn(Heard{Gap: true}); err != nil {
				return err
			}
			continue
		}
		if err != nil || len(entries) == 0 {
			return storeError(err)
		}
		for _, e := range entries {
			l.next[p] = e.Sequence + 1
			if !l.filter.Match(e.Record) {
				continue
			}
			if err := l.fn(Heard{Entry: e}); err != nil {
				return err
			}
		}
	}
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

func (g *grownSet) wait(ctx context.Context) ([]uint16, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
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
