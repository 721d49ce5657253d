package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/carillon-s3/carillon/internal/api/admin/adminapi"
)

// pages asks for all pages of a list, and hands each to show.
func pages(ctx context.Context, flags *serverFlags, list string, query url.Values, show func(adminapi.Page) error) error {
	client, err := flags.client()
	if err != nil {
		return err
	}
	for {
		page, err := client.List(ctx, list, query)
		if err != nil {
			return err
		}
		if err := show(page); err != nil || page.Continue == "" {
			return err
		}
		query.Set("continue", page.Continue)
	}
}

func (f *selectFlags) query(target, event string) url.Values {
	q := url.Values{"target": {target}}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("event", event)
	set("reason", f.Reason)
	set("from", f.From.query())
	set("to", f.To.query())
	return q
}

func (w when) query() string {
	if w.time == nil {
		return ""
	}
	return w.time.Format(time.RFC3339Nano)
}

type eventsLs struct {
	serverFlags
	Target string `arg:"" optional:"" help:"A target, as id:type or ARN; without one all targets are listed."`
}

// Run lists the targets, or what waits for one.
func (c *eventsLs) Run(ctx context.Context, p *process) error {
	if c.Target != "" {
		return listEvents(ctx, p, &c.serverFlags, "backlog", url.Values{"target": {c.Target}})
	}
	return pages(ctx, &c.serverFlags, "targets", url.Values{}, func(page adminapi.Page) error {
		if c.JSON {
			return jsonLines(p.stdout, page.Targets)
		}
		rows := [][]string{{"TARGET", "STATE", "WAITING", "OLDEST", "PARKED", "BLOCKED", "GAPS", "DELIVERED", "LAST ERROR"}}
		for _, t := range page.Targets {
			rows = append(rows, []string{
				t.Target, t.State, number(t.Backlog), stamp(t.Oldest), number(t.Parked), number(t.BlockedKeys), number(t.Gaps),
				number(t.Delivered), t.LastError,
			})
		}
		return table(p.stdout, rows)
	})
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func stamp(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// listEvents prints a list of events, the reason too if they have one.
func listEvents(ctx context.Context, p *process, flags *serverFlags, list string, query url.Values) error {
	if flags.JSON {
		query.Set("records", "true")
	}
	first := true
	return pages(ctx, flags, list, query, func(page adminapi.Page) error {
		if flags.JSON {
			return jsonLines(p.stdout, page.Events)
		}
		var rows [][]string
		if first {
			rows, first = append(rows, []string{"EVENT", "TIME", "NAME", "BUCKET", "KEY", "ATTEMPTS", "REASON"}), false
		}
		for _, e := range page.Events {
			rows = append(rows, []string{e.ID, stamp(&e.Time), e.Name, e.Bucket, e.Key, strconv.Itoa(e.Attempts), e.Reason})
		}
		return table(p.stdout, rows)
	})
}

type eventsParked struct {
	serverFlags
	selectFlags
	Target string `arg:"" help:"The target, as id:type or ARN."`
	Event  string `arg:"" optional:"" help:"The id of one event."`
}

// Run lists parked events.
func (c *eventsParked) Run(ctx context.Context, p *process) error {
	return listEvents(ctx, p, &c.serverFlags, "parked", c.query(c.Target, c.Event))
}

type eventsGaps struct {
	serverFlags
	selectFlags
	Target string `arg:"" help:"The target, as id:type or ARN."`
}

// Run lists gaps.
func (c *eventsGaps) Run(ctx context.Context, p *process) error {
	first := true
	return pages(ctx, &c.serverFlags, "gaps", c.query(c.Target, ""), func(page adminapi.Page) error {
		if c.JSON {
			return jsonLines(p.stdout, page.Gaps)
		}
		var rows [][]string
		if first {
			rows, first = append(rows, []string{"EVENT", "EVENTS", "FIRST", "LAST", "REASON", "RECORD"}), false
		}
		for _, g := range page.Gaps {
			kept := "gone"
			if g.Kept {
				kept = "kept"
			}
			rows = append(rows, []string{g.Event, number(g.Count), stamp(&g.First), stamp(&g.Until), g.Reason, kept})
		}
		return table(p.stdout, rows)
	})
}

type eventsBlocked struct {
	serverFlags
	Target string `arg:"" help:"The target, as id:type or ARN."`
}

// Run lists blocked keys.
func (c *eventsBlocked) Run(ctx context.Context, p *process) error {
	first := true
	return pages(ctx, &c.serverFlags, "blocked", url.Values{"target": {c.Target}}, func(page adminapi.Page) error {
		if c.JSON {
			return jsonLines(p.stdout, page.Blocked)
		}
		var rows [][]string
		if first {
			rows, first = append(rows, []string{"BUCKET", "BUCKET ID", "KEY", "SINCE", "ATTEMPTS", "REASON"}), false
		}
		for _, b := range page.Blocked {
			rows = append(rows, []string{b.Bucket, fmt.Sprint(b.BucketID), b.Key, stamp(&b.Since), strconv.Itoa(b.Attempts), b.Reason})
		}
		return table(p.stdout, rows)
	})
}
