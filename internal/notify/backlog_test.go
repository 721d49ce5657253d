package notify

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// longJournal is an outbox with the same number of events in each partition,
// made when they are read. It remembers how many were out at most.
type longJournal struct {
	*memJournal
	each uint64
	done chan struct{}

	mu       sync.Mutex
	upTo     [journal.Partitions]uint64
	out, max int
	left     int
}

func newLongJournal(total int) *longJournal {
	j := &longJournal{memJournal: newMemJournal(), each: uint64(total / journal.Partitions), done: make(chan struct{})}
	j.left = int(j.each) * journal.Partitions
	return j
}

func (j *longJournal) Pending(_ context.Context, _ string, p uint16, after uint64, n int) ([]journal.Entry, bool, error) {
	var out []journal.Entry
	for seq := after + 1; seq <= j.each && len(out) < n; seq++ {
		out = append(out, journal.Entry{
			Place:  event.Place{Partition: p, Sequence: seq, Stamp: seq},
			Record: &event.Record{Bucket: "b", BucketID: 1, Key: fmt.Sprintf("%d/%d", p, seq)},
			Bytes:  300,
		})
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if last := after + uint64(len(out)); last > j.upTo[p] {
		j.out += int(last - j.upTo[p])
		j.upTo[p] = last
	}
	j.max = max(j.max, j.out)
	return out, len(out) == n, nil
}

func (j *longJournal) Ack(_ context.Context, _ string, at []journal.At, _ int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.out -= len(at)
	if j.left -= len(at); j.left == 0 {
		close(j.done)
	}
	return nil
}

func (j *longJournal) Backlog(context.Context, string) (journal.Backlog, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return journal.Backlog{Entries: int64(j.left)}, nil
}

func (j *longJournal) most() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.max
}

// nullKind acknowledges everything.
func nullKind(traits target.Traits, answer func() error) target.Kind {
	return target.New(target.Definition[fakeSettings, *fakeSettings]{
		Name:   "fake",
		Traits: func(*fakeSettings) target.Traits { return traits },
		Open:   func(*fakeSettings, target.Env) (target.Target, error) { return nullTarget{answer}, nil },
	})
}

type nullTarget struct{ answer func() error }

func (n nullTarget) Send(context.Context, []target.Message) error { return n.answer() }
func (nullTarget) Close() error                                   { return nil }

// TestMillionEventsStayInTheOutbox: memory holds windows, not the backlog,
// whether the target is down or takes all it is given.
func TestMillionEventsStayInTheOutbox(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		events int
		traits target.Traits
	}{
		"small batches": {100_000, target.Traits{MaxBatch: 8, Senders: 16}},
		"large batches": {1_000_000, target.Traits{MaxBatch: 500, Senders: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := newLongJournal(tt.events)
				var mu sync.Mutex
				err := errDown
				kind := nullKind(tt.traits, func() error {
					mu.Lock()
					defer mu.Unlock()
					return err
				})
				start(t, j, nil, Configured{Target: event.TargetID{ID: "1", Type: "fake"}, Kind: kind, Settings: &fakeSettings{}})
				time.Sleep(time.Hour)
				if n, limit := j.most(), journal.Partitions*maxWindow; n > limit {
					t.Errorf("%d events in memory while the target is down, want %d at most", n, limit)
				}
				mu.Lock()
				err = nil
				mu.Unlock()
				<-j.done
				if n, limit := j.most(), journal.Partitions*maxWindow+ackQueue+2*ackBatch; n > limit {
					t.Errorf("%d events in memory at most, want %d", n, limit)
				}
			})
		})
	}
}

// TestWindowIsBoundedInBytes: events that are large fill a lane sooner.
func TestWindowIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	l := &lane{events: 3, bytes: windowBytes - 1}
	if n := l.room(10); n != 7 {
		t.Errorf("room for %d, want 7", n)
	}
	l.bytes++
	if n := l.room(10); n != 0 {
		t.Errorf("room for %d in a full window", n)
	}
}

// TestFullBacklogIsSaidOnce: each change of a limit's state is one line, however
// many events are dropped or writes refused.
func TestFullBacklogIsSaidOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		full string
		what journal.Change
		line string
	}{
		"dropping": {config.QueueDrop, journal.Dropped, "newest events are dropped"},
		"refusing": {config.QueueRefuse, journal.Refused, "writes whose events this target gets are refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b := newMemJournal(), newBroker(target.Traits{})
				var down atomic.Bool
				down.Store(true)
				b.answer = func(context.Context, []target.Message) error {
					if down.Load() {
						return errDown
					}
					return nil
				}
				c := b.configured("1")
				c.Settings.(*fakeSettings).Queue = config.Queue{Limit: 50, Full: tt.full}
				var logs logBuffer
				d := start(t, j, &logs, c)
				load(j, 49, 10, "1:fake")
				time.Sleep(10 * time.Minute)
				if n, s := logs.count("backlog is full"), statusOf(t, d, "1:fake"); n != 0 || s.Full || s.OverLimit {
					t.Errorf("below its limit: %d log lines, %+v", n, s)
				}
				load(j, 1, 1, "1:fake")
				for range 20 {
					j.hit("1:fake", tt.what)
					time.Sleep(time.Minute)
				}
				if n, s := logs.count(tt.line), statusOf(t, d, "1:fake"); n != 1 || !s.Full || !s.OverLimit {
					t.Errorf("at its limit: %d log lines, want 1; %+v", n, s)
				}
				down.Store(false)
				until(t, "delivered, all of it", func() bool { return j.left("1:fake") == 0 && b.total() == 50 })
				until(t, "said", func() bool { return logs.count("below its limit again") == 1 })
			})
		})
	}
}

// TestLongBacklogIsSaidOnce: without a queue_limit nothing is dropped, and the
// guide's number is where an alarm is raised.
func TestLongBacklogIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newLongJournal(alarmLimit + journal.Partitions)
		var logs logBuffer
		d := start(t, j, &logs, Configured{
			Target: event.TargetID{ID: "1", Type: "fake"}, Settings: &fakeSettings{},
			Kind: nullKind(target.Traits{}, func() error { return errDown }),
		})
		time.Sleep(time.Hour)
		if n, s := logs.count("backlog is long"), statusOf(t, d, "1:fake"); n != 1 || !s.OverLimit || s.Full {
			t.Errorf("%d log lines, want 1; %+v", n, s)
		}
	})
}
