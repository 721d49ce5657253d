package notify

import (
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// bodyBytes is the room made for the JSON of an event: most are near 1 KiB.
const bodyBytes = 1280

// message makes the message of an event. It is made anew for each attempt, so
// that read-ahead holds records only. Its memory is never used again: an
// abandoned Send may still read it.
func (r *runner) message(it *item, form target.Body) target.Message {
	e := it.entry
	body := make([]byte, 0, bodyBytes)
	if form == target.Records {
		body = r.encoder.AppendRecords(body, e.Record, e.Place)
	} else {
		body = r.encoder.AppendEnvelope(body, e.Record, e.Place)
	}
	return target.Message{
		ID:        event.EventID(e.Place),
		Key:       e.Record.ResourceKey(),
		Record:    e.Record,
		Body:      body,
		Time:      e.Place.Time(),
		Sequencer: event.Sequencer(e.Record, e.Place),
		Attempt:   it.hist.attempts + 1,
	}
}
