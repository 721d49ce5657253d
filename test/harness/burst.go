package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// Burst lets workers step, each one step after the other, until enough steps were
// answered; then it calls strike, and returns when every worker has stopped. A
// worker stops at its first error. Burst's error is of steps that failed before
// the strike, while the server was running: the server's fault.
func Burst(ctx context.Context, workers int, enough int64, step func(ctx context.Context, worker int) error, strike func()) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	var (
		answered atomic.Int64
		struck   atomic.Bool
		group    sync.WaitGroup
	)
	early := make([]error, workers)
	reached := make(chan struct{})
	for i := range workers {
		group.Go(func() {
			for !struck.Load() {
				if err := step(ctx, i); err != nil {
					if !struck.Load() {
						early[i] = fmt.Errorf("no answer while the server was running: %w", err)
					}
					return
				}
				if answered.Add(1) == enough {
					close(reached)
				}
			}
		})
	}
	stopped := make(chan struct{})
	go func() { group.Wait(); close(stopped) }()
	select {
	case <-reached:
	case <-stopped:
	}
	struck.Store(true)
	strike()
	<-stopped
	return errors.Join(early...)
}

// Number reads a variable, such as a seed or a number of rounds; otherwise is its
// value where it is not set.
func Number(t testing.TB, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}
