package notify

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	errX := errors.New("x")
	tests := map[string]struct {
		err     error
		n       int
		want    []outcome
		alive   bool
		trouble bool
		whole   bool
		after   time.Duration
	}{
		"nil":                {nil, 2, []outcome{acked, acked}, true, false, false, 0},
		"unmarked":           {errX, 2, []outcome{failed, failed}, false, true, true, 0},
		"refused, alone":     {target.Permanent(errX), 1, []outcome{refused}, true, false, false, 0},
		"refused, of many":   {target.Permanent(errX), 2, []outcome{failed, failed}, true, false, true, 0},
		"retry after":        {target.RetryAfter(time.Second, errX), 1, []outcome{failed}, false, true, true, time.Second},
		"retry after a day":  {target.RetryAfter(24*time.Hour, errX), 1, []outcome{failed}, false, true, true, maxRetryAfter},
		"retry before now":   {target.RetryAfter(-time.Hour, errX), 1, []outcome{failed}, false, true, true, 0},
		"some failed":        {&target.BatchError{Failed: map[int]error{1: errX}}, 3, []outcome{acked, failed, acked}, true, false, false, 0},
		"some refused":       {&target.BatchError{Failed: map[int]error{0: target.Permanent(errX)}}, 2, []outcome{refused, acked}, true, false, false, 0},
		"wrapped":            {fmt.Errorf("bulk: %w", &target.BatchError{Failed: map[int]error{0: errX}}), 2, []outcome{failed, acked}, true, false, false, 0},
		"every one failed":   {&target.BatchError{Failed: map[int]error{0: errX, 1: errX}}, 2, []outcome{failed, failed}, false, true, false, 0},
		"failed and refused": {&target.BatchError{Failed: map[int]error{0: errX, 1: target.Permanent(errX)}}, 2, []outcome{failed, refused}, true, false, false, 0},
		"names none":         {&target.BatchError{}, 2, []outcome{failed, failed}, false, true, true, 0},
		"names a stranger":   {&target.BatchError{Failed: map[int]error{2: errX}}, 2, []outcome{failed, failed}, false, true, true, 0},
		"a member's wish": {
			&target.BatchError{Failed: map[int]error{0: target.RetryAfter(time.Minute, errX)}}, 2,
			[]outcome{failed, acked},
			true, false, false, time.Minute,
		},
		"broken off": {fmt.Errorf("%w: x", errAborted), 1, []outcome{undecided}, false, false, false, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := classify(tt.err, tt.n)
			if diff := cmp.Diff(tt.want, got.outcomes); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if got.alive != tt.alive || got.trouble != tt.trouble || got.whole != tt.whole || got.retryAfter != tt.after {
				t.Errorf("alive %v trouble %v whole %v after %v, want %v %v %v %v",
					got.alive, got.trouble, got.whole, got.retryAfter, tt.alive, tt.trouble, tt.whole, tt.after)
			}
			for i, o := range got.outcomes {
				if (o == acked) != (got.errs[i] == nil) {
					t.Errorf("member %d: outcome %d with error %v", i, o, got.errs[i])
				}
			}
		})
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		h    history
		o    outcome
		e    evidence
		want history
		act  action
		wait time.Duration
	}{
		"acknowledged":            {history{attempts: 4}, acked, evidence{}, history{attempts: 5}, ack, 0},
		"broken off says nothing": {history{attempts: 4}, undecided, evidence{}, history{attempts: 4}, retry, 0},
		"first refusal":           {history{}, refused, evidence{jitter: 1}, history{attempts: 1, refusals: 1}, retry, 500 * time.Millisecond},
		"third refusal":           {history{3, 2, 0}, refused, evidence{}, history{4, 3, 0}, park, 0},
		"target in trouble":       {history{9, 0, 0}, failed, evidence{jitter: 1}, history{10, 0, 0}, retry, 500 * time.Millisecond},
		"alone":                   {history{1, 0, 1}, failed, evidence{othersSucceed: true, jitter: 1}, history{2, 0, 2}, retry, time.Second},
		"alone too often":         {history{4, 0, 4}, failed, evidence{othersSucceed: true, jitter: 1}, history{5, 0, 5}, block, 8 * time.Second},
		"blocked already":         {history{5, 0, 5}, failed, evidence{othersSucceed: true, blockedFor: 1, jitter: 1}, history{6, 0, 6}, retry, 16 * time.Second},
		"blocked, no bound":       {history{50, 0, 50}, failed, evidence{othersSucceed: true, blockedFor: 1 << 60, jitter: 1}, history{51, 0, 51}, retry, 5 * time.Minute},
		"blocked too long":        {history{50, 0, 50}, failed, evidence{othersSucceed: true, blockedFor: time.Hour, parkAfter: time.Hour}, history{51, 0, 51}, park, 0},
		"blocked long, but the target is in trouble": {
			history{},
			failed,
			evidence{blockedFor: time.Hour, parkAfter: time.Hour, jitter: 1},
			history{1, 0, 0},
			retry, 500 * time.Millisecond,
		},
		"with a whole batch that was refused": {history{}, failed, evidence{othersSucceed: true, shared: true, alive: true}, history{attempts: 1}, retry, 0},
		"with a whole batch that failed":      {history{}, failed, evidence{othersSucceed: true, shared: true, jitter: 1}, history{attempts: 1}, retry, 500 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, act, wait := tt.h.next(tt.o, tt.e)
			if h != tt.want || act != tt.act || wait != tt.wait {
				t.Errorf("next = %+v, action %d, wait %v; want %+v, %d, %v", h, act, wait, tt.want, tt.act, tt.wait)
			}
		})
	}
}

// FuzzNext checks what must hold whatever a target answers: an event leaves the
// outbox only acknowledged, refused often enough, or blocked too long by the
// operator's word; a key is blocked only for failures of its own; waits are
// bounded.
func FuzzNext(f *testing.F) {
	f.Add([]byte{1, 2, 3, 17, 18, 33}, int64(0), 0.5)
	f.Add([]byte{2, 2, 2}, int64(time.Hour), 0.0)
	f.Add([]byte{17, 17, 17, 17, 17, 17, 0}, int64(1), 1.0)
	f.Fuzz(func(t *testing.T, answers []byte, parkAfter int64, jitter float64) {
		if !(jitter >= 0 && jitter <= 1) {
			return
		}
		var h history
		refusals, alone, blocked := 0, 0, false
		for _, a := range answers {
			e := evidence{
				othersSucceed: a&16 != 0, shared: a&32 != 0, alive: a&64 != 0,
				parkAfter: time.Duration(max(parkAfter, 0)), jitter: jitter,
			}
			if blocked {
				e.blockedFor = time.Duration(a) * time.Minute
			}
			o := outcome(a & 3)
			if o == refused {
				refusals++
			}
			if o == failed && e.othersSucceed {
				alone++
			}
			var act action
			var wait time.Duration
			h, act, wait = h.next(o, e)
			if wait < 0 || wait > keyWaits.limit {
				t.Fatalf("a wait of %v", wait)
			}
			switch act {
			case ack:
				if o != acked {
					t.Fatalf("acknowledged after outcome %d", o)
				}
				return
			case park:
				byRefusal := o == refused && refusals >= refusalsBeforePark
				byTime := o == failed && blocked && e.parkAfter > 0 && e.blockedFor >= e.parkAfter && alone > 0
				if !byRefusal && !byTime {
					t.Fatalf("parked after %d refusals, blocked %v", refusals, blocked)
				}
				return
			case block:
				if alone < failuresBeforeBlock {
					t.Fatalf("blocked after %d failures of its own", alone)
				}
				blocked = true
			}
		}
	})
}
