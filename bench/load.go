package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxErrors ends a run: the server is broken, and how fast it fails says nothing.
const maxErrors = 100

// step does one operation and says whether there was one left to do.
type step func(c *client) (done bool, err error)

// load is a closed loop: every client sends its next request when the last one
// is answered.
type load struct {
	server  *process
	clients int
	warm    time.Duration // requests sent before this are not counted
	length  time.Duration // counted after warm; zero: until the steps run out
	worker  func(id int) step
}

// outcome is what a load measured.
type outcome struct {
	latencies []time.Duration // sorted
	elapsed   time.Duration
	cpu       time.Duration // that the server used meanwhile
	errors    int64
	lastError error
}

// run runs the load. It returns an error only if ctx ends; errors of requests
// are in the outcome.
func (l *load) run(ctx context.Context) (*outcome, error) {
	r := &loadRun{load: l, begin: time.Now().Add(l.warm)}
	each := make([][]time.Duration, l.clients)
	var wg sync.WaitGroup
	cpu := l.server.cpu()
	for id := range l.clients {
		wg.Go(func() { each[id] = r.loop(ctx, id) })
	}
	if l.warm > 0 {
		select {
		case <-time.After(l.warm):
		case <-ctx.Done():
		}
		cpu = l.server.cpu()
	}
	wg.Wait()
	o := &outcome{
		latencies: slices.Concat(each...),
		elapsed:   time.Since(r.begin),
		cpu:       l.server.cpu() - cpu,
		errors:    r.errors.Load(),
	}
	if p := r.lastError.Load(); p != nil {
		o.lastError = *p
	}
	slices.Sort(o.latencies)
	return o, ctx.Err()
}

// loadRun is what the clients of one run share.
type loadRun struct {
	*load
	begin     time.Time // of counting
	errors    atomic.Int64
	lastError atomic.Pointer[error]
}

func (r *loadRun) loop(ctx context.Context, id int) []time.Duration {
	c := newClient(r.server.address)
	defer c.close()
	next := r.worker(id)
	latencies := make([]time.Duration, 0, 1<<14)
	for ctx.Err() == nil && r.errors.Load() < maxErrors {
		start := time.Now()
		if r.length > 0 && start.Sub(r.begin) >= r.length {
			break
		}
		done, err := next(c)
		switch {
		case done:
			return latencies
		case err != nil:
			r.errors.Add(1)
			r.lastError.Store(&err)
		case !start.Before(r.begin):
			latencies = append(latencies, time.Since(start))
		}
	}
	return latencies
}

// sample turns the outcome into a row; size is the bytes of one operation where
// the rate is to be read in MiB/s, else zero.
func (o *outcome) sample(cell string, size int) sample {
	n := len(o.latencies)
	s := sample{
		cell: cell, unit: "op/s", rate: float64(n) / o.elapsed.Seconds(),
		p50: percentile(o.latencies, 50), p99: percentile(o.latencies, 99),
	}
	if size >= 1<<20 {
		s.rate, s.unit = s.rate*float64(size)/(1<<20), "MiB/s"
	}
	if n > 0 {
		s.cpu = o.cpu / time.Duration(n)
	}
	if o.errors > 0 {
		s.remark = fmt.Sprintf("%d errors, last: %v", o.errors, o.lastError)
	}
	return s
}
