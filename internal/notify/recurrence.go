package notify

import "time"

const (
	// recurWithin is how soon after an acknowledgement the key's next event must
	// happen to look like an answer to it, recurTimes how often in a row.
	recurWithin = time.Second
	recurTimes  = 50
	// recurKeys bounds the keys that are watched, recurWindow how long one set of
	// them is.
	recurKeys   = 256
	recurWindow = time.Minute
)

// recurrence finds keys whose events seem to be caused by their own delivery: a
// receiver that writes into the bucket it watches. It belongs to one sender.
type recurrence struct {
	since time.Time
	keys  map[keyID]chain
}

// chain is how often in a row a key's event followed the acknowledgement of the
// one before it.
type chain struct {
	acked time.Time
	links int
}

// acked notes the acknowledgement of an event that happened at a time. It
// returns true when the key's events recur.
func (r *recurrence) acked(id keyID, happened, now time.Time) bool {
	if now.Sub(r.since) > recurWindow {
		r.since, r.keys = now, make(map[keyID]chain)
	}
	c, known := r.keys[id]
	if !known && len(r.keys) >= recurKeys {
		return false
	}
	if known && happened.After(c.acked) && happened.Sub(c.acked) <= recurWithin {
		c.links++
	} else {
		c.links = 0
	}
	c.acked = now
	r.keys[id] = c
	return c.links == recurTimes
}
