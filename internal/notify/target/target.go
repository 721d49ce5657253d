// Package target is the contract between delivery and the ten kinds of target.
//
// A target only sends. Queue, order, retry, back-off, parking and metrics live
// once, above it, in package notify.
package target

import (
	"context"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
)

// Target is an open connection, or the ability to make one, to one configured
// destination.
type Target interface {
	// Send hands over batch, in order. It returns nil only when every message
	// is acknowledged in the sense of its kind (the table in the design and on
	// the kind's page). It does not retry and does not queue. It connects on
	// first use and connects again on the next Send after a failure. It returns
	// soon after ctx ends. It keeps no reference to batch. It is called by at
	// most Traits.Senders goroutines at once.
	//
	// Errors: unmarked means that the target is in trouble and all of the batch
	// is to be sent again later. A *BatchError names the members that failed;
	// the others are acknowledged. Permanent, RetryAfter: see there. No error
	// text holds a secret.
	Send(ctx context.Context, batch []Message) error

	// Close releases the connection. It can be called twice, and while Sends are
	// under way: those fail, or finish by themselves. Send after Close fails.
	Close() error
}

// Checker is implemented by targets that can test their destination without
// sending an event: for `mc admin info` and after `config set`.
type Checker interface {
	// Check returns nil if the destination can be reached now.
	Check(ctx context.Context) error
}

// Message is one event for one target.
type Message struct {
	// ID is `<journal epoch>-<partition>-<sequence>`, the same on every attempt.
	ID string
	// Key is `<bucket>/<object key>`, not escaped: the ordering key.
	Key string
	// Record is the event itself.
	Record *event.Record
	// Body is the JSON of the event in the form that was asked for (Traits.Body).
	Body []byte
	// Form is the form of Body, and Attributes what travels beside it in binary
	// mode; nil in all other forms.
	Form       Body
	Attributes []Attribute
	// Time is when the event happened.
	Time time.Time
	// Sequencer orders the events of one key: 16 upper-case hex digits.
	Sequencer string
	// Attempt counts from 1.
	Attempt int
}

// Body chooses the JSON form of Message.Body.
type Body uint8

const (
	// Envelope is {"EventName","Key","Records":[record]}.
	Envelope Body = iota
	// Records is {"Records":[record]}.
	Records
	// AWS is {"Records":[record]} as Amazon S3 sends it.
	AWS
	// EventBridge is the event that Amazon S3 sends to EventBridge.
	EventBridge
	// CloudEvents is a CloudEvent as one JSON text.
	CloudEvents
	// CloudEventsBinary is the data of a CloudEvent, whose attributes travel
	// beside it.
	CloudEventsBinary
)

// Traits says how delivery may use a kind.
type Traits struct {
	// MaxBatch is the largest number of messages in one Send; at least 1.
	MaxBatch int
	// MaxBatchBytes bounds the bodies of one Send; a single larger message is
	// sent alone. 0 means no bound.
	MaxBatchBytes int
	// Senders is how many Sends may be under way at once; at least 1.
	Senders int
	// Ordered says that the kind's batch takes effect in order, all or nothing,
	// so that a batch may hold several events of one key.
	Ordered bool
	// Timeout bounds one Send. After it the connection is dropped.
	Timeout time.Duration
	// Body is the form of Message.Body that the kind has while the setting
	// payload asks for no other.
	Body Body
	// Mirror says that the destination holds a copy of the bucket's keys (see
	// Message.Mirror): the Body of a message that is MirrorSet then tells of the
	// version that GET shows, also where the event removed another.
	Mirror bool
}
