package target

import (
	"errors"

	"github.com/carillon-s3/carillon/internal/config"
)

// Values of the setting payload.
const (
	payloadMinIO       = "minio"
	payloadAWS         = "aws"
	payloadEventBridge = "eventbridge"
	payloadCloudEvents = "cloudevents"
	// payloadBinary is for kinds whose messages have attributes beside the body.
	payloadBinary = "cloudevents-binary"
)

// Media types of bodies.
const (
	mediaJSON        = "application/json"
	mediaCloudEvents = "application/cloudevents+json"
)

// Attribute is an attribute of a CloudEvent, without its binding's prefix.
type Attribute struct{ Name, Value string }

// MediaType is the type of m's Body.
func (m *Message) MediaType() string {
	if m.Form == CloudEvents {
		return mediaCloudEvents
	}
	return mediaJSON
}

// Form is the setting that says in which form a target gets events. Every kind
// embeds it.
type Form struct {
	// Payload is one of its values, empty before settings are decoded.
	Payload string
}

// PayloadField declares payload, for a kind whose messages have a body only.
func (p *Form) PayloadField(f *config.FieldSet) {
	p.field(f, "(minio*|aws|eventbridge|cloudevents)", payloadMinIO, payloadAWS, payloadEventBridge, payloadCloudEvents)
}

// BinaryPayloadField declares payload, for a kind whose messages carry
// attributes beside the body as well.
func (p *Form) BinaryPayloadField(f *config.FieldSet) {
	p.field(f, "(minio*|aws|eventbridge|cloudevents|cloudevents-binary)",
		payloadMinIO, payloadAWS, payloadEventBridge, payloadCloudEvents, payloadBinary)
}

func (p *Form) field(f *config.FieldSet, typ string, values ...string) {
	f.String(&p.Payload, "payload", typ, "form of the events: MinIO's, or those of Amazon S3, of EventBridge or of CloudEvents",
		config.OneOf(values...), config.Default(payloadMinIO), config.Extension())
}

// CheckMirror refuses a payload that a copy of a bucket's keys cannot be kept
// in.
func (p *Form) CheckMirror(mirror bool) error {
	if mirror && p.Payload != payloadMinIO && p.Payload != "" {
		return errors.New("payload: with format=namespace only minio: the copy is kept by what that form says, such as its sequencer; use format=access")
	}
	return nil
}

// BodyOf is the form of bodies, where own is the kind's for MinIO's payload.
func (p *Form) BodyOf(own Body) Body {
	switch p.Payload {
	case payloadAWS:
		return AWS
	case payloadEventBridge:
		return EventBridge
	case payloadCloudEvents:
		return CloudEvents
	case payloadBinary:
		return CloudEventsBinary
	}
	return own
}
