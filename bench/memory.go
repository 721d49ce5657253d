package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// drainWatch is how long the drain is watched: long enough for a server to
	// read far ahead, if it does.
	drainWatch = 10 * time.Second
	rssPoll    = 50 * time.Millisecond
)

// memories measures what undelivered events cost in memory: the server's
// resident set when it is idle, when all of them wait, and at most while they
// are sent. The figures of these rows are MiB: less is better.
func memories(ctx context.Context, t *turn) error {
	n := t.options.undelivered
	if err := t.notify(ctx, "memory", 1); err != nil {
		return err
	}
	t.mebibytes("MEMORY idle", t.server.rss())
	t.sink.close()
	a := t.announce("memory")
	t.sink.watch(1, a.base)
	l := load{server: t.server, clients: fillClients, worker: a.putter(t.options, 0, n)}
	out, err := l.run(ctx)
	if err != nil {
		return err
	}
	if out.errors > 0 {
		return fmt.Errorf("fill: %w", out.lastError)
	}
	t.mebibytes(fmt.Sprintf("MEMORY %d undelivered", n), t.server.rss())
	if err := t.sink.open(ctx, 0); err != nil {
		return err
	}
	peak, err := t.watchDrain(ctx, n)
	if err != nil {
		return err
	}
	t.mebibytes(fmt.Sprintf("MEMORY %d draining", n), peak)
	t.sink.mu.Lock()
	defer t.sink.mu.Unlock()
	row := sample{cell: fmt.Sprintf("DRAIN of %d", n), unit: "ev/s"}
	if took := t.sink.last.Sub(t.sink.first); took > 0 {
		row.rate = float64(t.sink.seen-1) / took.Seconds()
	}
	t.samples = append(t.samples, row)
	return nil
}

// watchDrain returns the largest resident set until n events have come, or for
// drainWatch after the first.
func (t *turn) watchDrain(ctx context.Context, n int) (peak int64, err error) {
	opened := time.Now()
	for {
		peak = max(peak, t.server.rss())
		t.sink.mu.Lock()
		first, seen := t.sink.first, t.sink.seen
		t.sink.mu.Unlock()
		switch {
		case seen >= n || seen > 0 && time.Since(first) > drainWatch:
			return peak, nil
		case seen == 0 && time.Since(opened) > stallTimeout:
			return peak, fmt.Errorf("no event came within %s", stallTimeout)
		}
		select {
		case <-ctx.Done():
			return peak, ctx.Err()
		case <-time.After(rssPoll):
		}
	}
}

func (t *turn) mebibytes(cell string, bytes int64) {
	t.samples = append(t.samples, sample{cell: cell, unit: "MiB", rate: float64(bytes) / (1 << 20)})
}

// rss is the resident set of the server in bytes; 0 where the system does not
// tell.
func (p *process) rss() int64 {
	text, _, _ := strings.Cut(procField(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "VmRSS"), " ")
	kib, _ := strconv.ParseInt(text, 10, 64) // not a number: unknown
	return kib << 10
}
