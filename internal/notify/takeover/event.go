package takeover

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Event is one undelivered event.
type Event struct {
	// ID is made of the file's name and the event's number in it, so that it is
	// the same on every attempt and after every restart.
	ID     string
	Record *event.Record
	// JSON is the record as it was left, without white space around its parts.
	JSON []byte
	Time time.Time
	// Sequencer orders the events of a key; events of one version share it.
	Sequencer uint64
}

// Message returns the event as targets take it. Its body holds the very record
// that the former server wrote: in another form than Envelope and Records, which
// are that server's, it is for the caller to make.
func (e *Event) Message(form target.Body, attempt int) (target.Message, error) {
	var body []byte
	if form == target.Envelope {
		name, err := json.Marshal(e.Record.Name.String())
		if err != nil {
			return target.Message{}, err
		}
		key, err := json.Marshal(e.Record.ResourceKey())
		if err != nil {
			return target.Message{}, err
		}
		body = fmt.Appendf(nil, `{"EventName":%s,"Key":%s,"Records":[%s]}`, name, key, e.JSON)
	} else {
		body = fmt.Appendf(nil, `{"Records":[%s]}`, e.JSON)
	}
	return target.Message{
		ID: e.ID, Key: e.Record.ResourceKey(), Record: e.Record, Body: body, Form: form, Time: e.Time,
		Sequencer: event.Sequencer(e.Record, event.Place{}), Attempt: attempt,
	}, nil
}
