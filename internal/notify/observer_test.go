package notify

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// tally is an Observer that adds up.
type tally struct {
	mu                                  sync.Mutex
	begun, ended, retried, failed, errs int
	delivered, parked, dropped, refused int
	longest                             time.Duration
	slowest                             time.Duration
}

func (c *tally) add(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *tally) SendBegan() { c.add(func() { c.begun++ }) }
func (c *tally) Parked()    { c.add(func() { c.parked++ }) }
func (c *tally) Dropped()   { c.add(func() { c.dropped++ }) }
func (c *tally) Refused()   { c.add(func() { c.refused++ }) }
func (c *tally) Delivered(after time.Duration) {
	c.add(func() { c.delivered, c.longest = c.delivered+1, max(c.longest, after) })
}

func (c *tally) SendEnded(took time.Duration, retried, failed int, err bool) {
	c.add(func() {
		c.ended, c.retried, c.failed, c.slowest = c.ended+1, c.retried+retried, c.failed+failed, max(c.slowest, took)
		if err {
			c.errs++
		}
	})
}

// TestObserverIsTold: every attempt on every event is in one number.
func TestObserverIsTold(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const events, sendTime, outage = 40, 20 * time.Millisecond, 10 * time.Second
				j, b := newMemJournal(), newBroker(traits)
				var mu sync.Mutex
				attempts := 0
				upAt := time.Now().Add(outage)
				b.answer = func(_ context.Context, msgs []target.Message) error {
					time.Sleep(sendTime)
					mu.Lock()
					defer mu.Unlock()
					attempts += len(msgs)
					if time.Now().Before(upAt) {
						return errDown
					}
					bad := target.BatchError{Failed: map[int]error{}}
					for i, m := range msgs {
						if m.Key == "b/poison" {
							bad.Failed[i] = target.Permanent(errors.New("400"))
						}
					}
					if len(bad.Failed) > 0 {
						return &bad
					}
					return nil
				}
				var c tally
				d := New(Options{Journal: j, Encoder: textEncoder{}, Observe: func(event.TargetID) Observer { return &c }})
				t.Cleanup(func() { stopDispatcher(t, d) })
				if err := d.Apply(t.Context(), []Configured{b.configured("1")}); err != nil {
					t.Fatal(err)
				}
				j.add("poison", "1:fake")
				load(j, events, 8, "1:fake")
				until(t, "all delivered or parked", func() bool { return j.left("1:fake") == 0 })
				c.mu.Lock()
				defer c.mu.Unlock()
				mu.Lock()
				defer mu.Unlock()
				if c.delivered != events || c.parked != 1 || c.dropped+c.refused != 0 {
					t.Errorf("%d delivered, %d parked, %d dropped, %d refused", c.delivered, c.parked, c.dropped, c.refused)
				}
				if c.begun != c.ended || c.begun != b.count(func(b *broker) int { return b.sends }) {
					t.Errorf("%d Sends began, %d ended", c.begun, c.ended)
				}
				if c.delivered+c.failed != attempts || c.retried != attempts-events-1 || c.errs == 0 {
					t.Errorf("%d failed, %d retried, %d errors of %d attempts", c.failed, c.retried, c.errs, attempts)
				}
				if c.longest < outage-time.Second || c.slowest != sendTime {
					t.Errorf("longest delivery %s, slowest Send %s", c.longest, c.slowest)
				}
			})
		})
	}
}

// TestObserverIsToldOfLimits, also where no target runs.
func TestObserverIsToldOfLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{})
		counts := map[string]*tally{"1": {}, "2": {}, "gone": {}}
		d := New(Options{Journal: j, Encoder: textEncoder{}, Observe: func(id event.TargetID) Observer { return counts[id.ID] }})
		t.Cleanup(func() { stopDispatcher(t, d) })
		if err := d.Apply(t.Context(), []Configured{b.configured("1"), b.configured("2")}); err != nil {
			t.Fatal(err)
		}
		for consumer, n := range map[string]int{"1:fake": 3, "gone:fake": 2, "replication rule": 1} {
			for range n {
				j.hit(consumer, journal.Dropped)
			}
			j.hit(consumer, journal.Refused)
		}
		for id, want := range map[string][2]int{"1": {3, 1}, "2": {0, 0}, "gone": {2, 1}} {
			if got := [2]int{counts[id].dropped, counts[id].refused}; got != want {
				t.Errorf("%s: dropped and refused %v, want %v", id, got, want)
			}
		}
	})
}
