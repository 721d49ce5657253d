package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// drainPoll is how often a drain is looked at. The figures are those between
	// two looks, so it bounds their error.
	drainPoll = 100 * time.Millisecond
	// metricsPath is of the metrics of delivery, without the others.
	metricsPath = "/minio/metrics/v3/notification"
	delivered   = "carillon_target_events_delivered_total"
	// failures are attempts that the target did not acknowledge.
	failures = "carillon_target_events_failed_total"
	mebi     = 1 << 20
	// quarters are the parts of a drain whose memory is told apart.
	quarters = 4
)

// drained is what was seen of a drain between its first and its last
// acknowledged event.
type drained struct {
	events         int
	took           time.Duration
	server, broker time.Duration // processor time
	// idle is the server's resident set before there was an event, peaks the
	// largest while each quarter of them was sent: memory that stays flat shows
	// as quarters that do not grow.
	idle  int64
	peaks [quarters]int64
}

// targetRates gathers one backlog for all kinds of target, which are unreachable,
// and then drains the share of each: with a server that knows this target alone,
// into its real broker. A kind that fails is a remark; the others go on.
func targetRates(ctx context.Context, t *turn) error {
	rows := t.options.targetRows()
	if len(rows) == 0 {
		return errors.New("-targets names no kind that there is")
	}
	idle, err := t.gather(ctx, rows)
	if err != nil {
		return err
	}
	for i, r := range rows {
		s := sample{cell: r.name, unit: "ev/s"}
		began := time.Now()
		err := withBrokers(func(b *brokers) error { return t.drainRow(ctx, b, i, r, &s) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.remark = strings.Join(strings.Fields(err.Error()), " ")
		}
		s.drain.idle = idle
		fmt.Fprintf(os.Stderr, "%s: %.0f events/s, %s in all %s\n", r.name, s.rate, time.Since(began).Round(time.Second), s.remark)
		t.samples = append(t.samples, s)
	}
	return nil
}

// targetRows are the rows that the options ask for.
func (o *options) targetRows() []targetRow {
	all := allTargetRows()
	if len(o.targets) == 0 {
		return all
	}
	var rows []targetRow
	for _, r := range all {
		for _, name := range o.targets {
			if strings.HasPrefix(r.name, name) {
				rows = append(rows, r)
				break
			}
		}
	}
	return rows
}

// gather puts -backlog objects while no target can be reached, and returns the
// server's resident set before the first of them.
func (t *turn) gather(ctx context.Context, rows []targetRow) (idle int64, err error) {
	var env, arns []string
	for i, r := range rows {
		nowhere, err := freeAddress(ctx)
		if err != nil {
			return 0, err
		}
		env = append(env, r.env(i, nowhere)...)
		arns = append(arns, fmt.Sprintf("arn:minio:sqs::T%d:%s", i, r.kind))
	}
	if t.server, err = t.start(env); err != nil {
		return 0, err
	}
	defer t.server.stop()
	idle = t.server.rss()
	if err := t.notifyARNs(ctx, "targets", arns); err != nil {
		return 0, err
	}
	return idle, t.fill(ctx, "targets", 0, t.options.backlog)
}

// drainRow starts the broker, and then the server on the backlog.
func (t *turn) drainRow(ctx context.Context, b *brokers, i int, r targetRow, s *sample) (err error) {
	to := r.start(ctx, b)
	if t.server, err = t.start(append(r.env(i, to.address), "MINIO_PROMETHEUS_AUTH_TYPE=public")); err != nil {
		return err
	}
	defer t.server.stop()
	if err := t.watchTarget(ctx, to, r.name, s); err != nil {
		return fmt.Errorf("%w: %s", err, t.server.tail())
	}
	return nil
}

// watchTarget looks at a drain until its last event is acknowledged.
func (t *turn) watchTarget(ctx context.Context, to broker, name string, s *sample) error {
	var first, last look
	var peaks [quarters]int64
	stop := func() error { return nil }
	progress := time.Now()
	for last.delivered < t.options.backlog {
		now, err := t.look(ctx, to)
		if err != nil {
			return err
		}
		q := quarterOf(now.delivered, t.options.backlog)
		peaks[q] = max(peaks[q], t.server.rss())
		if now.delivered > last.delivered {
			progress = now.at
		}
		if first.delivered == 0 && now.delivered > 0 {
			first = now
			stop = t.profile(ctx, "DRAIN "+name)
		}
		last = now
		if time.Since(progress) > stallTimeout {
			return errors.Join(fmt.Errorf("%d of %d events, and no more for %s", last.delivered, t.options.backlog, stallTimeout), stop())
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), stop())
		case <-time.After(drainPoll):
		}
	}
	s.drain = drained{
		events: last.delivered - first.delivered, took: last.at.Sub(first.at),
		server: last.server - first.server, broker: last.broker - first.broker, peaks: peaks,
	}
	s.rate = float64(s.drain.events) / s.drain.took.Seconds()
	if last.failed > 0 {
		s.remark = fmt.Sprintf("%d attempts failed", last.failed)
	}
	return stop()
}

// quarterOf is the quarter of a drain in which so many of all are delivered.
func quarterOf(delivered, all int) int {
	return min(delivered*quarters/all, quarters-1)
}

// look is what one look at a drain shows.
type look struct {
	at                time.Time
	delivered, failed int
	server, broker    time.Duration
}

func (t *turn) look(ctx context.Context, to broker) (look, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.server.address+metricsPath, http.NoBody)
	if err != nil {
		return look{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return look{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("metrics: %s: %s", resp.Status, text)
	}
	return look{
		at: time.Now(), delivered: metric(text, delivered), failed: metric(text, failures),
		server: t.server.cpu(), broker: to.cpu(),
	}, err
}

// metric is the sum of a metric's series in Prometheus' text format.
func metric(text []byte, name string) int {
	sum := 0.0
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), "} ")
		if found, _, _ := strings.Cut(series, "{"); found == name {
			v, _ := strconv.ParseFloat(value, 64) // not a number: nothing was counted
			sum += v
		}
	}
	return int(sum)
}
