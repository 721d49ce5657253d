package journal

import (
	"errors"
	"fmt"
)

// ErrBacklogFull says that a mutation is refused because the outbox of a
// consumer that its rule names is full, and its operator wants writes refused
// rather than events dropped.
var ErrBacklogFull = errors.New("journal: backlog is full")

// Limit bounds a consumer's outbox. The zero Limit is none.
type Limit struct {
	// Entries and Bytes are the most that may wait; 0 means no bound. Commits
	// under way at the same moment can exceed it by what they add.
	Entries, Bytes int64
	// Refuse has mutations refused at the limit. Otherwise the newest events
	// are dropped, and each is recorded as a gap.
	Refuse bool
}

// reached reports which bound a backlog has reached; empty for none.
func (l Limit) reached(entries, bytes int64) string {
	switch {
	case l.Entries > 0 && entries >= l.Entries:
		return ReasonLimit
	case l.Bytes > 0 && bytes >= l.Bytes:
		return ReasonBytes
	}
	return ""
}

// cleared reports whether a backlog is so far below the bounds that events are
// taken again: a fifth, so that a target at its limit does not take one event
// and drop the next.
func (l Limit) cleared(entries, bytes int64) bool {
	return (l.Entries == 0 || entries <= l.Entries-l.Entries/5) && (l.Bytes == 0 || bytes <= l.Bytes-l.Bytes/5)
}

// SetLimit bounds a consumer's outbox from now on. What is in it stays.
func (j *Journal) SetLimit(consumer string, l Limit) {
	c := j.counters.of(consumer)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit != l {
		c.limit, c.full = l, false
	}
}

// admit says whether an entry may be added: an empty reason means yes. refuse
// says that the mutation is to be refused rather than its event dropped.
func (c *counter) admit() (reason string, refuse bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit == (Limit{}) {
		return "", false
	}
	if c.full && c.limit.cleared(c.entries, c.bytes) {
		c.full = false
	}
	reason = c.limit.reached(c.entries, c.bytes)
	if reason == "" && c.full {
		reason = ReasonLimit
		if c.limit.Entries == 0 {
			reason = ReasonBytes
		}
	}
	c.full = reason != ""
	return reason, c.limit.Refuse
}

// Admit says whether mutations whose events these consumers get are accepted
// now: nil, or ErrBacklogFull. Callers ask before they read a request's body;
// Add asks again.
func (j *Journal) Admit(consumers []string) error {
	for _, consumer := range consumers {
		if reason, refuse := j.counters.of(consumer).admit(); reason != "" && refuse {
			return j.refuse(consumer, reason)
		}
	}
	return nil
}

func (j *Journal) refuse(consumer, reason string) error {
	j.changed(consumer, 0, Refused)
	return fmt.Errorf("%w: that of %s has reached its %s", ErrBacklogFull, consumer, reason)
}

// Full reports whether a consumer's outbox is at its limit: its events are
// dropped, or mutations refused, until it is well below it again.
func (j *Journal) Full(consumer string) bool {
	reason, _ := j.counters.of(consumer).admit()
	return reason != ""
}

// halfEntries is half of what an outbox without a limit may hold before an alarm
// is raised.
const halfEntries = 50_000

// Room is how many events an operator's replay or backfill may add to a
// consumer's outbox: until it is half full, so that they never are the reason
// for which what happens is dropped or refused. 0 means that they wait.
func (j *Journal) Room(consumer string) int64 {
	c := j.counters.of(consumer)
	c.mu.Lock()
	defer c.mu.Unlock()
	half := int64(halfEntries)
	if c.limit.Entries > 0 {
		half = (c.limit.Entries + 1) / 2
	}
	if c.limit.Bytes > 0 && c.bytes >= (c.limit.Bytes+1)/2 {
		return 0
	}
	return max(half-c.entries, 0)
}
