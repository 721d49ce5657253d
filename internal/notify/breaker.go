package notify

import "time"

const (
	// failuresBeforeOpen is how many Sends in a row must fail, with no success
	// between, before the target counts as in trouble. More than one, so that a
	// single bad event does not stop the others.
	failuresBeforeOpen = 3
	// freshFirst is how much longer than the wait an event must hold back from
	// being the probe, for each attempt that it already had: of several senders
	// the one with the event least tried goes first, so that no bad event can
	// hold the breaker open.
	freshFirst = 20 * time.Millisecond
	// maxFresh bounds the attempts that count for freshFirst.
	maxFresh = 20
)

type breakerState uint8

const (
	// closed: all senders send.
	closed breakerState = iota
	// open: nobody sends until the next probe is due.
	open
	// probing: one event is under way to see whether the target is back.
	probing
)

// breaker decides whether a target may be sent to. It is a pure state machine:
// time and chance are handed to it. The zero breaker is closed.
type breaker struct {
	state breakerState
	// failures counts Sends that failed since the last success.
	failures int
	// probes counts the probes that failed since it opened.
	probes int
	// suspect is the hash of the key that failed since the last success, while
	// it is only one.
	suspect uint64
	several bool
	// due is when the next probe may go.
	due time.Time
	// pause is the destination's own wish: no probe before.
	pause time.Time
}

// candidate is the event that would be the probe.
type candidate struct {
	key      uint64 // hash of the event's key
	attempts int
}

// admission is the breaker's answer.
type admission struct {
	ok bool
	// probe: a single event may go, and its outcome must be reported.
	probe bool
	// at is when to ask again; zero: after the breaker's next change.
	at time.Time
}

// admit says whether a sender may send now.
func (b *breaker) admit(now time.Time, c candidate) admission {
	switch b.state {
	case closed:
		return admission{ok: true}
	case probing:
		return admission{}
	}
	at := b.due.Add(freshFirst * time.Duration(min(c.attempts, maxFresh)))
	// As long as one key alone has failed, an event of another one tells more
	// than waiting would: it goes at once.
	if !b.several && c.key != b.suspect {
		at = b.pause
	}
	if at.Before(b.pause) {
		at = b.pause
	}
	if now.Before(at) {
		return admission{at: at}
	}
	b.state = probing
	return admission{ok: true, probe: true}
}

// failure tells the breaker of a failed Send.
type failure struct {
	now        time.Time
	probe      bool
	keys       []uint64
	retryAfter time.Duration
	jitter     float64
}

// fail reports a Send in which nothing succeeded. It returns true if the
// breaker's state changed.
func (b *breaker) fail(f failure) bool {
	b.failures++
	b.note(f.keys)
	if f.retryAfter > 0 {
		if until := f.now.Add(f.retryAfter); until.After(b.pause) {
			b.pause = until
		}
	}
	switch {
	case b.state == closed && b.failures < failuresBeforeOpen && f.retryAfter == 0:
		return false
	case b.state == closed:
		b.probes = 0
	case f.probe:
		b.probes++
	default:
		// It was under way when the breaker opened.
		return false
	}
	b.state = open
	b.due = f.now.Add(probeWaits.wait(b.probes+1, f.jitter))
	return true
}

func (b *breaker) note(keys []uint64) {
	for _, k := range keys {
		switch {
		case b.several:
			return
		case b.suspect == 0:
			b.suspect = k
		case b.suspect != k:
			b.several = true
		}
	}
}

// succeed reports that the target answered. It returns true if the breaker
// closed.
func (b *breaker) succeed() bool {
	changed := b.state != closed
	*b = breaker{}
	return changed
}

// abort reports that a probe ended without telling anything. It returns true if
// the breaker's state changed.
func (b *breaker) abort(probe bool) bool {
	if !probe || b.state != probing {
		return false
	}
	b.state = open
	return true
}
