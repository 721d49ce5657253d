package notify

import (
	"context"
	"fmt"
	"sync"
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

func (j *longJournal) Pending(_ context.Context, _ string, p uint16, after uint64, n int) ([]journal.Entry, error) {
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
	return out, nil
}

func (j *longJournal) Ack(_ context.Context, _ string, at []journal.At) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.out -= len(at)
	if j.left -= len(at); j.left == 0 {
		close(j.done)
	}
	return nil
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

func TestBacklogIsCountedSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &slowCount{memJournal: newMemJournal()}
		ctx, cancel := context.WithCancel(t.Context())
		b := newBacklogs(ctx, j)
		defer b.wg.Wait()
		defer cancel()
		begun := time.Now()
		for time.Since(begun) < 10*time.Minute {
			if n := b.of(t.Context(), "1:fake").Entries; n != 42 {
				t.Fatalf("%d entries, want 42", n)
			}
			time.Sleep(100 * time.Millisecond)
		}
		// Each count takes two seconds, so one in hundred.
		if j.counts < 5 || j.counts > 8 {
			t.Errorf("counted %d times in ten minutes, want 6", j.counts)
		}
		time.Sleep(10 * time.Minute)
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if n := b.of(short, "1:fake").Entries; n != 42 {
			t.Errorf("with too little time: %d entries, want those of the last count", n)
		}
	})
}

type slowCount struct {
	*memJournal
	counts int
}

func (j *slowCount) Backlog(ctx context.Context, _ string) (journal.Backlog, error) {
	j.counts++
	return journal.Backlog{Entries: 42}, pause(ctx, 2*time.Second)
}

func TestBacklogOverItsLimitIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{})
		var mu sync.Mutex
		err := errDown
		b.answer = func(context.Context, []target.Message) error {
			mu.Lock()
			defer mu.Unlock()
			return err
		}
		c := b.configured("1")
		c.Settings.(*fakeSettings).Queue = config.Queue{Limit: 50}
		var logs logBuffer
		d := start(t, j, &logs, c)
		load(j, 50, 10, "1:fake")
		time.Sleep(10 * time.Minute)
		if n := logs.count("exceeds queue_limit"); n != 0 || statusOf(t, d, "1:fake").OverLimit {
			t.Errorf("at its limit: %d log lines", n)
		}
		load(j, 1, 1, "1:fake")
		time.Sleep(10 * time.Minute)
		if n := logs.count("exceeds queue_limit"); n != 1 || !statusOf(t, d, "1:fake").OverLimit {
			t.Errorf("above its limit: %d log lines, want 1", n)
		}
		mu.Lock()
		err = nil
		mu.Unlock()
		until(t, "delivered, all of it", func() bool { return j.left("1:fake") == 0 && b.total() == 51 })
	})
}
