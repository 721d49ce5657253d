package notify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestDownThenUp(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b := newMemJournal(), newBroker(traits)
				var down atomic.Bool
				down.Store(true)
				b.answer = func(context.Context, []target.Message) error {
					if down.Load() {
						return errDown
					}
					return nil
				}
				var logs logBuffer
				d := start(t, j, &logs, b.configured("1"))
				want := load(j, 300, 20, "1:fake")
				time.Sleep(time.Hour)
				if n := b.count(func(b *broker) int { return b.sends }); n > 400 {
					t.Errorf("%d sends within an hour of trouble", n)
				}
				if s := statusOf(t, d, "1:fake"); s.State != Offline || s.Backlog.Entries != 300 || s.LastError == "" {
					t.Errorf("status %+v, want offline with a backlog of 300 and a reason", s)
				}
				down.Store(false)
				took := until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
				if took > probeWaits.limit+maxFresh*freshFirst+20*time.Second {
					t.Errorf("found the target back after %v", took)
				}
				wantOrder(t, b, want)
				if s := statusOf(t, d, "1:fake"); s.State != Online || s.Backlog.Entries != 0 || s.Parked != 0 || s.BlockedKeys != 0 {
					t.Errorf("status %+v, want online and nothing left", s)
				}
				if a, z := logs.count("target in trouble"), logs.count("target is back"); a != 1 || z != 1 {
					t.Errorf("%d and %d log lines for one trouble", a, z)
				}
			})
		})
	}
}

func TestFailuresAtRandom(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b := newMemJournal(), newBroker(traits)
				b.answer = func(ctx context.Context, msgs []target.Message) error {
					_ = pause(ctx, time.Duration(rand.IntN(3))*time.Millisecond)
					switch rand.IntN(6) {
					case 0:
						return errDown
					case 1:
						if traits.Ordered {
							return errDown
						}
						return &target.BatchError{Failed: map[int]error{rand.IntN(len(msgs)): errDown}}
					case 2:
						return target.RetryAfter(time.Second, errDown)
					}
					return nil
				}
				start(t, j, nil, b.configured("1"))
				want := load(j, 400, 11, "1:fake")
				until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
				wantOrder(t, b, want)
			})
		})
	}
}

func TestHungNeighbourDelaysNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newMemJournal()
		good, hung := newBroker(target.Traits{Senders: 2}), newBroker(target.Traits{Senders: 2, Timeout: 5 * time.Second})
		never := make(chan struct{})
		hung.answer = func(context.Context, []target.Message) error {
			<-never // not even when its context ends
			return errDown
		}
		d := start(t, j, nil, good.configured("good"), hung.configured("hung"))
		for i := range 100 {
			begun := time.Now()
			j.add(fmt.Sprintf("k%d", i), "good:fake", "hung:fake")
			synctest.Wait()
			if good.total() != i+1 || time.Since(begun) != 0 {
				t.Fatalf("event %d was delayed", i)
			}
		}
		time.Sleep(time.Hour)
		r := d.snapshot()["hung:fake"].runner
		if n := r.abandoned.Load(); n == 0 || n > maxAbandoned+2 {
			t.Errorf("%d sends left behind, want a few", n)
		}
		begun := time.Now()
		if s := statusOf(t, d, "hung:fake"); s.State != Offline || s.Backlog.Entries != 100 {
			t.Errorf("hung: %+v", s)
		}
		if took := time.Since(begun); took > checkTimeout {
			t.Errorf("status took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun = time.Now()
		_ = d.Close(ctx)
		if took := time.Since(begun); took > time.Second+3*sendGrace {
			t.Errorf("close took %v", took)
		}
		close(never)
	})
}

func TestTimeoutOpensTheClientAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Timeout: time.Second})
		var stuck atomic.Bool
		stuck.Store(true)
		b.answer = func(ctx context.Context, _ []target.Message) error {
			if stuck.Swap(false) {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		start(t, j, nil, b.configured("1"))
		j.add("k", "1:fake")
		until(t, "delivered", func() bool { return j.left("1:fake") == 0 })
		if o, c := b.count(func(b *broker) int { return b.opens }), b.count(func(b *broker) int { return b.closes }); o != 2 || c != 1 {
			t.Errorf("opened %d times, closed %d, want 2 and 1", o, c)
		}
	})
}

// TestBadKeysDoNotHoldTheBreaker: of many keys some fail always; when the
// target comes back from trouble, those must not keep the others waiting.
func TestBadKeysDoNotHoldTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 3})
		var down atomic.Bool
		down.Store(true)
		b.answer = func(_ context.Context, msgs []target.Message) error {
			if down.Load() || strings.HasPrefix(msgs[0].Key, "b/bad") {
				return errDown
			}
			return nil
		}
		start(t, j, nil, b.configured("1"))
		for i := range 10 {
			j.add(fmt.Sprintf("bad%d", i), "1:fake")
		}
		time.Sleep(10 * time.Minute)
		down.Store(false)
		for i := range 100 {
			j.add(fmt.Sprintf("good%d", i), "1:fake")
		}
		took := until(t, "good ones delivered", func() bool { return b.total() == 100 })
		if took > 2*probeWaits.limit {
			t.Errorf("good events waited %v", took)
		}
	})
}

// TestBlockedKeysDoNotOpenTheBreaker: at night only their retries are sent, and
// they must not make the target look down.
func TestBlockedKeysDoNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 8})
		b.answer = func(_ context.Context, msgs []target.Message) error {
			if strings.HasPrefix(msgs[0].Key, "b/bad") {
				return errDown
			}
			return nil
		}
		for i := range 20 {
			key := fmt.Sprintf("bad%d", i)
			j.add(key, "1:fake")
			_ = j.Block(t.Context(), "1:fake", journal.Blocked{BucketID: 1, Key: key, Since: time.Now()})
		}
		var logs logBuffer
		d := start(t, j, &logs, b.configured("1"))
		for i := range 100 {
			time.Sleep(10 * time.Minute)
			if s := statusOf(t, d, "1:fake"); s.State != Online || s.BlockedKeys != 20 {
				t.Fatalf("status %+v, want online with 20 keys blocked", s)
			}
			j.add(fmt.Sprintf("good%d", i), "1:fake")
			synctest.Wait()
			if n := b.total(); n != i+1 {
				t.Fatalf("event %d was delayed", i)
			}
		}
		if n := logs.count("target in trouble"); n != 0 {
			t.Errorf("%d log lines of trouble", n)
		}
	})
}

func TestFlappingIsNotLoggedEachTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 4})
		begun := time.Now()
		b.answer = func(context.Context, []target.Message) error {
			if time.Since(begun)/time.Second%2 == 0 {
				return errDown
			}
			return nil
		}
		var logs logBuffer
		start(t, j, &logs, b.configured("1"))
		want := make(map[string][]uint64)
		for i := range 6000 { // ten minutes
			key := fmt.Sprintf("k%d", i%50)
			want[key] = append(want[key], j.add(key, "1:fake").Sequence)
			time.Sleep(100 * time.Millisecond)
		}
		until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
		wantOrder(t, b, want)
		if n := logs.count("target in trouble"); n == 0 || n > 12 {
			t.Errorf("%d log lines in ten minutes of flapping", n)
		}
	})
}

func TestPanicStaysInItsTarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{})
		var once atomic.Bool
		b.answer = func(_ context.Context, msgs []target.Message) error {
			if !once.Swap(true) {
				b.set(func() { b.busy[laneOf("1", msgs[0].Key)]-- })
				panic("hunter2")
			}
			return nil
		}
		var logs logBuffer
		start(t, j, &logs, b.configured("1"))
		j.add("k", "1:fake")
		until(t, "delivered", func() bool { return j.left("1:fake") == 0 })
		if logs.count("target panicked") != 1 || logs.count("hunter2") != 0 {
			t.Errorf("log: %s", logs.buf.String())
		}
	})
}

// TestOrderedBatchThatFailsInPart: a target of an ordered kind that takes later
// events of a key and not an earlier one breaks its contract, and loses nothing
// by it.
func TestOrderedBatchThatFailsInPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{MaxBatch: 100, Senders: 1, Ordered: true})
		load(j, 60, 3, "1:fake")
		tries := 0
		b.answer = func(_ context.Context, msgs []target.Message) error {
			bad := &target.BatchError{Failed: map[int]error{}}
			b.mu.Lock()
			defer b.mu.Unlock()
			for i, m := range msgs {
				if m.Key == "b/k1" && tries < 20 {
					bad.Failed[i] = errDown
					tries++
					break // the first of the key alone
				}
			}
			if len(bad.Failed) == 0 {
				return nil
			}
			return bad
		}
		start(t, j, nil, b.configured("1"))
		until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
		if n := b.total(); n != 60 {
			t.Errorf("%d of 60 events came", n)
		}
	})
}
