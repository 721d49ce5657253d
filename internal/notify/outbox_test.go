package notify

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
)

// memJournal is an outbox in memory.
type memJournal struct {
	mu       sync.Mutex
	seq      [journal.Partitions]uint64
	outbox   map[string]*[journal.Partitions][]journal.Entry
	parked   map[string][]journal.Parked
	blocked  map[string]map[blockedID]journal.Blocked
	watchers map[int]func(string, uint16, journal.Change)
	nextID   int
	limits   map[string]journal.Limit
	fail     error // returned by all calls if set
	// lag is how long an acknowledgement takes to be seen.
	lag time.Duration
}

func newMemJournal() *memJournal {
	return &memJournal{
		outbox:   make(map[string]*[journal.Partitions][]journal.Entry),
		parked:   make(map[string][]journal.Parked),
		blocked:  make(map[string]map[blockedID]journal.Blocked),
		limits:   make(map[string]journal.Limit),
		watchers: make(map[int]func(string, uint16, journal.Change)),
	}
}

// add records an event of key for consumers.
func (j *memJournal) SpoolStatus(string) (journal.SpoolStatus, bool) {
	return journal.SpoolStatus{}, false
}

func (j *memJournal) add(key string, consumers ...string) journal.At {
	j.mu.Lock()
	p := journal.PartitionOf(1, key)
	j.seq[p]++
	e := journal.Entry{
		Place:  event.Place{Epoch: 7, Partition: p, Sequence: j.seq[p], Stamp: uint64(time.Now().UnixNano())},
		Record: &event.Record{Name: event.ObjectCreatedPut, Bucket: "b", BucketID: 1, Key: key},
		Bytes:  200,
	}
	for _, c := range consumers {
		box := j.outbox[c]
		if box == nil {
			box = new([journal.Partitions][]journal.Entry)
			j.outbox[c] = box
		}
		box[p] = append(box[p], e)
	}
	var fns []func(string, uint16, journal.Change)
	for _, fn := range j.watchers {
		fns = append(fns, fn)
	}
	j.mu.Unlock()
	for _, fn := range fns {
		for _, c := range consumers {
			fn(c, p, journal.Grew)
		}
	}
	return e.At()
}

func (j *memJournal) Pending(_ context.Context, consumer string, p uint16, after uint64, n int) ([]journal.Entry, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return nil, false, j.fail
	}
	box := j.outbox[consumer]
	if box == nil {
		return nil, false, nil
	}
	i, _ := slices.BinarySearchFunc(box[p], after+1, func(e journal.Entry, seq uint64) int { return int(e.Sequence) - int(seq) })
	out := slices.Clone(box[p][i:min(i+n, len(box[p]))])
	return out, len(out) == n, nil
}

func (j *memJournal) take(consumer string, at journal.At) {
	box := j.outbox[consumer]
	box[at.Partition] = slices.DeleteFunc(box[at.Partition], func(e journal.Entry) bool { return e.Sequence == at.Sequence })
}

func (j *memJournal) Ack(_ context.Context, consumer string, at []journal.At, _ int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return j.fail
	}
	at = slices.Clone(at)
	take := func() {
		for _, a := range at {
			j.take(consumer, a)
		}
	}
	if j.lag == 0 {
		take()
		return nil
	}
	time.AfterFunc(j.lag, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		take()
	})
	return nil
}

func (j *memJournal) Park(_ context.Context, consumer string, p journal.Parked) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.take(consumer, p.At())
	j.parked[consumer] = append(j.parked[consumer], p)
	return nil
}

func (j *memJournal) CountParked(_ context.Context, consumer string) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return int64(len(j.parked[consumer])), nil
}

func (j *memJournal) Block(_ context.Context, consumer string, k journal.Blocked) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.blocked[consumer] == nil {
		j.blocked[consumer] = make(map[blockedID]journal.Blocked)
	}
	j.blocked[consumer][blockedID{k.BucketID, k.Key}] = k
	return nil
}

func (j *memJournal) Unblock(_ context.Context, consumer string, bucket uint64, key string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.blocked[consumer], blockedID{bucket, key})
	return nil
}

func (j *memJournal) BlockedKeys(_ context.Context, consumer string) ([]journal.Blocked, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []journal.Blocked
	for _, b := range j.blocked[consumer] {
		out = append(out, b)
	}
	return out, nil
}

func (j *memJournal) Backlog(_ context.Context, consumer string) (journal.Backlog, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b journal.Backlog
	if box := j.outbox[consumer]; box != nil {
		for _, part := range box {
			b.Entries += int64(len(part))
		}
	}
	return b, nil
}

func (j *memJournal) Consumers(context.Context) ([]string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []string
	for c, box := range j.outbox {
		if slices.ContainsFunc(box[:], func(p []journal.Entry) bool { return len(p) > 0 }) {
			out = append(out, c)
		}
	}
	return out, nil
}

func (j *memJournal) CountAll(context.Context) error      { return nil }
func (j *memJournal) Count(context.Context, string) error { return nil }

func (j *memJournal) SetLimit(consumer string, l journal.Limit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.limits[consumer] = l
}

// Full: the outbox here takes all it is given, whatever its limit.
func (j *memJournal) Full(consumer string) bool {
	b, _ := j.Backlog(context.Background(), consumer)
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.limits[consumer].Entries
	return n > 0 && b.Entries >= n
}

// hit tells the watchers that an event was dropped, or a mutation refused.
func (j *memJournal) hit(consumer string, what journal.Change) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, fn := range j.watchers {
		fn(consumer, 0, what)
	}
}

func (j *memJournal) WatchOutbox(fn func(string, uint16, journal.Change)) func() {
	j.mu.Lock()
	defer j.mu.Unlock()
	id := j.nextID
	j.nextID++
	j.watchers[id] = fn
	return func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.watchers, id)
	}
}

func (j *memJournal) parkedOf(consumer string) []journal.Parked {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.parked[consumer])
}

func (j *memJournal) blockedOf(consumer string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.blocked[consumer])
}

func (j *memJournal) left(consumer string) int {
	b, _ := j.Backlog(context.Background(), consumer)
	return int(b.Entries)
}

// fence is a journal seen by one process: once it is dead, nothing that it
// does reaches the journal.
type fence struct {
	Journal
	mu   sync.Mutex
	dead bool
}

var errDead = errors.New("the process is gone")

func (f *fence) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
}

func (f *fence) Ack(ctx context.Context, consumer string, at []journal.At, bytes int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errDead
	}
	return f.Journal.Ack(ctx, consumer, at, bytes)
}

func (f *fence) Park(ctx context.Context, consumer string, p journal.Parked) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errDead
	}
	return f.Journal.Park(ctx, consumer, p)
}
