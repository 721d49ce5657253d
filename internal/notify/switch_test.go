package notify

import (
	"bytes"
	"context"
	"errors"
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

// renamed is a target's configuration with other settings.
func renamed(b *broker, name string) Configured {
	c := b.configured("1")
	c.Settings.(*fakeSettings).Name = name
	return c
}

// TestSwitchFromAHungTarget: Sends under way to the former destination hold up
// the new one for some seconds, and not for the kind's timeout.
func TestSwitchFromAHungTarget(t *testing.T) {
	t.Parallel()
	for name, traits := range traitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				traits.Timeout = time.Hour
				j, b := newMemJournal(), newBroker(traits)
				var hung atomic.Bool
				hung.Store(true)
				b.answer = func(ctx context.Context, _ []target.Message) error {
					if !hung.Load() {
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				}
				var logs logBuffer
				d := start(t, j, &logs, b.configured("1"))
				want := load(j, 300, 7, "1:fake")
				time.Sleep(time.Minute)
				hung.Store(false)
				if err := d.Apply(t.Context(), []Configured{renamed(b, "elsewhere")}); err != nil {
					t.Fatal(err)
				}
				took := until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
				if bound := applyDrain + 2*sendGrace; took > bound {
					t.Errorf("it took %v, want %v at most", took, bound)
				}
				wantOrder(t, b, want)
				if n := logs.count("in trouble"); n != 0 {
					t.Errorf("%d lines of log about trouble", n)
				}
			})
		})
	}
}

// TestFormerDestinationSpeaksForItself: what the former destination answers
// after the change says nothing of the new one.
func TestFormerDestinationSpeaksForItself(t *testing.T) {
	t.Parallel()
	answers := map[string]error{
		"an error":    errDown,
		"retry after": target.RetryAfter(15*time.Minute, errors.New("busy")),
		"a refusal":   target.Permanent(errors.New("unknown")),
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b := newMemJournal(), newBroker(target.Traits{MaxBatch: 3, Senders: 4})
				var former atomic.Bool
				former.Store(true)
				b.answer = func(ctx context.Context, _ []target.Message) error {
					if !former.Load() {
						return nil
					}
					return errors.Join(pause(ctx, 2*time.Second), answer)
				}
				d := start(t, j, nil, b.configured("1"))
				want := load(j, 100, 10, "1:fake")
				time.Sleep(time.Second)
				former.Store(false)
				if err := d.Apply(t.Context(), []Configured{renamed(b, "elsewhere")}); err != nil {
					t.Fatal(err)
				}
				if took := until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 }); took > 2*time.Second {
					t.Errorf("it took %v: the new destination was made to wait", took)
				}
				wantOrder(t, b, want)
				if s := statusOf(t, d, "1:fake"); s.State != Online || s.LastError != "" || s.Failed != 0 {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

// atFirstSend calls a function between making the first batch and sending it.
type atFirstSend struct {
	unobserved
	once *sync.Once
	do   func()
}

func (a atFirstSend) SendBegan() { a.once.Do(a.do) }

// TestBatchSuitsItsDestination: a batch that was made before a change of format
// is made anew.
func TestBatchSuitsItsDestination(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{MaxBatch: 3})
		var wrong atomic.Int64
		b.answer = func(_ context.Context, msgs []target.Message) error {
			for _, m := range msgs {
				if !bytes.HasPrefix(m.Body, []byte("records ")) {
					wrong.Add(1)
				}
			}
			return nil
		}
		var d *Dispatcher
		change := func() {
			b.set(func() { b.traits.Body = target.Records })
			if err := d.Apply(t.Context(), []Configured{renamed(b, "other format")}); err != nil {
				t.Error(err)
			}
		}
		observer := atFirstSend{once: new(sync.Once), do: change}
		d = New(Options{Journal: j, Encoder: textEncoder{}, Observe: func(event.TargetID) Observer { return observer }})
		t.Cleanup(func() { stopDispatcher(t, d) })
		if err := d.Apply(t.Context(), []Configured{b.configured("1")}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := load(j, 20, 5, "1:fake")
		until(t, "all acknowledged", func() bool { return j.left("1:fake") == 0 })
		if n := wrong.Load(); n != 0 {
			t.Errorf("%d messages in the former form", n)
		}
		wantOrder(t, b, want)
	})
}

// TestLimitOfATargetThatDoesNotRun: switched off or misconfigured, a target keeps
// its events within the operator's bound; one that is gone has none.
func TestLimitOfATargetThatDoesNotRun(t *testing.T) {
	t.Parallel()
	bound := config.Queue{Limit: 10, Bytes: 1 << 20, Full: config.QueueRefuse}
	limit := journal.Limit{Entries: 10, Bytes: 1 << 20, Refuse: true}
	tests := map[string]struct {
		after []Configured
		want  journal.Limit
		full  bool
	}{
		"switched off":  {[]Configured{{Disabled: true, Queue: bound}}, limit, true},
		"misconfigured": {[]Configured{{Err: errDown, Queue: bound}}, limit, true},
		"gone":          {nil, journal.Limit{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b := newMemJournal(), newBroker(target.Traits{})
				c := b.configured("1")
				c.Settings.(*fakeSettings).Queue = bound
				d := start(t, j, nil, c)
				for i := range tt.after {
					tt.after[i].Target, tt.after[i].Kind = c.Target, c.Kind
				}
				if err := d.Apply(t.Context(), tt.after); err != nil {
					t.Fatal(err)
				}
				if got := j.limits["1:fake"]; got != tt.want {
					t.Errorf("the limit is %+v, want %+v", got, tt.want)
				}
				load(j, 20, 5, "1:fake")
				if s := statusOf(t, d, "1:fake"); s.Full != tt.full || s.OverLimit != tt.full {
					t.Errorf("full %v, over its limit %v, want %v", s.Full, s.OverLimit, tt.full)
				}
			})
		})
	}
}
