package notify

import (
	"context"
	"slices"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
)

const (
	// minWindow and maxWindow bound how many events of a partition are held in
	// memory: enough to fill batches while others wait, whatever the backlog.
	minWindow = 32
	maxWindow = 256
	// windowBytes bounds their size. With all 72 lanes full a target holds 9 MiB.
	windowBytes = 128 << 10
	// maxPage is how many entries are read at a time, so that one reading stays
	// near windowBytes too.
	maxPage = 64
	// catchUp is how many events of a key that was set aside are read at a time.
	catchUp = 16
)

// lane is one partition of the outbox, as its sender reads it.
type lane struct {
	partition uint16
	// after is the sequence up to which it was read.
	after uint64
	// behind: there may be entries above after.
	behind bool
	// retryAt is set while it cannot be read.
	retryAt time.Time
	// events and bytes are what it holds in memory, without keys set aside.
	events, bytes int
	// wanted are keys set aside whose next events are to be read.
	wanted map[*keyState]struct{}
	sweep  *sweep
}

// sweep reads the outbox again, from where keys were set aside up to after, for
// their events only.
type sweep struct {
	at   uint64
	keys map[*keyState]struct{}
}

// room is how many more events the lane may hold.
func (l *lane) room(window int) int {
	if l.bytes >= windowBytes {
		return 0
	}
	return max(window-l.events, 0)
}

// readAhead fills the lanes' windows, one page each, starting with another lane
// each time. It stops early once there is plenty to send. A lane that cannot be
// read is left alone for a while, and holds up no other.
func (s *sender) readAhead(ctx context.Context, now time.Time) {
	s.pullDirty()
	for i := range s.lanes {
		l := s.lanes[(s.turn+i)%len(s.lanes)]
		if now.Before(l.retryAt) {
			continue
		}
		l.retryAt = time.Time{}
		if err := s.readMore(ctx, l); err != nil {
			l.retryAt = now.Add(journalRetry)
			s.r.journalFailed(err)
		}
		if len(s.keys.queue) >= 2*s.window {
			break
		}
	}
	s.turn++
}

// readMore reads what l is behind with, a page at most of each.
func (s *sender) readMore(ctx context.Context, l *lane) error {
	if len(l.wanted) > 0 || l.sweep != nil {
		if err := s.sweepLane(ctx, l); err != nil {
			return err
		}
	}
	room := l.room(s.window)
	// A quarter of the window at least, unless there is nothing else to do:
	// reading one entry for each one sent would be slow.
	if !l.behind || room == 0 || (room < s.window/4 && len(s.keys.queue) > 0) {
		return nil
	}
	return s.readLane(ctx, l, min(room, maxPage))
}

func (s *sender) readLane(ctx context.Context, l *lane, page int) error {
	entries, more, err := s.r.journal.Pending(ctx, s.r.consumer, l.partition, l.after, page)
	if err != nil {
		return err
	}
	// What is committed from here on marks the lane again.
	l.behind = more
	for _, e := range entries {
		l.after = e.Sequence
		s.arrive(l, e)
	}
	return nil
}

// arrive takes in an event that was read.
func (s *sender) arrive(l *lane, e journal.Entry) {
	k := s.keys.get(keyID{e.Record.BucketID, e.Record.Key, e.Partition}, l)
	if k.aside {
		k.more = true
		return
	}
	if len(k.items) == 0 && k.place == idle {
		if b := s.r.blocked.get(e.Record.BucketID, e.Record.Key); b != nil {
			k.blocked, k.aside, k.seen = b, true, e.Sequence
			s.r.aside.Add(1)
		}
	}
	k.items = append(k.items, &item{entry: e})
	if !k.aside {
		l.events++
		l.bytes += e.Bytes
	}
	if k.place == idle {
		s.keys.offer(k, time.Time{})
	}
}

// setAside lets the lane go on without a key that fails: its first event stays
// in memory, with those that were in the same batch, of which some may be
// acknowledged; the others go back to the outbox, where they are anyway. Beyond
// the bound it does nothing, and the lane's window holds the key.
func (s *sender) setAside(k *keyState) {
	if k.aside || !s.r.roomAside() {
		return
	}
	keep := min(max(k.taken, 1), len(k.items))
	k.aside, k.seen = true, k.items[keep-1].entry.Sequence
	k.more = len(k.items) > keep
	for _, it := range k.items {
		k.lane.events--
		k.lane.bytes -= it.entry.Bytes
	}
	k.items = slices.Clone(k.items[:keep]) // so that the others can go
}

// sweepLane reads one page for the keys of l that were set aside and want their
// next events. All keys that want some share a sweep.
func (s *sender) sweepLane(ctx context.Context, l *lane) error {
	if l.sweep == nil {
		l.sweep = &sweep{at: l.after, keys: l.wanted}
		l.wanted = nil
		for k := range l.sweep.keys {
			l.sweep.at = min(l.sweep.at, k.seen)
		}
	}
	var entries []journal.Entry
	if l.sweep.at < l.after {
		var err error
		entries, _, err = s.r.journal.Pending(ctx, s.r.consumer, l.partition, l.sweep.at, maxPage)
		if err != nil {
			return err
		}
	}
	for _, e := range entries {
		l.sweep.at = e.Sequence
		if e.Sequence > l.after {
			break
		}
		k := s.keys.byID[keyID{e.Record.BucketID, e.Record.Key, e.Partition}]
		if k == nil || e.Sequence <= k.seen {
			continue
		}
		if _, in := l.sweep.keys[k]; !in {
			continue
		}
		if len(k.items) == catchUp {
			k.more = true
			s.swept(l, k)
			continue
		}
		k.items = append(k.items, &item{entry: e})
		k.seen = e.Sequence
	}
	if len(entries) > 0 && l.sweep.at < l.after {
		return nil
	}
	for k := range l.sweep.keys {
		k.more = false
		s.swept(l, k)
	}
	l.sweep = nil
	return nil
}

// swept hands a key back to be sent, or back to its lane if it has no events.
func (s *sender) swept(l *lane, k *keyState) {
	delete(l.sweep.keys, k)
	if len(k.items) > 0 {
		s.keys.offer(k, time.Time{})
		return
	}
	s.forget(k)
}

// forget drops a key that has no events, in memory or to be read again.
func (s *sender) forget(k *keyState) {
	if k.aside {
		s.r.aside.Add(-1)
	}
	delete(s.keys.byID, k.id)
}

// finished is called when a key has no events in memory.
func (s *sender) finished(k *keyState) {
	k.place = idle
	if !k.aside || !k.more {
		s.forget(k)
		return
	}
	if k.lane.wanted == nil {
		k.lane.wanted = make(map[*keyState]struct{})
	}
	k.lane.wanted[k] = struct{}{}
}
