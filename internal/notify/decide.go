package notify

import (
	"errors"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// refusalsBeforePark is how often a target must refuse an event for good
	// before it is parked: a receiver in the middle of a restart can answer
	// nonsense once or twice.
	refusalsBeforePark = 3
	// failuresBeforeBlock is how often an event must fail while others succeed
	// before its key joins the durable set of blocked keys: with keyWaits, after
	// some eight seconds.
	failuresBeforeBlock = 5
	// maxRetryAfter bounds what a destination can ask for: a mistaken header
	// must not silence a target for a day.
	maxRetryAfter = 15 * time.Minute
)

// outcome is what became of one event in one Send.
type outcome uint8

const (
	// acked: the target has it.
	acked outcome = iota
	// failed: to be sent again.
	failed
	// refused: the target will never take it.
	refused
	// undecided: the Send was broken off by our own doing; it says nothing of
	// the event.
	undecided
)

// sendResult is what a Send says of its batch.
type sendResult struct {
	// outcomes has one entry for each event of the batch, errs its error.
	outcomes []outcome
	errs     []error
	// alive: the target answered for some event, be it with a refusal.
	alive bool
	// trouble: nothing succeeded, and not because of the events.
	trouble bool
	// whole: the error spoke of the batch and not of its members.
	whole bool
	// retryAfter is the destination's wish; it concerns the whole target.
	retryAfter time.Duration
}

// classify reads the error of a Send of n events by the contract of
// target.Target.
func classify(err error, n int) sendResult {
	r := sendResult{outcomes: make([]outcome, n), errs: make([]error, n)}
	var batch *target.BatchError
	switch {
	case err == nil:
		r.alive = true
	case errors.Is(err, errAborted):
		r.all(undecided, err)
	case errors.As(err, &batch) && namesMembers(batch, n):
		r.members(batch)
	case target.IsPermanent(err) && n == 1:
		r.all(refused, err)
		r.alive = true
	case target.IsPermanent(err):
		// One of them was refused and took the others along: it is found by
		// sending fewer at a time.
		r.all(failed, err)
		r.alive, r.whole = true, true
	default:
		r.all(failed, err)
		r.trouble, r.whole = true, true
	}
	if !r.alive || r.whole {
		r.retryAfter = retryAfter(err)
	}
	return r
}

func (r *sendResult) all(o outcome, err error) {
	for i := range r.outcomes {
		r.outcomes[i], r.errs[i] = o, err
	}
}

func (r *sendResult) members(batch *target.BatchError) {
	bad := 0
	for i, err := range batch.Failed {
		r.outcomes[i], r.errs[i] = failed, err
		if target.IsPermanent(err) {
			r.outcomes[i] = refused
		} else {
			bad++
		}
		r.retryAfter = max(r.retryAfter, retryAfter(err))
	}
	r.alive = bad < len(r.outcomes)
	r.trouble = !r.alive
}

// namesMembers reports whether a BatchError is one that can be believed: it
// names members of the batch, at least one. Otherwise all of it failed, which
// may cost duplicates but no event.
func namesMembers(e *target.BatchError, n int) bool {
	for i, err := range e.Failed {
		if i < 0 || i >= n || err == nil {
			return false
		}
	}
	return len(e.Failed) > 0
}

func retryAfter(err error) time.Duration {
	d, _ := target.RetryDelay(err)
	return min(max(d, 0), maxRetryAfter)
}

// history is what is remembered of the attempts on one event.
type history struct {
	// attempts counts all Sends, refusals those that were refused for good,
	// alone those that failed while other events succeeded.
	attempts, refusals, alone int
}

// evidence is what is known besides the outcome of an attempt.
type evidence struct {
	// othersSucceed: since this event's previous attempt began, the target took
	// other events.
	othersSucceed bool
	// shared: the error spoke of a whole batch, so nothing is known of this one.
	shared bool
	// alive: the target answered, so there is no reason to wait for it.
	alive bool
	// blockedFor is how long the event's key has been blocked; 0 if it is not.
	blockedFor time.Duration
	// parkAfter is the operator's bound on blockedFor; 0 means none.
	parkAfter time.Duration
	jitter    float64
}

// action is what to do with an event.
type action uint8

const (
	// ack: take it out of the outbox.
	ack action = iota
	// retry: send it again after a wait.
	retry
	// block: as retry, and its key joins the blocked ones.
	block
	// park: set it aside for good.
	park
)

// next decides what becomes of an event after an attempt. It returns the new
// history, the action, and the wait before the next attempt.
func (h history) next(o outcome, e evidence) (history, action, time.Duration) {
	if o == undecided {
		return h, retry, 0
	}
	h.attempts++
	switch o {
	case acked:
		return h, ack, 0
	case refused:
		h.refusals++
		if h.refusals >= refusalsBeforePark {
			return h, park, 0
		}
		return h, retry, keyWaits.wait(h.refusals, e.jitter)
	}
	if e.shared && e.alive {
		// Fewer at a time, at once: halving ends by itself.
		return h, retry, 0
	}
	if e.othersSucceed && !e.shared {
		h.alone++
	}
	if e.blockedFor > 0 && e.parkAfter > 0 && e.blockedFor >= e.parkAfter && h.alone > 0 {
		return h, park, 0
	}
	wait := keyWaits.wait(max(h.alone, 1), e.jitter)
	if h.alone >= failuresBeforeBlock && e.blockedFor == 0 {
		return h, block, wait
	}
	return h, retry, wait
}
