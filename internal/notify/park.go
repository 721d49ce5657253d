package notify

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
)

// maxReasonBytes bounds the reason kept with a parked event or blocked key: a
// destination's answer can be a page.
const maxReasonBytes = 512

// park moves an event to the parked ones. false: the journal failed, and the
// event stays.
func (s *sender) park(k *keyState, it *item, cause error) bool {
	if len(k.items) == 1 && !k.more {
		// Before the event goes, so that no crash leaves a blocked key that has
		// no event to unblock it.
		s.unblock(k)
	}
	p := journal.Parked{
		Entry:    it.entry,
		Reason:   reason(cause),
		Attempts: it.hist.attempts,
		ParkedAt: time.Now().UTC(),
	}
	if err := s.r.journal.Park(s.r.hard, s.r.consumer, p); err != nil {
		s.r.journalFailed(err)
		return false
	}
	s.r.parked.Add(1)
	s.r.observer.Parked()
	s.r.log.Warn("event parked", "target", s.r.consumer, "event", event.EventID(it.entry.Place),
		"bucket", it.entry.Record.Bucket, "key", it.entry.Record.Key, "attempts", it.hist.attempts, "err", p.Reason)
	s.remove(k, it)
	return true
}

// block adds a key to the durable set of blocked ones.
func (s *sender) block(k *keyState, it *item, cause error) {
	b := journal.Blocked{
		BucketID: k.id.bucket,
		Key:      k.id.key,
		Since:    time.Now().UTC(),
		Attempts: it.hist.attempts,
		Reason:   reason(cause),
	}
	s.setAside(k)
	if !k.aside {
		return
	}
	if err := s.r.journal.Block(s.r.hard, s.r.consumer, b); err != nil {
		s.r.journalFailed(err)
		return
	}
	k.blocked = s.r.blocked.add(b)
	s.r.log.Warn("key blocked", "target", s.r.consumer, "bucket", it.entry.Record.Bucket, "key", k.id.key,
		"attempts", b.Attempts, "err", b.Reason)
}

// unblock takes a key out of the set, if it is in it. It comes before the
// acknowledgement of the event that shows it: a crash between the two repeats
// the event, and leaves no key blocked without one.
func (s *sender) unblock(k *keyState) {
	if k.blocked == nil {
		return
	}
	k.blocked = nil
	if !s.r.blocked.remove(k.id.bucket, k.id.key) {
		return
	}
	if err := s.r.journal.Unblock(s.r.hard, s.r.consumer, k.id.bucket, k.id.key); err != nil {
		s.r.journalFailed(err)
		return
	}
	s.r.log.Info("key unblocked", "target", s.r.consumer, "key", k.id.key)
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if len(text) > maxReasonBytes {
		text = text[:maxReasonBytes] + "..."
	}
	return text
}

type blockedID struct {
	bucket uint64
	key    string
}

// blockedSet mirrors a target's durable set of blocked keys. It is safe for
// concurrent use.
type blockedSet struct {
	n    atomic.Int64
	mu   sync.Mutex
	keys map[blockedID]*journal.Blocked
}

func loadBlocked(ctx context.Context, j Journal, consumer string) (*blockedSet, error) {
	list, err := j.BlockedKeys(ctx, consumer)
	if err != nil {
		return nil, err
	}
	s := &blockedSet{keys: make(map[blockedID]*journal.Blocked, len(list))}
	for _, b := range list {
		s.add(b)
	}
	return s, nil
}

func (s *blockedSet) get(bucket uint64, key string) *journal.Blocked {
	if s.n.Load() == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[blockedID{bucket, key}]
}

func (s *blockedSet) add(b journal.Blocked) *journal.Blocked {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[blockedID{b.BucketID, b.Key}] = &b
	s.n.Store(int64(len(s.keys)))
	return &b
}

func (s *blockedSet) remove(bucket uint64, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := blockedID{bucket, key}
	_, ok := s.keys[id]
	delete(s.keys, id)
	s.n.Store(int64(len(s.keys)))
	return ok
}

// list returns a copy.
func (s *blockedSet) list() []journal.Blocked {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]journal.Blocked, 0, len(s.keys))
	for _, b := range s.keys {
		out = append(out, *b)
	}
	return out
}
