package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	mostRules = 10
	// backlogClients fill the backlog that the drain scenario drains.
	backlogClients = 16
	// queueLimit is above any backlog made here, so that nothing is dropped.
	queueLimit = 10_000_000
)

// targetsEnv configures webhook targets 0 to n-1 to send to the sink.
func targetsEnv(n int, s *sink, queueDir string) []string {
	var env []string
	for i := range n {
		set := func(key, value string) {
			env = append(env, fmt.Sprintf("MINIO_NOTIFY_WEBHOOK_%s_T%d=%s", key, i, value))
		}
		set("ENABLE", "on")
		set("ENDPOINT", fmt.Sprintf("http://%s/%d", s.address, i))
		set("QUEUE_LIMIT", fmt.Sprint(queueLimit))
		if queueDir != "" {
			set("QUEUE_DIR", filepath.Join(queueDir, fmt.Sprint(i)))
		}
	}
	return env
}

// notify makes a bucket whose creations go to the first n webhook targets.
func (t *turn) notify(ctx context.Context, bucket string, n int) error {
	var arns []string
	for i := range n {
		arns = append(arns, fmt.Sprintf("arn:minio:sqs::T%d:webhook", i))
	}
	return t.notifyARNs(ctx, bucket, arns)
}

// notifyARNs makes a bucket whose creations go to the targets.
func (t *turn) notifyARNs(ctx context.Context, bucket string, arns []string) error {
	if err := t.server.makeBucket(ctx, bucket); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("<NotificationConfiguration>")
	for i, arn := range arns {
		fmt.Fprintf(&b, "<QueueConfiguration><Id>%d</Id><Queue>%s</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration>", i, arn)
	}
	b.WriteString("</NotificationConfiguration>")
	body := []byte(b.String())
	c := newClient(t.server.address)
	defer c.close()
	r := &request{method: "PUT", path: "/" + bucket, query: "notification=", body: body, hash: hashOf(body)}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for { // a server may answer before its targets are there
		err := c.do(r)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err, errors.New(t.server.tail()))
		case <-time.After(startPause):
		}
	}
}

// announced is a run of PUTs, numbered from base, and when each was answered.
type announced struct {
	bucket   string
	base     int
	count    atomic.Int64
	answered []atomic.Int64 // nanoseconds since the epoch; 0: never
}

// mostAnnounced bounds one cell's PUTs.
const mostAnnounced = 1 << 20

func (t *turn) announce(bucket string) *announced {
	return &announced{bucket: bucket, base: t.numbered, answered: make([]atomic.Int64, mostAnnounced)}
}

// putter puts up to limit new objects.
func (a *announced) putter(o *options, size, limit int) func(int) step {
	body, hash := o.body(size)
	return func(int) step {
		return func(c *client) (bool, error) {
			i := int(a.count.Add(1)) - 1
			if i >= limit {
				return true, nil
			}
			err := c.do(&request{method: "PUT", path: keyPath(a.bucket, size, a.base+i), body: body, hash: hash})
			if err == nil {
				a.answered[i].Store(time.Now().UnixNano())
			}
			return false, err
		}
	}
}

// arrivals waits for the events of every answered PUT at n targets and reads
// off how fast they came, and how long after the answer.
func (a *announced) arrivals(ctx context.Context, s *sink, cell string, n int) (sample, error) {
	answered := 0
	for i := range a.answered {
		if a.answered[i].Load() > 0 {
			answered++
		}
	}
	if err := s.await(ctx, answered*n); err != nil {
		return sample{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var delays []time.Duration
	for _, numbers := range s.arrived {
		for number, at := range numbers {
			if ns := a.answered[number-a.base].Load(); ns > 0 {
				delays = append(delays, max(0, at.Sub(time.Unix(0, ns))))
			}
		}
	}
	slices.Sort(delays)
	row := sample{cell: cell, unit: "ev/s", p50: percentile(delays, 50), p99: percentile(delays, 99)}
	if took := s.last.Sub(s.first); took > 0 {
		row.rate = float64(s.seen-1) / took.Seconds()
	}
	if missing := answered*n - len(delays); missing > 0 {
		row.remark = fmt.Sprintf("%d of %d events missing", missing, answered*n)
	}
	return row, nil
}

// events measures PUT beside 0, 1 and 10 matching rules, each with a target of
// its own: first while the receiver takes what comes, and how that arrives; then
// while the receiver is down, which is what the rules cost a PUT without the work
// of delivery beside it. One event a rule and PUT is due, so the rate of arrival
// can't be above that of the PUTs times the rules.
func events(ctx context.Context, t *turn) error {
	for _, down := range []bool{false, true} {
		if down {
			t.sink.close()
		}
		for _, rules := range []int{0, 1, mostRules} {
			name := fmt.Sprintf("rules%d", rules)
			if !down { // the rules stand
				if err := t.notify(ctx, name, rules); err != nil {
					return err
				}
			}
			for _, n := range t.options.clients {
				if err := t.putAnnounced(ctx, name, rules, n, down); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// putAnnounced measures PUTs by n clients, and unless the receiver is down, how
// their events arrive.
func (t *turn) putAnnounced(ctx context.Context, name string, rules, n int, down bool) error {
	a := t.announce(name)
	t.sink.watch(rules, a.base)
	l := load{clients: n, warm: t.options.warm, length: t.options.length, worker: a.putter(t.options, smallObject, mostAnnounced)}
	cell := fmt.Sprintf("PUT 4K %d rules", rules)
	if down {
		cell += " down"
	}
	cell += fmt.Sprintf(" c%d", n)
	if err := t.measure(ctx, cell, smallObject, l); err != nil {
		return err
	}
	t.numbered += int(a.count.Load())
	if rules == 0 || down {
		return nil
	}
	row, err := a.arrivals(ctx, t.sink, cell+" arrive", rules)
	t.samples = append(t.samples, row)
	return err
}

// drains makes a backlog while the receiver is down, and measures how fast it
// drains once the receiver is back. The wait until the first event arrives is
// told apart: it is the server's pause between attempts.
func drains(ctx context.Context, t *turn) error {
	if err := t.notify(ctx, "drain", 1); err != nil {
		return err
	}
	for _, delay := range []time.Duration{0, 10 * time.Millisecond} {
		t.sink.close()
		a := t.announce("drain")
		t.sink.watch(1, a.base)
		l := load{server: t.server, clients: backlogClients, worker: a.putter(t.options, smallObject, t.options.backlog)}
		out, err := l.run(ctx)
		if err != nil {
			return err
		}
		t.numbered += t.options.backlog
		open := time.Now()
		if err := t.sink.open(ctx, delay); err != nil {
			return err
		}
		cpu := t.server.cpu()
		row, err := a.arrivals(ctx, t.sink, fmt.Sprintf("DRAIN %d at %s", t.options.backlog, delay), 1)
		if err != nil {
			return err
		}
		row.p50, row.p99 = 0, 0 // since the PUT, which says nothing here
		row.cpu = (t.server.cpu() - cpu) / time.Duration(max(1, t.options.backlog))
		row.remark = strings.TrimSpace(fmt.Sprintf("%s first after %s", row.remark, t.sink.first.Sub(open).Round(10*time.Millisecond)))
		if out.errors > 0 {
			row.remark += fmt.Sprintf(", %d PUT errors: %v", out.errors, out.lastError)
		}
		t.samples = append(t.samples, row)
	}
	return nil
}
