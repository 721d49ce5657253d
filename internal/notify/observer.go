package notify

import (
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
)

// Observer is told what delivery to one target does, so that it can be counted.
// Its methods are called by all senders of the target at once, for every Send
// and event: they must not block, and should not allocate.
type Observer interface {
	// SendBegan and SendEnded enclose each Send. retried is how many of its
	// events had been sent before, failed how many were not acknowledged, and
	// err says that it gave an error. A Send that was broken off by our own
	// doing counts as none of them.
	SendBegan()
	SendEnded(took time.Duration, retried, failed int, err bool)
	// Delivered tells of an acknowledged event, and how long ago it was
	// committed.
	Delivered(after time.Duration)
	// Parked tells of an event that was set aside for good.
	Parked()
	// Dropped tells of an event that was dropped at the target's limit, Refused
	// of a mutation that was.
	Dropped()
	Refused()
}

// observer returns the observer of a target.
func (o Options) observer(id event.TargetID) Observer {
	if o.Observe == nil {
		return unobserved{}
	}
	return o.Observe(id)
}

type unobserved struct{}

func (unobserved) SendBegan()                              {}
func (unobserved) SendEnded(time.Duration, int, int, bool) {}
func (unobserved) Delivered(time.Duration)                 {}
func (unobserved) Parked()                                 {}
func (unobserved) Dropped()                                {}

func (unobserved) Refused() {}

// observeLimit tells of what happened at a consumer's limit. It does not block.
func (d *Dispatcher) observeLimit(consumer string, what journal.Change) {
	var o Observer
	if r := (*d.running.Load())[consumer]; r != nil {
		o = r.observer
	} else if id, err := event.ParseTargetID(consumer); err == nil {
		o = d.options.observer(id)
	} else {
		return // another reader of the journal
	}
	if what == journal.Dropped {
		o.Dropped()
	} else {
		o.Refused()
	}
}

// observedSend is send, timed.
func (r *runner) observedSend(b *batch) error {
	r.observer.SendBegan()
	begun := time.Now()
	err := r.send(b)
	b.took = time.Since(begun)
	return err
}

// observe tells of a Send of which ok events were acknowledged.
func (r *runner) observe(b *batch, ok int, err error, res sendResult) {
	if isAborted(res) {
		r.observer.SendEnded(b.took, 0, 0, false)
		return
	}
	retried := 0
	for _, it := range b.items {
		if it.hist.attempts > 0 {
			retried++
		}
	}
	r.observer.SendEnded(b.took, retried, len(b.items)-ok, err != nil)
}
