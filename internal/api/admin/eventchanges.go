package admin

import (
	"context"
	"net"
	"time"

	"github.com/carillon-s3/carillon/internal/api/admin/adminapi"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
)

// rewrite carries out steps while nothing is delivered to the target, for about
// callTime, and adds up what they did. A step that puts events into the outbox
// is not made while that is half full.
func (h *Handler) rewrite(
	r *eventRequest, verb string, adds bool, answer *adminapi.Answer,
	step func(ctx context.Context, behind *journal.At) (journal.Step, error),
) error {
	behind, err := h.parseContinue(r.Continue)
	if err != nil {
		return err
	}
	if adds && h.Events.Journal.Room(r.consumer) == 0 {
		answer.Crowded, answer.Continue = true, r.Continue
		if behind == nil {
			answer.Continue = h.eventID(new(journal.At)) // before the first
		}
		return nil
	}
	begun := time.Now()
	err = h.Events.Delivery.Rewrite(r.r.Context(), r.id, func(ctx context.Context) error {
		for {
			got, err := step(ctx, behind)
			if err != nil {
				return err
			}
			answer.Count += got.Count
			answer.Continue = h.eventID(got.Next)
			if behind = got.Next; behind == nil || time.Since(begun) > callTime {
				return nil
			}
			if adds && h.Events.Journal.Room(r.consumer) == 0 {
				answer.Crowded = true
				return nil
			}
		}
	})
	if answer.Count > 0 {
		h.Logger.Info("an operator changed a target's events over the admin API", "call", verb, "target", r.consumer, "count", answer.Count)
	}
	return err
}

// retryEvents sends parked events again.
func (h *Handler) retryEvents(r *eventRequest) (answer adminapi.Answer, err error) {
	sel, err := h.selection(&r.Request)
	if err != nil {
		return answer, err
	}
	err = h.rewrite(r, "retry", true, &answer, func(ctx context.Context, behind *journal.At) (journal.Step, error) {
		return h.Events.Journal.RetryParked(ctx, r.consumer, sel, behind)
	})
	return answer, err
}

// fillGaps sends events of gaps after all.
func (h *Handler) fillGaps(r *eventRequest) (answer adminapi.Answer, err error) {
	sel, err := h.selection(&r.Request)
	if err != nil {
		return answer, err
	}
	err = h.rewrite(r, "fill", true, &answer, func(ctx context.Context, behind *journal.At) (journal.Step, error) {
		step, err := h.Events.Journal.FillGaps(ctx, r.consumer, sel, behind)
		answer.Gone += step.Gone
		return step.Step, err
	})
	return answer, err
}

// dropEvents forgets parked events, gaps, or what waits.
func (h *Handler) dropEvents(r *eventRequest) (answer adminapi.Answer, err error) {
	sel, err := h.selection(&r.Request)
	if err != nil {
		return answer, err
	}
	j := h.Events.Journal
	var step func(ctx context.Context, behind *journal.At) (journal.Step, error)
	switch r.What {
	case "parked":
		step = func(ctx context.Context, behind *journal.At) (journal.Step, error) {
			return j.DropParked(ctx, r.consumer, sel, behind)
		}
	case "gaps":
		step = func(ctx context.Context, behind *journal.At) (journal.Step, error) {
			return j.DropGaps(ctx, r.consumer, sel, behind)
		}
	case "backlog":
		if r.Event != "" || r.Reason != "" || r.From != nil {
			return answer, errInvalidQuery.with("A backlog is dropped up to a time: it takes to, and not event, reason or from.")
		}
		if h.Events.Delivery.Known(r.id) && !r.Force {
			return answer, errTargetConfigured
		}
		before := h.until(r, &answer)
		step = func(ctx context.Context, behind *journal.At) (journal.Step, error) {
			return j.DropBacklog(ctx, r.consumer, before, behind)
		}
	default:
		return answer, errInvalidQuery.with("what must be parked, gaps or backlog.")
	}
	err = h.rewrite(r, "drop "+r.What, false, &answer, step)
	return answer, err
}

// until is the end of a range of time: now, unless the call says an earlier
// one. What comes later, while the operation goes on, is none of its business.
func (h *Handler) until(r *eventRequest, answer *adminapi.Answer) time.Time {
	to := h.Now().UTC()
	if r.To != nil && r.To.Before(to) {
		to = *r.To
	}
	answer.To = &to
	return to
}

// unblockKeys lets blocked keys be tried at once, one or all.
func (h *Handler) unblockKeys(r *eventRequest) (answer adminapi.Answer, err error) {
	if (r.Key == "") != (r.BucketID == 0) {
		return answer, errInvalidQuery.with("key and bucketID go together.")
	}
	err = h.Events.Delivery.Rewrite(r.r.Context(), r.id, func(ctx context.Context) (err error) {
		if r.BucketID == 0 {
			answer.Count, err = h.Events.Journal.UnblockAll(ctx, r.consumer)
			return err
		}
		answer.Count = 1
		return h.Events.Journal.Unblock(ctx, r.consumer, r.BucketID, r.Key)
	})
	return answer, err
}

// replayEvents sends recorded events again.
func (h *Handler) replayEvents(r *eventRequest) (answer adminapi.Answer, err error) {
	if err := h.Health.Writable(); err != nil {
		return answer, err
	}
	rng, err := h.replayRange(r, &answer)
	if err != nil {
		return answer, err
	}
	filter := object.ReplayFilter{Bucket: r.Bucket, Prefix: r.Prefix, Target: r.id}
	switch r.Match {
	case "", "rules":
	case "all":
		filter.All = true
	default:
		return answer, errInvalidQuery.with("match must be rules or all.")
	}
	want, err := h.Events.Objects.ReplayWants(r.r.Context(), filter)
	if err != nil {
		return answer, err
	}
	if r.Continue == "" {
		if answer.Missing, err = h.missing(r, rng); err != nil {
			return answer, err
		}
	}
	err = h.rewrite(r, "replay", true, &answer, func(ctx context.Context, behind *journal.At) (journal.Step, error) {
		step, err := h.Events.Journal.Replay(ctx, r.consumer, rng, behind, want)
		answer.Waiting += step.Waiting
		return step.Step, err
	})
	return answer, err
}

// replayRange reads the range of a replay: of time, or of sequences.
func (h *Handler) replayRange(r *eventRequest, answer *adminapi.Answer) (journal.Range, error) {
	if r.FirstEvent == "" && r.LastEvent == "" {
		if r.From == nil {
			return journal.Range{}, errInvalidQuery.with("A replay needs from, or firstEvent and lastEvent.")
		}
		rng := journal.Range{From: *r.From, To: h.until(r, answer)}
		if !rng.From.Before(rng.To) {
			return rng, errInvalidQuery.with("from is not before to, or not in the past.")
		}
		return rng, nil
	}
	if r.From != nil || r.To != nil {
		return journal.Range{}, errInvalidQuery.with("from and to do not go with firstEvent and lastEvent.")
	}
	first, err := h.parseEvent("firstEvent", r.FirstEvent)
	if err != nil {
		return journal.Range{}, err
	}
	last, err := h.parseEvent("lastEvent", r.LastEvent)
	if err != nil {
		return journal.Range{}, err
	}
	if first.Partition != last.Partition || first.Sequence > last.Sequence {
		return journal.Range{}, errInvalidQuery.with("firstEvent and lastEvent must be of one partition, in this order.")
	}
	return journal.Range{Sequences: &journal.Sequences{
		Partition: first.Partition, First: first.Sequence, Last: last.Sequence,
	}}, nil
}

func (h *Handler) missing(r *eventRequest, rng journal.Range) (*adminapi.Missing, error) {
	m, err := h.Events.Journal.Missing(r.r.Context(), rng)
	if err != nil || !m.Any() {
		return nil, err
	}
	out := &adminapi.Missing{Events: m.Records}
	if !m.KeptFrom.IsZero() {
		out.Asked, out.KeptFrom = &rng.From, &m.KeptFrom
	}
	return out, nil
}

const (
	// backfillRate is how many events of a backfill are recorded in a second if
	// the call does not say; a tenth of what a small machine commits.
	backfillRate = 1000
	// maxBackfillRate is beyond what any machine commits.
	maxBackfillRate = 100_000
)

// backfillEvents records events of objects that are there already.
func (h *Handler) backfillEvents(r *eventRequest) (answer adminapi.Answer, err error) {
	if r.Bucket == "" {
		return answer, errInvalidQuery.with("A backfill needs bucket.")
	}
	if r.Rate == 0 {
		r.Rate = backfillRate
	}
	if r.Rate < 0 || r.Rate > maxBackfillRate {
		return answer, errInvalidQuery.with("rate must be from 1 to 100000 events a second.")
	}
	at, err := parseBucketKey(r.Continue)
	if err != nil {
		return answer, err
	}
	in := object.BackfillInput{
		Bucket: r.Bucket, Prefix: r.Prefix, Target: r.id, Rate: r.Rate,
		// About callTime.
		Max: max(r.Rate*int(callTime/time.Millisecond)/1000, 1),
		Request: event.Request{
			Principal: r.principal.User, SourceIP: hostOf(r.r.RemoteAddr), UserAgent: r.r.UserAgent(),
			ID: r.w.Header().Get("X-Amz-Request-Id"),
		},
	}
	if at != nil {
		in.BucketID, in.After = at.bucket, at.key
	}
	page, err := h.Events.Objects.Backfill(r.r.Context(), in)
	answer.Count, answer.Crowded = int64(page.Recorded), page.Crowded
	if !page.Done {
		answer.Continue = bucketKey{page.BucketID, page.After}.String()
	}
	if page.Recorded > 0 {
		h.Logger.Info("an operator had events recorded of objects that are there", "target", r.consumer, "bucket", r.Bucket, "count", page.Recorded)
	}
	return answer, err
}

// hostOf is an address without its port.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
