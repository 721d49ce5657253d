package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

var errDown = errors.New("connection refused")

// kinds of traits that delivery must serve alike.
func traitCases() map[string]target.Traits {
	return map[string]target.Traits{
		"one at a time":   {MaxBatch: 1, Senders: 1},
		"many senders":    {MaxBatch: 1, Senders: 32},
		"batches":         {MaxBatch: 50, Senders: 4},
		"small in bytes":  {MaxBatch: 50, MaxBatchBytes: 40, Senders: 2},
		"ordered batches": {MaxBatch: 100, Senders: 2, Ordered: true},
	}
}

func TestDeliversAllInOrder(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b := newMemJournal(), newBroker(traits)
				want := load(j, 500, 17, "1:fake") // before the start
				b.answer = func(ctx context.Context, _ []target.Message) error {
					return pause(ctx, time.Duration(rand.IntN(5))*time.Millisecond)
				}
				start(t, j, nil, b.configured("1"))
				for i := range 500 { // and after it
					key := fmt.Sprintf("k%d", i%23)
					want[key] = append(want[key], j.add(key, "1:fake").Sequence)
					if i%50 == 0 {
						time.Sleep(time.Millisecond)
					}
				}
				until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
				wantOrder(t, b, want)
				if n := b.count(func(b *broker) int { return len(b.got["b/k0"]) - len(want["k0"]) }); n != 0 {
					t.Errorf("%d duplicates without a failure", n)
				}
			})
		})
	}
}

func TestWakesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 4})
		start(t, j, nil, b.configured("1"))
		synctest.Wait()
		begun := time.Now()
		j.add("k", "1:fake")
		synctest.Wait()
		if n := b.total(); n != 1 || time.Since(begun) != 0 {
			t.Errorf("%d events after %v, want 1 at once", n, time.Since(begun))
		}
	})
}

func TestCrashLosesNothingAndKeepsOrder(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b := newMemJournal(), newBroker(traits)
				b.answer = func(ctx context.Context, _ []target.Message) error {
					if rand.IntN(10) == 0 {
						return errDown
					}
					return pause(ctx, time.Duration(rand.IntN(4))*time.Millisecond)
				}
				want := make(map[string][]uint64)
				for range 20 {
					f := &fence{Journal: j}
					d := New(Options{Journal: f, Encoder: textEncoder{}})
					if err := d.Apply(t.Context(), []Configured{b.configured("1")}); err != nil {
						t.Fatal(err)
					}
					for i := range 60 {
						key := fmt.Sprintf("k%d", i%13)
						want[key] = append(want[key], j.add(key, "1:fake").Sequence)
					}
					time.Sleep(time.Duration(rand.IntN(12)) * time.Millisecond)
					f.kill() // acknowledgements on their way are gone
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					_ = d.Close(ctx)
				}
				start(t, j, nil, b.configured("1"))
				until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
				wantOrder(t, b, want)
			})
		})
	}
}

func TestReconfigureUnderLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newMemJournal()
		traits := target.Traits{MaxBatch: 3, Senders: 4}
		b := newBroker(traits)
		b.answer = func(ctx context.Context, _ []target.Message) error {
			return pause(ctx, time.Duration(rand.IntN(20))*time.Millisecond)
		}
		d := start(t, j, nil, b.configured("1"))
		want := make(map[string][]uint64)
		for i := range 2000 {
			key := fmt.Sprintf("k%d", i%19)
			want[key] = append(want[key], j.add(key, "1:fake").Sequence)
			if i%20 != 0 {
				continue
			}
			time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
			c := b.configured("1")
			targets := []Configured{c}
			switch i / 20 % 5 {
			case 0:
				c.Settings.(*fakeSettings).Name = fmt.Sprint(i)
			case 1:
				targets[0].Disabled = true
			case 2:
				targets[0].Err = errors.New("url: not a URL")
			case 3:
				targets = nil
			case 4:
				b.set(func() { b.traits.Senders = 1 + i%7 })
			}
			if err := d.Apply(t.Context(), targets); err != nil {
				t.Fatal(err)
			}
		}
		b.set(func() { b.traits = traits })
		if err := d.Apply(t.Context(), []Configured{b.configured("1")}); err != nil {
			t.Fatal(err)
		}
		until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
		wantOrder(t, b, want)
	})
}

func TestReconfigureEndsWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 4})
		var down atomic.Bool
		down.Store(true)
		b.answer = func(context.Context, []target.Message) error {
			if down.Load() {
				return errDown
			}
			return nil
		}
		d := start(t, j, nil, b.configured("1"))
		load(j, 10, 10, "1:fake")
		time.Sleep(10 * time.Minute)
		down.Store(false)
		c := b.configured("1")
		c.Settings.(*fakeSettings).Name = "repaired"
		if err := d.Apply(t.Context(), []Configured{c}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := b.total(); n != 10 {
			t.Errorf("%d of 10 events delivered at once", n)
		}
	})
}

func TestJournalFailureIsSaidOnceAndPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{})
		var logs logBuffer
		start(t, j, &logs, b.configured("1"))
		synctest.Wait()
		j.mu.Lock()
		j.fail = errors.New("disk")
		j.mu.Unlock()
		j.add("k", "1:fake")
		time.Sleep(time.Minute)
		if n := logs.count("journal failed"); n != 1 {
			t.Errorf("%d log lines", n)
		}
		j.mu.Lock()
		j.fail = nil
		j.mu.Unlock()
		until(t, "delivered", func() bool { return j.left("1:fake") == 0 })
	})
}

// TestPartitionThatCannotBeReadHoldsUpNoOther: one damaged record.
func TestPartitionThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{})
		damaged := j.add("damaged", "1:fake").Partition
		var logs logBuffer
		d := start(t, &damagedJournal{memJournal: j, partition: damaged}, &logs, b.configured("1"))
		n := 0
		for i := range 50 {
			key := fmt.Sprintf("k%d", i)
			if j.add(key, "1:fake").Partition != damaged {
				n++
			}
			synctest.Wait()
			if b.total() != n {
				t.Fatalf("event %d was delayed", i)
			}
		}
		time.Sleep(time.Minute)
		if s := statusOf(t, d, "1:fake"); s.Backlog.Entries != int64(51-n) {
			t.Errorf("status %+v, want a backlog of %d", s, 51-n)
		}
		if n := logs.count("journal failed"); n != 1 {
			t.Errorf("%d log lines in a minute, want 1", n)
		}
	})
}

type damagedJournal struct {
	*memJournal
	partition uint16
}

func (j *damagedJournal) Pending(ctx context.Context, consumer string, p uint16, after uint64, n int) ([]journal.Entry, bool, error) {
	if p == j.partition {
		return nil, false, errors.New("damaged record")
	}
	return j.memJournal.Pending(ctx, consumer, p, after, n)
}

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func statusOf(t *testing.T, d *Dispatcher, name string) Status {
	t.Helper()
	all, err := d.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Target.String() == name {
			return s
		}
	}
	t.Fatalf("no status of %s", name)
	return Status{}
}
