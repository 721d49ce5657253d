package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestStatesOfTargets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newMemJournal()
		up, down, broken := newBroker(target.Traits{}), newBroker(target.Traits{}), newBroker(target.Traits{})
		down.check = func(context.Context) error { return errDown }
		broken.open = func() error { return errors.New("client_cert: no such file") }
		bad, off := up.configured("bad"), up.configured("off")
		bad.Err = errors.New("endpoint: not a URL")
		off.Disabled = true
		d := start(t, j, nil, up.configured("up"), down.configured("down"), broken.configured("broken"), bad, off)
		for _, c := range []string{"bad:fake", "off:fake", "gone:fake", "broken:fake"} {
			j.add("k", c)
		}
		j.add("k", "replication rule") // another reader of the journal
		time.Sleep(time.Minute)
		got := make(map[string]string)
		all, err := d.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			got[s.Target.ID] = fmt.Sprintf("%s, %d waiting, %s", s.State, s.Backlog.Entries, s.LastError)
		}
		want := map[string]string{
			"up":     "online, 0 waiting, ",
			"down":   "offline, 0 waiting, connection refused",
			"broken": "misconfigured, 1 waiting, client_cert: no such file",
			"bad":    "misconfigured, 1 waiting, endpoint: not a URL",
			"off":    "disabled, 1 waiting, ",
			"gone":   "not configured, 1 waiting, ",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		wantARNs := []string{"arn:minio:sqs:r:bad:fake", "arn:minio:sqs:r:broken:fake", "arn:minio:sqs:r:down:fake", "arn:minio:sqs:r:up:fake"}
		if diff := cmp.Diff(wantARNs, d.ARNs("r")); diff != "" {
			t.Errorf("ARNs (-want +got):\n%s", diff)
		}
		for name, want := range map[string]bool{"up": true, "down": true, "bad": true, "off": false, "gone": false} {
			if got := d.Known(event.TargetID{ID: name, Type: "fake"}); got != want {
				t.Errorf("Known(%s) = %v", name, got)
			}
		}
		// What waits is delivered once it can be.
		broken.set(func() { broken.open = nil })
		gone := up.configured("gone")
		bad.Err, off.Disabled = nil, false
		if err := d.Apply(t.Context(), []Configured{broken.configured("broken"), bad, off, gone}); err != nil {
			t.Fatal(err)
		}
		until(t, "all delivered", func() bool {
			return j.left("bad:fake")+j.left("off:fake")+j.left("gone:fake")+j.left("broken:fake") == 0
		})
	})
}

// TestStatusAsksAllTargetsAtOnce: targets that hang cost two seconds together,
// not each.
func TestStatusAsksAllTargetsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(target.Traits{})
		var checks atomic.Int32
		never := make(chan struct{})
		b.check = func(context.Context) error {
			checks.Add(1)
			<-never // not even when its context ends
			return nil
		}
		var targets []Configured
		for i := range 20 {
			targets = append(targets, b.configured(fmt.Sprint(i)))
		}
		d := start(t, newMemJournal(), nil, targets...)
		for range 2 {
			begun := time.Now()
			all, err := d.Status(t.Context())
			if took := time.Since(begun); err != nil || took > checkTimeout {
				t.Fatalf("status took %v, %v", took, err)
			}
			for _, s := range all {
				if s.State != Offline {
					t.Fatalf("%s is %s", s.Target, s.State)
				}
			}
		}
		if n := checks.Load(); n != 20 {
			t.Errorf("%d checks, want one for each target while it has not ended", n)
		}
		close(never)
	})
}

func TestCheckResultIsSharedBriefly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(target.Traits{})
		var checks atomic.Int32
		b.check = func(context.Context) error { checks.Add(1); return nil }
		d := start(t, newMemJournal(), nil, b.configured("1"))
		id := event.TargetID{ID: "1", Type: "fake"}
		for range 5 {
			if err := d.Check(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if n := checks.Load(); n != 1 {
			t.Errorf("%d checks at one time, want 1", n)
		}
		time.Sleep(checkFresh + time.Millisecond)
		if err := d.Check(t.Context(), id); err != nil || checks.Load() != 2 {
			t.Errorf("%d checks after a while, %v", checks.Load(), err)
		}
		if err := d.Check(t.Context(), event.TargetID{ID: "2", Type: "fake"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("check of a stranger: %v", err)
		}
	})
}

// TestRestartReadsTheOutboxAgain: an operator put a parked event back.
func TestRestartReadsTheOutboxAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 3})
		d := start(t, j, nil, b.configured("1"))
		load(j, 10, 2, "1:fake")
		until(t, "delivered", func() bool { return j.left("1:fake") == 0 })
		j.mu.Lock()
		p := journal.PartitionOf(1, "k0")
		j.outbox["1:fake"][p] = append(j.outbox["1:fake"][p], journal.Entry{
			Place: event.Place{Partition: p, Sequence: 1}, Record: &event.Record{Bucket: "b", BucketID: 1, Key: "k0", Replay: true},
		})
		j.mu.Unlock()
		if err := d.Restart(t.Context(), event.TargetID{ID: "1", Type: "fake"}); err != nil {
			t.Fatal(err)
		}
		until(t, "delivered again", func() bool { return j.left("1:fake") == 0 })
		if err := d.Restart(t.Context(), event.TargetID{ID: "2", Type: "fake"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("restart of a stranger: %v", err)
		}
	})
}

func TestApplyLeavesWhatIsTheSameAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroker(target.Traits{})
		d := start(t, newMemJournal(), nil, b.configured("1"))
		if err := d.Check(t.Context(), event.TargetID{ID: "1", Type: "fake"}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := d.Apply(t.Context(), []Configured{b.configured("1")}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := b.count(func(b *broker) int { return b.opens + b.closes }); n != 1 {
			t.Errorf("opened and closed %d times, want 1", n)
		}
	})
}

func TestApplyAfterCloseAndAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{})
		j.fail = errors.New("disk")
		d := New(Options{Journal: &failing{memJournal: j}, Encoder: textEncoder{}})
		if err := d.Apply(t.Context(), []Configured{b.configured("1")}); err == nil || !strings.Contains(err.Error(), "start 1:fake: disk") {
			t.Errorf("apply: %v", err)
		}
		j.mu.Lock()
		j.fail = nil
		j.mu.Unlock()
		if err := d.Apply(t.Context(), []Configured{b.configured("1")}); err != nil {
			t.Errorf("apply again: %v", err)
		}
		j.add("k", "1:fake")
		until(t, "delivered", func() bool { return j.left("1:fake") == 0 })
		stopDispatcher(t, d)
		stopDispatcher(t, d)
		if d.Apply(t.Context(), nil) == nil {
			t.Error("apply after close succeeded")
		}
	})
}

// failing fails what a start reads.
type failing struct{ *memJournal }

func (f *failing) BlockedKeys(ctx context.Context, consumer string) ([]journal.Blocked, error) {
	f.mu.Lock()
	err := f.fail
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return f.memJournal.BlockedKeys(ctx, consumer)
}

// TestOneBadEventOfABatchIsFound: the target drops the connection on it, and
// says nothing of the others.
func TestOneBadEventOfABatchIsFound(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"connection lost": errDown,
		"refused":         target.Permanent(errors.New("too large")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, b := newMemJournal(), newBroker(target.Traits{MaxBatch: 100, Senders: 2})
				b.answer = func(_ context.Context, msgs []target.Message) error {
					for _, m := range msgs {
						if m.Key == "b/bad" {
							return err
						}
					}
					return nil
				}
				d := start(t, j, nil, b.configured("1"))
				j.add("bad", "1:fake")
				want := load(j, 500, 400, "1:fake")
				took := until(t, "others delivered", func() bool { return b.total() == 500 })
				if took > 30*time.Second {
					t.Errorf("others waited %v", took)
				}
				wantOrder(t, b, want)
				// New events keep the target known as well.
				for range 600 {
					j.add("other", "1:fake")
					time.Sleep(100 * time.Millisecond)
				}
				s := statusOf(t, d, "1:fake")
				if blockedOrParked := s.BlockedKeys + int(s.Parked); blockedOrParked != 1 || s.State != Online {
					t.Errorf("status %+v, want online with the bad key blocked or parked", s)
				}
			})
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 8})
		begun := time.Now()
		var early atomic.Int32
		b.answer = func(context.Context, []target.Message) error {
			if since := time.Since(begun); since > 0 && since < time.Minute {
				early.Add(1)
			}
			if time.Since(begun) < time.Minute {
				return target.RetryAfter(time.Minute, errDown)
			}
			return nil
		}
		want := load(j, 100, 50, "1:fake")
		start(t, j, nil, b.configured("1"))
		time.Sleep(30 * time.Second)
		more := load(j, 10, 10, "1:fake")
		for key, seqs := range more {
			want[key] = append(want[key], seqs...)
		}
		took := until(t, "delivered", func() bool { return j.left("1:fake") == 0 })
		if took > 35*time.Second {
			t.Errorf("took %v after the minute had passed", took)
		}
		if n := early.Load(); n != 0 {
			t.Errorf("%d sends before the time that was asked for", n)
		}
		wantOrder(t, b, want)
	})
}

// TestRewriteMeetsNoEventInFlight: while an operator's change is under way,
// nothing is sent and nothing is acknowledged; afterwards delivery goes on with
// what the change left, and its counts go on too.
func TestRewriteMeetsNoEventInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{Senders: 3})
		d := start(t, j, nil, b.configured("1"))
		load(j, 50, 4, "1:fake")
		id := event.TargetID{ID: "1", Type: "fake"}
		wantErr := errors.New("no")
		err := d.Rewrite(t.Context(), id, func(context.Context) error {
			sends, left := b.count(func(b *broker) int { return b.sends }), j.left("1:fake")
			time.Sleep(time.Minute)
			if now := b.count(func(b *broker) int { return b.sends }); now != sends || j.left("1:fake") != left {
				t.Errorf("%d sends, %d events left before, %d and %d after", sends, left, now, j.left("1:fake"))
			}
			return wantErr
		})
		if !errors.Is(err, wantErr) {
			t.Errorf("error %v", err)
		}
		until(t, "delivered", func() bool { return j.left("1:fake") == 0 })
		statuses, err := d.Status(t.Context())
		if err != nil || len(statuses) != 1 || statuses[0].Delivered < 50 {
			t.Errorf("%+v, %v", statuses, err)
		}
		ran := false
		err = d.Rewrite(t.Context(), event.TargetID{ID: "2", Type: "fake"}, func(context.Context) error { ran = true; return nil })
		if err != nil || !ran {
			t.Errorf("a target that is not configured: ran %v, %v", ran, err)
		}
	})
}
