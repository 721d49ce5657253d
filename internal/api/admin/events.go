package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/carillon-s3/carillon/internal/api/admin/adminapi"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
)

// Events is what the calls about events need. All are required.
type Events struct {
	Journal  EventJournal
	Objects  EventObjects
	Delivery EventDelivery
	Encoder  *event.Encoder
}

// EventJournal is what those calls ask of the journal; *journal.Journal is one.
type EventJournal interface {
	Epoch() uint64
	First(ctx context.Context, partition uint16) (uint64, error)
	Holders(ctx context.Context) ([]string, error)
	Backlog(ctx context.Context, consumer string) (journal.Backlog, error)
	Room(consumer string) int64

	Waiting(ctx context.Context, consumer string, behind *journal.At, max int) ([]journal.Entry, error)
	Parked(ctx context.Context, consumer string, behind *journal.At, max int) ([]journal.Parked, error)
	Gaps(ctx context.Context, consumer string, behind *journal.At, max int) ([]journal.Gap, error)
	BlockedKeys(ctx context.Context, consumer string) ([]journal.Blocked, error)
	CountParked(ctx context.Context, consumer string) (int64, error)

	RetryParked(ctx context.Context, consumer string, sel journal.Selection, behind *journal.At) (journal.Step, error)
	DropParked(ctx context.Context, consumer string, sel journal.Selection, behind *journal.At) (journal.Step, error)
	FillGaps(ctx context.Context, consumer string, sel journal.Selection, behind *journal.At) (journal.GapStep, error)
	DropGaps(ctx context.Context, consumer string, sel journal.Selection, behind *journal.At) (journal.Step, error)
	DropBacklog(ctx context.Context, consumer string, before time.Time, behind *journal.At) (journal.Step, error)
	Unblock(ctx context.Context, consumer string, bucketID uint64, key string) error
	UnblockAll(ctx context.Context, consumer string) (int64, error)
	Missing(ctx context.Context, r journal.Range) (journal.Missing, error)
	Replay(ctx context.Context, consumer string, r journal.Range, behind *journal.At,
		want func(*event.Record) (bool, error)) (journal.ReplayStep, error)
}

// EventObjects is what they ask of the objects; *object.Service is one.
type EventObjects interface {
	Buckets(ctx context.Context) ([]object.Bucket, error)
	ReplayWants(ctx context.Context, f object.ReplayFilter) (func(*event.Record) (bool, error), error)
	Backfill(ctx context.Context, in object.BackfillInput) (object.BackfillPage, error)
}

// EventDelivery is what they ask of delivery; *notify.Dispatcher is one.
type EventDelivery interface {
	// Known reports whether the target is configured and not disabled.
	Known(id event.TargetID) bool
	// Rewrite lets change rewrite what the journal holds for a target while
	// nothing is delivered to it.
	Rewrite(ctx context.Context, id event.TargetID, change func(context.Context) error) error
}

const (
	// callTime is how long a call works before it hands back with Continue.
	// While it changes an outbox its target gets nothing.
	callTime = time.Second
	// maxRequestBytes bounds the body of a call: a key of 1 KiB, escaped at
	// worst, and some names.
	maxRequestBytes = 64 << 10
)

// eventRoutes is the table of our own calls, by method and path.
func eventRoutes() map[string]route {
	return map[string]route{
		"GET events/targets":   {serve: (*Handler).listEventTargets, action: iam.AdminListEvents},
		"GET events/backlog":   {query: []string{"target"}, serve: (*Handler).listBacklog, action: iam.AdminListEvents},
		"GET events/parked":    {query: []string{"target"}, serve: (*Handler).listParked, action: iam.AdminListEvents},
		"GET events/gaps":      {query: []string{"target"}, serve: (*Handler).listGaps, action: iam.AdminListEvents},
		"GET events/blocked":   {query: []string{"target"}, serve: (*Handler).listBlocked, action: iam.AdminListEvents},
		"POST events/retry":    {serve: eventCall((*Handler).retryEvents, "event", "reason", "from", "to"), action: iam.AdminManageEvents},
		"POST events/fill":     {serve: eventCall((*Handler).fillGaps, "event", "reason", "from", "to"), action: iam.AdminManageEvents},
		"POST events/drop":     {serve: eventCall((*Handler).dropEvents, "what", "force", "event", "reason", "from", "to"), action: iam.AdminManageEvents},
		"POST events/unblock":  {serve: eventCall((*Handler).unblockKeys, "bucketID", "key"), action: iam.AdminManageEvents},
		"POST events/replay":   {serve: eventCall((*Handler).replayEvents, "from", "to", "firstEvent", "lastEvent", "bucket", "prefix", "match"), action: iam.AdminManageEvents},
		"POST events/backfill": {serve: eventCall((*Handler).backfillEvents, "bucket", "prefix", "rate"), action: iam.AdminManageEvents},
		"POST events/check":    {serve: eventCall((*Handler).checkEventTarget), action: iam.AdminManageEvents},
	}
}

// eventRequest is a call that changes something, with what all have.
type eventRequest struct {
	*call
	adminapi.Request
	id       event.TargetID
	consumer string
}

// eventCall reads the body of a call, and refuses fields that it does not take.
func eventCall(serve func(*Handler, *eventRequest) (adminapi.Answer, error), fields ...string) func(*Handler, *call) error {
	fields = append(fields, "target", "continue")
	return func(h *Handler, c *call) error {
		r := &eventRequest{call: c}
		if err := readRequest(c.body, &r.Request, fields); err != nil {
			return err
		}
		var err error
		if r.id, err = parseTarget(r.Target); err != nil {
			return err
		}
		r.consumer = r.id.String()
		if err := h.targetExists(c.r.Context(), r.id); err != nil {
			return err
		}
		answer, err := serve(h, r)
		if err != nil {
			return eventsError(err)
		}
		return c.plain(answer)
	}
}

// readRequest reads a JSON object that has none but the given fields.
func readRequest(body io.Reader, into *adminapi.Request, fields []string) error {
	text, err := io.ReadAll(io.LimitReader(body, maxRequestBytes+1))
	if err != nil {
		return bodyError(err)
	}
	if len(text) > maxRequestBytes {
		return errInvalidQuery.with("The body is larger than 64 KiB.")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil || object == nil {
		return errInvalidQuery.with("The body is not a JSON object.")
	}
	for name := range object {
		if !slices.Contains(fields, name) {
			return errInvalidQuery.with("This call does not take the field " + name + ".")
		}
	}
	if err := json.Unmarshal(text, into); err != nil {
		field := &json.UnmarshalTypeError{}
		if errors.As(err, &field) {
			return errInvalidQuery.with("The field " + field.Field + " has a value of the wrong type.")
		}
		return errInvalidQuery.with("A time is not in the form of RFC 3339.")
	}
	return nil
}

// parseTarget reads id:type, or an ARN.
func parseTarget(text string) (event.TargetID, error) {
	if arn, err := event.ParseARN(text); err == nil {
		return arn.Target, nil
	}
	id, err := event.ParseTargetID(text)
	if err != nil {
		return id, errInvalidQuery.with("target must be of the form id:type, such as 1:webhook, or an ARN.")
	}
	return id, nil
}

// targetExists wants a target to be configured, or something to be kept for it:
// what is asked of any other is a slip of the pen.
func (h *Handler) targetExists(ctx context.Context, id event.TargetID) error {
	if h.Events.Delivery.Known(id) {
		return nil
	}
	holders, err := h.Events.Journal.Holders(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(holders, id.String()) {
		return nil
	}
	return errNoSuchTarget.with("There is no target " + id.String() + ", and nothing is kept for one.")
}

// eventsError maps the errors of objects.
func eventsError(err error) error {
	switch {
	case errors.Is(err, object.ErrNoSuchBucket):
		return errNoSuchBucket
	case errors.Is(err, object.ErrNoSpace):
		return errStorageFull
	case errors.Is(err, object.ErrUnavailable), errors.Is(err, object.ErrUnsure), errors.Is(err, object.ErrContended):
		return errUnavailable
	}
	return err
}

// parseContinue reads the place behind which a call goes on.
func (h *Handler) parseContinue(text string) (*journal.At, error) {
	if text == "" {
		return nil, nil
	}
	at, err := h.parseEvent("continue", text)
	return &at, err
}

// parseEvent reads the id of an event of this journal.
func (h *Handler) parseEvent(field, text string) (journal.At, error) {
	place, err := event.ParseEventID(text)
	if err != nil || place.Partition >= journal.Partitions {
		return journal.At{}, errInvalidQuery.with(field + " is not the id of an event.")
	}
	if place.Epoch != h.Events.Journal.Epoch() {
		return journal.At{}, errInvalidQuery.with(field + " is the id of an event of another journal.")
	}
	return journal.At{Partition: place.Partition, Sequence: place.Sequence}, nil
}

// eventID is the id of the event at a place; empty for none.
func (h *Handler) eventID(at *journal.At) string {
	if at == nil {
		return ""
	}
	return event.EventID(event.Place{Epoch: h.Events.Journal.Epoch(), Partition: at.Partition, Sequence: at.Sequence})
}

// selection is what a call means of parked events or gaps.
func (h *Handler) selection(r *adminapi.Request) (journal.Selection, error) {
	sel := journal.Selection{Reason: r.Reason, From: orZero(r.From), To: orZero(r.To)}
	if !sel.From.IsZero() && !sel.To.IsZero() && !sel.From.Before(sel.To) {
		return sel, errInvalidQuery.with("from is not before to.")
	}
	if r.Event != "" {
		at, err := h.parseEvent("event", r.Event)
		if err != nil {
			return sel, err
		}
		sel.At = &at
	}
	return sel, nil
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// checkEventTarget tests the connection to a target.
func (h *Handler) checkEventTarget(r *eventRequest) (adminapi.Answer, error) {
	err := h.Targets.Check(r.r.Context(), r.id)
	answer := adminapi.Answer{Reachable: new(bool)}
	*answer.Reachable = err == nil
	if err != nil {
		answer.Error = err.Error() // errors of targets hold no secret
	}
	return answer, nil
}

// serveEvents serves our own calls.
func (h *Handler) serveEvents(w http.ResponseWriter, r *http.Request) {
	h.serveRoutes(w, r, adminapi.Prefix, h.eventRoutes, errNoSuchCall)
}
