package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
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

func TestRefusedEventIsParked(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b := newMemJournal(), newBroker(traits)
				var poison sync.Map
				b.answer = func(_ context.Context, msgs []target.Message) error {
					for _, m := range msgs {
						if _, bad := poison.Load(string(m.Body)); bad {
							return target.Permanent(errors.New("400 bad request"))
						}
					}
					return nil
				}
				var logs logBuffer
				d := start(t, j, &logs, b.configured("1"))
				bad := j.add("k3", "1:fake")
				poison.Store(fmt.Sprintf("k3 %d-%d", bad.Partition, bad.Sequence), true)
				want := load(j, 200, 20, "1:fake")
				took := until(t, "all others acknowledged", func() bool { return b.total() == 200 })
				if took > 10*time.Second {
					t.Errorf("the refused event held the others for %v", took)
				}
				until(t, "parked", func() bool { return j.left("1:fake") == 0 })
				wantOrder(t, b, want)
				parked := j.parkedOf("1:fake")
				if len(parked) != 1 || parked[0].At() != bad || parked[0].Attempts < refusalsBeforePark || !strings.Contains(parked[0].Reason, "400") {
					t.Errorf("parked %+v", parked)
				}
				if s := statusOf(t, d, "1:fake"); s.Parked != 1 || s.BlockedKeys != 0 || s.State != Online {
					t.Errorf("status %+v", s)
				}
				if n := logs.count("event parked"); n != 1 {
					t.Errorf("%d log lines for it", n)
				}
			})
		})
	}
}

func TestKeyThatFailsIsBlockedAndComesBack(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b := newMemJournal(), newBroker(traits)
				var bad atomic.Bool
				bad.Store(true)
				j.lag = 20 * time.Millisecond
				near := "b/" + neighbour("k3")
				b.answer = failKeys(&bad, "b/k3", near)
				d := start(t, j, nil, b.configured("1"))
				want := load(j, 600, 20, "1:fake")
				// Two keys of one partition fail, so that they share what reads
				// their events again.
				for range 40 {
					want[near[2:]] = append(want[near[2:]], j.add(near[2:], "1:fake").Sequence)
				}
				until(t, "others acknowledged", func() bool { return b.total() == 570 })
				// More of the same, while others go on: its events stay behind, and
				// not in memory.
				for i := range 1000 {
					want["k3"] = append(want["k3"], j.add("k3", "1:fake").Sequence)
					other := fmt.Sprintf("o%d", i%40)
					want[other] = append(want[other], j.add(other, "1:fake").Sequence)
					time.Sleep(50 * time.Millisecond)
				}
				until(t, "others acknowledged", func() bool { return b.total() == 1570 })
				if s := statusOf(t, d, "1:fake"); s.BlockedKeys != 2 || s.State != Online || s.Backlog.Entries != 1070 {
					t.Errorf("status %+v, want online, two keys blocked, 1070 events", s)
				}
				if keys, err := d.BlockedKeys(event.TargetID{ID: "1", Type: "fake"}); err != nil || len(keys) != 2 || keys[0].Key != "k3" {
					t.Errorf("blocked keys %v, %v", keys, err)
				}
				if n := inMemory(d, "1:fake"); n > 100 {
					t.Errorf("%d events in memory for two blocked keys", n)
				}
				bad.Store(false)
				c := b.configured("1")
				c.Settings.(*fakeSettings).Name = "so that both are tried at once"
				if err := d.Apply(t.Context(), []Configured{c}); err != nil {
					t.Fatal(err)
				}
				took := until(t, "its events acknowledged", func() bool { return j.left("1:fake") == 0 })
				if took > time.Minute {
					t.Errorf("took %v", took)
				}
				wantOrder(t, b, want)
				for key, seqs := range want {
					if got := b.count(func(b *broker) int { return len(b.got["b/"+key]) }); got != len(seqs) {
						t.Errorf("key %q: %d acknowledgements for %d events", key, got, len(seqs))
					}
				}
				if n := j.blockedOf("1:fake"); n != 0 {
					t.Errorf("%d keys still blocked", n)
				}
				if n := d.snapshot()["1:fake"].runner.aside.Load(); n != 0 {
					t.Errorf("%d keys still aside", n)
				}
			})
		})
	}
}

// TestHotKeyThatFailsLeavesItsPartitionFree: its events must not fill the
// window in the seconds before it is blocked.
func TestHotKeyThatFailsLeavesItsPartitionFree(t *testing.T) {
	t.Parallel()
	for name, busy := range map[string]bool{"others succeed meanwhile": true, "nothing else goes on": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { hotKeyThatFails(t, busy) })
		})
	}
}

func hotKeyThatFails(t *testing.T, busy bool) {
	j, b := newMemJournal(), newBroker(target.Traits{Senders: 8})
	var bad atomic.Bool
	bad.Store(true)
	b.answer = failKeys(&bad, "b/hot")
	other := neighbour("hot")
	d := start(t, j, nil, b.configured("1"))
	for range 5 * maxWindow {
		j.add("hot", "1:fake")
	}
	for range 10 {
		j.add(other, "1:fake")
	}
	took := until(t, "its neighbour delivered", func() bool {
		if busy {
			j.add("elsewhere", "1:fake")
		}
		return len(b.first("b/"+other)) == 10
	})
	if took > 2*time.Second {
		t.Errorf("the neighbour waited %v", took)
	}
	if s := statusOf(t, d, "1:fake"); s.BlockedKeys != 0 {
		t.Errorf("status %+v: blocked too early for this test", s)
	}
}

// TestBlockedEventThatAnOperatorDropped: the key goes on with the next.
func TestBlockedEventThatAnOperatorDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 2})
		first := j.add("bad", "1:fake")
		b.answer = func(_ context.Context, msgs []target.Message) error {
			if strings.HasSuffix(msgs[0].ID, fmt.Sprintf("-%d-%d", first.Partition, first.Sequence)) {
				return errDown
			}
			return nil
		}
		d := start(t, j, nil, b.configured("1"))
		until(t, "blocked", func() bool {
			j.add("good", "1:fake")
			time.Sleep(100 * time.Millisecond)
			return j.blockedOf("1:fake") == 1
		})
		want := []uint64{j.add("bad", "1:fake").Sequence, j.add("bad", "1:fake").Sequence}
		_ = j.Ack(t.Context(), "1:fake", []journal.At{first})
		until(t, "the others delivered", func() bool { return j.left("1:fake") == 0 })
		wantOrder(t, b, map[string][]uint64{"bad": want})
		if s := statusOf(t, d, "1:fake"); s.BlockedKeys != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestBlockedKeyIsParkedAfterTheOperatorsBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 4})
		var bad atomic.Bool
		bad.Store(true)
		b.answer = failKeys(&bad, "b/bad")
		d := New(Options{Journal: j, Encoder: textEncoder{}, ParkBlockedAfter: time.Hour})
		t.Cleanup(func() { stopDispatcher(t, d) })
		if err := d.Apply(t.Context(), []Configured{b.configured("1")}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			j.add("bad", "1:fake")
		}
		tick := func() {
			j.add("good", "1:fake")
			time.Sleep(100 * time.Millisecond)
		}
		for range 36_000 / 2 { // half an hour
			tick()
		}
		if n := len(j.parkedOf("1:fake")); n != 0 {
			t.Fatalf("%d events parked before the bound", n)
		}
		until(t, "parked", func() bool { tick(); return len(j.parkedOf("1:fake")) == 3 })
		if n := j.blockedOf("1:fake"); n != 0 {
			t.Errorf("%d keys blocked without events", n)
		}
	})
}

func TestBlockedKeysOutliveARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 4})
		var bad atomic.Bool
		bad.Store(true)
		b.answer = failKeys(&bad, "b/bad")
		var want []uint64
		for range 50 {
			want = append(want, j.add("bad", "1:fake").Sequence)
		}
		_ = j.Block(t.Context(), "1:fake", journal.Blocked{BucketID: 1, Key: "bad", Since: time.Now()})
		d := start(t, j, nil, b.configured("1"))
		synctest.Wait()
		if s := statusOf(t, d, "1:fake"); s.BlockedKeys != 1 {
			t.Errorf("status %+v", s)
		}
		bad.Store(false)
		until(t, "delivered", func() bool { return j.left("1:fake") == 0 })
		wantOrder(t, b, map[string][]uint64{"bad": want})
		if n := j.blockedOf("1:fake"); n != 0 {
			t.Errorf("%d keys still blocked", n)
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

func TestReconfigureTriesBlockedKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 4})
		var bad atomic.Bool
		bad.Store(true)
		b.answer = failKeys(&bad, "b/bad")
		d := start(t, j, nil, b.configured("1"))
		j.add("bad", "1:fake")
		for range 6000 { // ten minutes, so that its waits are of minutes
			j.add("good", "1:fake")
			time.Sleep(100 * time.Millisecond)
		}
		bad.Store(false)
		c := b.configured("1")
		c.Settings.(*fakeSettings).Name = "repaired"
		if err := d.Apply(t.Context(), []Configured{c}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(b.first("b/bad")); n != 1 {
			t.Error("the blocked key was not tried at once")
		}
	})
}

func TestPanicStaysInItsTarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{})
		b.busy = make(map[string]int)
		var once atomic.Bool
		b.answer = func(_ context.Context, msgs []target.Message) error {
			if !once.Swap(true) {
				b.set(func() { b.busy[msgs[0].Key]-- })
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

// failKeys fails the events of some keys, by name where the batch has others.
func failKeys(bad *atomic.Bool, keys ...string) func(context.Context, []target.Message) error {
	return func(_ context.Context, msgs []target.Message) error {
		if !bad.Load() {
			return nil
		}
		failed := make(map[int]error)
		for i, m := range msgs {
			if slices.Contains(keys, m.Key) {
				failed[i] = errDown
			}
		}
		switch {
		case len(failed) == 0:
			return nil
		case len(failed) == len(msgs):
			return errDown
		}
		return &target.BatchError{Failed: failed}
	}
}

// neighbour is another key of the same partition.
func neighbour(key string) string {
	for i := 0; ; i++ {
		if n := fmt.Sprintf("n%d", i); journal.PartitionOf(1, n) == journal.PartitionOf(1, key) {
			return n
		}
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

// inMemory counts the events that a target holds. The bubble must be idle.
func inMemory(d *Dispatcher, name string) int {
	synctest.Wait()
	n := 0
	for _, s := range d.snapshot()[name].runner.senders {
		for _, k := range s.keys.byID {
			n += len(k.items)
		}
	}
	return n
}
