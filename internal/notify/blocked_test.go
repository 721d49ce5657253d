package notify

import (
	"context"
	"errors"
	"fmt"
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
	for name, more := range map[string]bool{"with more of its key": true, "alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { blockedEventDropped(t, more) })
		})
	}
}

func blockedEventDropped(t *testing.T, more bool) {
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
	var want []uint64
	if more {
		want = []uint64{j.add("bad", "1:fake").Sequence, j.add("bad", "1:fake").Sequence}
	}
	_ = j.Ack(t.Context(), "1:fake", []journal.At{first}, 0)
	until(t, "the others delivered and the key unblocked", func() bool {
		return j.left("1:fake") == 0 && j.blockedOf("1:fake") == 0
	})
	wantOrder(t, b, map[string][]uint64{"bad": want})
	if s := statusOf(t, d, "1:fake"); s.BlockedKeys != 0 {
		t.Errorf("status %+v", s)
	}
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
