package notify

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func overviewOf(ctx context.Context, d *Dispatcher) map[string]string {
	got := make(map[string]string)
	for _, s := range d.Overview(ctx) {
		got[s.Target.ID] = fmt.Sprintf("%s, %d waiting", s.State, s.Backlog.Entries)
	}
	return got
}

// TestOverviewAsksNobody: states come from what delivery and others' checks have
// shown.
func TestOverviewAsksNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newMemJournal()
		idle, failing, hanging := newBroker(target.Traits{}), newBroker(target.Traits{}), newBroker(target.Traits{})
		var checks atomic.Int32
		refuses := func(context.Context) error { checks.Add(1); return errDown }
		idle.check, failing.check = refuses, refuses
		never := make(chan struct{})
		hanging.check = func(context.Context) error { <-never; return nil }
		failing.answer = func(context.Context, []target.Message) error { return errDown }
		off := idle.configured("off")
		off.Disabled = true
		d := start(t, j, nil, idle.configured("idle"), failing.configured("failing"), hanging.configured("hanging"), off)
		for _, c := range []string{"failing:fake", "off:fake", "gone:fake"} {
			for _, key := range []string{"a", "b", "c"} {
				j.add(key, c)
			}
		}
		time.Sleep(time.Minute)
		want := map[string]string{
			"idle": "online, 0 waiting", "failing": "offline, 3 waiting", "hanging": "online, 0 waiting",
			"off": "disabled, 3 waiting", "gone": "not configured, 3 waiting",
		}
		begun := time.Now()
		if diff := cmp.Diff(want, overviewOf(t.Context(), d)); diff != "" {
			t.Errorf("overview (-want +got):\n%s", diff)
		}
		if took := time.Since(begun); took != 0 || checks.Load() != 0 {
			t.Errorf("it took %s and %d checks", took, checks.Load())
		}
		// What somebody else asked is believed for a while.
		for _, name := range []string{"idle", "hanging"} {
			if err := d.Check(t.Context(), event.TargetID{ID: name, Type: "fake"}); err == nil {
				t.Errorf("the check of %s passed", name)
			}
		}
		time.Sleep(time.Second)
		want["idle"], want["hanging"] = "offline, 0 waiting", "offline, 0 waiting"
		if diff := cmp.Diff(want, overviewOf(t.Context(), d)); diff != "" {
			t.Errorf("after a check (-want +got):\n%s", diff)
		}
		time.Sleep(checkSpeaks)
		want["idle"], want["hanging"] = "online, 0 waiting", "online, 0 waiting"
		if diff := cmp.Diff(want, overviewOf(t.Context(), d)); diff != "" {
			t.Errorf("long after a check (-want +got):\n%s", diff)
		}
		close(never)
	})
}

// TestOverviewWithoutTheJournal: the targets that run are told of all the same.
func TestOverviewWithoutTheJournal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{})
		d := start(t, &failing{memJournal: j}, nil, b.configured("1"))
		j.mu.Lock()
		j.fail = errors.New("disk")
		j.mu.Unlock()
		if got := overviewOf(t.Context(), d); got["1"] != "online, 0 waiting" {
			t.Errorf("overview %v", got)
		}
	})
}
