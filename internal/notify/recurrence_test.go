package notify

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestRecurrence(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		// gap is from an acknowledgement to the next event, ack from the event to
		// its own.
		gap, ack time.Duration
		want     bool
	}{
		"answers to its delivery":     {50 * time.Millisecond, 5 * time.Millisecond, true},
		"written before the delivery": {-time.Millisecond, 5 * time.Millisecond, false},
		"now and then":                {recurWithin + time.Millisecond, 5 * time.Millisecond, false},
		"too seldom for the window":   {recurWithin, recurWithin, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r recurrence
			acked, got := at(0), false
			for range 3 * recurTimes {
				happened := acked.Add(tt.gap)
				acked = happened.Add(tt.ack)
				got = r.acked(keyID{key: "k"}, happened, acked) || got
			}
			if got != tt.want {
				t.Errorf("recurs = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestRecurrenceWatchesABoundedNumberOfKeys(t *testing.T) {
	t.Parallel()
	var r recurrence
	for i := range 10 * recurKeys {
		r.acked(keyID{bucket: uint64(i)}, at(0), at(0))
	}
	if n := len(r.keys); n != recurKeys {
		t.Errorf("%d keys watched, want %d", n, recurKeys)
	}
}

func TestReceiverThatWritesWhatItWatchesIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, b := newMemJournal(), newBroker(target.Traits{})
		left := 500
		b.answer = func(ctx context.Context, _ []target.Message) error {
			if left--; left > 0 {
				time.AfterFunc(10*time.Millisecond, func() { j.add("k", "1:fake") })
			}
			return pause(ctx, time.Millisecond)
		}
		var logs logBuffer
		start(t, j, &logs, b.configured("1"))
		j.add("k", "1:fake")
		until(t, "the loop's end", func() bool { return b.total() == 500 })
		if n := logs.count("events of one key recur"); n != 1 {
			t.Errorf("%d warnings, want 1", n)
		}
	})
}
