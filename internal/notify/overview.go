package notify

import (
	"context"
	"time"
)

// checkSpeaks is how long the outcome of a connection check that somebody else
// asked for tells how an idle target is. Beyond it, a target that had trouble
// once would be called offline until its next event.
const checkSpeaks = time.Minute

// Overview is Status by what is known: it connects to nothing. An idle target is
// taken for online, unless a check within the last minute says otherwise. It
// reads the journal until ctx ends; if not even the consumers can be listed,
// those without a target are left out.
func (d *Dispatcher) Overview(ctx context.Context) []Status {
	consumers, _ := d.options.Journal.Consumers(ctx) // see above
	return d.statuses(ctx, consumers, (*runner).overview)
}

func (r *runner) overview() Status {
	s, sure := r.known()
	r.mu.Lock()
	f, success := r.checked, r.health.lastSuccess
	r.mu.Unlock()
	if sure || f == nil || f.begun.Before(success) || time.Since(f.begun) >= checkSpeaks {
		return s
	}
	if err := f.outcome(); err != nil {
		s.State, s.LastError, s.LastErrorTime = Offline, reason(err), f.begun
	}
	return s
}

// outcome is the check's error, as far as it is known.
func (f *checkFlight) outcome() error {
	switch {
	case f.ended():
		return f.err
	case time.Since(f.begun) > checkTimeout:
		return errNoAnswer
	default:
		return nil
	}
}
