package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/api/admin/adminapi"
	"github.com/carillon-s3/carillon/internal/server"
)

// request selects what a call concerns.
func (f *selectFlags) request(target, event string) adminapi.Request {
	return adminapi.Request{Target: target, Event: event, Reason: f.Reason, From: f.From.time, To: f.To.time}
}

// wanted wants a selection, or the word that all is meant.
func (f *selectFlags) wanted(all bool, event string) error {
	if all == (event != "" || f.Reason != "" || f.From.time != nil || f.To.time != nil) {
		return fmt.Errorf("%w: name an event, or select with --reason, --from or --to, or say --all", server.ErrUsage)
	}
	return nil
}

// finish reports what was done, if anything was, and how it ended.
func finish(p *process, flags *serverFlags, sum adminapi.Answer, sentence string, err error) error {
	if err != nil && sum.Count == 0 {
		return err
	}
	return errors.Join(report(p, flags, sum, sentence), err)
}

// report prints what was done: a sentence for people, JSON for programs.
func report(p *process, flags *serverFlags, answer adminapi.Answer, sentence string) error {
	if flags.JSON {
		return jsonLines(p.stdout, []adminapi.Answer{answer})
	}
	_, err := fmt.Fprintln(p.stdout, sentence)
	return err
}

type eventsRetry struct {
	serverFlags
	selectFlags
	wholeFlags
	All    bool   `help:"All parked events of the target."`
	Target string `arg:"" help:"The target, as id:type or ARN."`
	Event  string `arg:"" optional:"" help:"The id of one event."`
}

// Run sends parked events again.
func (c *eventsRetry) Run(ctx context.Context, p *process) error {
	if err := c.wanted(c.All, c.Event); err != nil {
		return err
	}
	sum, err := c.whole(ctx, p, &c.serverFlags, "retry", c.request(c.Target, c.Event))
	if err == nil && c.Event != "" && sum.Count == 0 {
		return fmt.Errorf("%s is not parked", c.Event)
	}
	return finish(p, &c.serverFlags, sum, fmt.Sprintf("Sending %d parked events again to %s.", sum.Count, c.Target), err)
}

type eventsFill struct {
	serverFlags
	selectFlags
	wholeFlags
	All    bool   `help:"All gaps of the target."`
	Target string `arg:"" help:"The target, as id:type or ARN."`
	Event  string `arg:"" optional:"" help:"The id of one event."`
}

// Run sends events of gaps after all.
func (c *eventsFill) Run(ctx context.Context, p *process) error {
	if err := c.wanted(c.All, c.Event); err != nil {
		return err
	}
	sum, err := c.whole(ctx, p, &c.serverFlags, "fill", c.request(c.Target, c.Event))
	err = finish(p, &c.serverFlags, sum, fmt.Sprintf("Sending %d dropped events to %s.", sum.Count, c.Target), err)
	if err == nil && sum.Gone > 0 {
		return fmt.Errorf("%w: the records of %d events are not kept any more", errPartly, sum.Gone)
	}
	return err
}

type eventsDrop struct {
	serverFlags
	selectFlags
	wholeFlags
	All    bool   `help:"All parked events, or all gaps, of the target."`
	Yes    bool   `help:"Do not ask."`
	Force  bool   `help:"The backlog too of a target that is configured, and would get it."`
	Target string `arg:"" help:"The target, as id:type or ARN."`
	What   string `arg:"" enum:"parked,gaps,backlog" help:"What is to be forgotten: parked, gaps, or backlog (all that waits)."`
	Event  string `arg:"" optional:"" help:"The id of one event."`
}

// Run forgets events for good.
func (c *eventsDrop) Run(ctx context.Context, p *process) error {
	if c.What != "backlog" {
		if err := c.wanted(c.All, c.Event); err != nil {
			return err
		}
	}
	question := fmt.Sprintf("Forget the %s of %s that you selected, for good?", c.What, c.Target)
	if c.What == "backlog" {
		question = fmt.Sprintf("Forget all events that wait for %s, for good?", c.Target)
	}
	if err := p.confirm(c.Yes, question); err != nil {
		return err
	}
	r := c.request(c.Target, c.Event)
	r.What, r.Force = c.What, c.Force
	sum, err := c.whole(ctx, p, &c.serverFlags, "drop", r)
	return finish(p, &c.serverFlags, sum, fmt.Sprintf("Dropped %d events of %s (%s).", sum.Count, c.Target, c.What), err)
}

type eventsUnblock struct {
	serverFlags
	Target   string `arg:"" help:"The target, as id:type or ARN."`
	BucketID uint64 `help:"With --key: one key, as blocked lists it. Without, all keys."`
	Key      string `help:"See --bucket-id."`
}

// Run has blocked keys tried again at once.
func (c *eventsUnblock) Run(ctx context.Context, p *process) error {
	r := adminapi.Request{Target: c.Target, BucketID: c.BucketID, Key: c.Key}
	sum, err := new(wholeFlags).whole(ctx, p, &c.serverFlags, "unblock", r)
	if err != nil {
		return err
	}
	return report(p, &c.serverFlags, sum, fmt.Sprintf("Unblocked %d keys of %s.", sum.Count, c.Target))
}

type eventsReplay struct {
	serverFlags
	wholeFlags
	Target     string `arg:"" help:"The target, as id:type or ARN."`
	From       when   `help:"Events recorded since then: a time (RFC 3339), or how long ago (90m)."`
	To         when   `help:"Events recorded before; now, if it is not given."`
	FirstEvent string `help:"Instead of a time: the id of the first event."`
	LastEvent  string `help:"And that of the last, of the same partition (the middle number)."`
	Bucket     string `help:"Only events of this bucket."`
	Prefix     string `help:"Only events of keys that begin so."`
	Match      string `enum:"rules,all" default:"rules" help:"rules: what today's rules of the bucket send to the target; all: every event (${default})."`
}

// Run sends recorded events again.
func (c *eventsReplay) Run(ctx context.Context, p *process) error {
	sum, err := c.whole(ctx, p, &c.serverFlags, "replay", adminapi.Request{
		Target: c.Target, From: c.From.time, To: c.To.time, FirstEvent: c.FirstEvent, LastEvent: c.LastEvent,
		Bucket: c.Bucket, Prefix: c.Prefix, Match: c.Match,
	})
	sentence := fmt.Sprintf("Sending %d events again to %s; %d were waiting for it already.", sum.Count, c.Target, sum.Waiting)
	err = finish(p, &c.serverFlags, sum, sentence, err)
	if err != nil || sum.Missing == nil {
		return err
	}
	return fmt.Errorf("%w: %s", errPartly, missing(sum.Missing))
}

// missing says what of a replay's range is not kept.
func missing(m *adminapi.Missing) string {
	if m.KeptFrom == nil {
		return fmt.Sprintf("%d events of the range are not kept any more", m.Events)
	}
	return fmt.Sprintf("you asked for events since %s, and everything is kept since %s only",
		m.Asked.Format(time.RFC3339Nano), m.KeptFrom.Format(time.RFC3339Nano))
}

type eventsBackfill struct {
	serverFlags
	wholeFlags
	Target string `arg:"" help:"The target, as id:type or ARN."`
	Bucket string `arg:"" help:"The bucket."`
	Prefix string `help:"Only objects whose keys begin so."`
	Rate   int    `default:"1000" help:"Events a second, at most (${default})."`
}

// Run records events of objects that are there.
func (c *eventsBackfill) Run(ctx context.Context, p *process) error {
	sum, err := c.whole(ctx, p, &c.serverFlags, "backfill", adminapi.Request{
		Target: c.Target, Bucket: c.Bucket, Prefix: c.Prefix, Rate: c.Rate,
	})
	return finish(p, &c.serverFlags, sum, fmt.Sprintf("Recorded events of %d objects of %s for %s.", sum.Count, c.Bucket, c.Target), err)
}

type eventsCheck struct {
	serverFlags
	Target string `arg:"" help:"The target, as id:type or ARN."`
}

// Run tests the connection to a target.
func (c *eventsCheck) Run(ctx context.Context, p *process) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	answer, err := client.Do(ctx, "check", adminapi.Request{Target: c.Target})
	if err != nil {
		return err
	}
	if answer.Reachable == nil || !*answer.Reachable {
		return fmt.Errorf("%s cannot be reached: %s", c.Target, answer.Error)
	}
	return report(p, &c.serverFlags, answer, c.Target+" can be reached.")
}
