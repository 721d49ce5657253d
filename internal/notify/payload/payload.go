// Package payload gives messages their bodies, in the form that a target's
// setting payload names.
package payload

import (
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// bodyBytes is the room made for the JSON of an event: most are near 1 KiB.
const bodyBytes = 1280

// Encoder makes the bodies of a site's events. It is safe for concurrent use.
type Encoder struct {
	// Events writes the records.
	Events *event.Encoder
}

// Fill sets m's Body and what belongs to its form. m has its ID already. told is
// the record that the body tells, and at its place. The memory of the body is
// new.
func (p Encoder) Fill(m *target.Message, form target.Body, told *event.Record, at event.Place) {
	e := p.Events
	m.Form = form
	body := make([]byte, 0, bodyBytes)
	switch form {
	case target.Records:
		m.Body = e.AppendRecords(body, told, at)
	case target.AWS:
		m.Body = e.AppendAWS(body, told, at)
	case target.EventBridge:
		m.Body = e.AppendEventBridge(body, m.ID, told, at)
	case target.CloudEvents:
		m.Body = structured(cloudEvent(body, m.ID, e, told, at))
	case target.CloudEventsBinary:
		ce := cloudEvent(body, m.ID, e, told, at)
		m.Body, m.Attributes = ce.Data(), attributes(ce)
	default: // Envelope
		m.Body = e.AppendEnvelope(body, told, at)
	}
}
