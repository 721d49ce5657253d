package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// runner runs one scenario: rounds of turns.
type runner struct {
	options  *options
	scenario scenario
	subjects []subject
	visits   []visit
	syncs    []float64 // fdatasync a second, before each round
}

// rounds runs them all. When ctx's time is up it returns nil: what was measured
// until then counts.
func (r *runner) rounds(ctx context.Context) error {
	subjects := r.subjects
	subjects = slices.DeleteFunc(slices.Clone(subjects), func(s subject) bool {
		return s.floor && r.scenario.noFloor || s.syncs && !r.scenario.writes || r.scenario.ours && s.name != own
	})
	for round := range r.options.rounds {
		rate, err := syncRate(r.options.dir)
		if err != nil {
			return err
		}
		r.syncs = append(r.syncs, rate)
		inTurn := turns(subjects)
		if r.scenario.ours {
			inTurn = subjects
		}
		for i, s := range inTurn {
			if err := r.turn(ctx, round, s); err != nil {
				if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
					fmt.Fprintln(os.Stderr, "bench: -max is over in round", round+1)
					return nil
				}
				return fmt.Errorf("round %d, turn %d, %s: %w", round+1, i+1, s.name, err)
			}
		}
	}
	return nil
}

// turn starts the server on its folder, measures, and ends it.
func (r *runner) turn(ctx context.Context, round int, s subject) (err error) {
	parent := r.options.dir
	if r.scenario.keep && r.options.filled != "" {
		parent = r.options.filled
	}
	dir := filepath.Join(parent, fmt.Sprintf("%s%d-%s", r.scenario.name, r.options.preload, s.name))
	t := &turn{options: r.options, fresh: true}
	if _, err := os.Stat(dir); err == nil && r.scenario.keep {
		t.fresh = false
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if !r.scenario.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(dir), os.RemoveAll(dir+"-queue")) }()
	}
	settle()
	var env []string
	if r.scenario.targets > 0 {
		if t.sink, err = newSink(ctx); err != nil {
			return err
		}
		defer t.sink.close()
		queueDir := ""
		if s.queueDir {
			queueDir = dir + "-queue"
		}
		env = targetsEnv(r.scenario.targets, t.sink, queueDir)
	}
	t.start = func(env []string) (*process, error) { return s.start(ctx, dir, env) }
	if !r.scenario.ours {
		if t.server, err = t.start(env); err != nil {
			return err
		}
		defer t.server.stop()
	}
	start := time.Now()
	err = r.scenario.run(ctx, t)
	if err != nil && (!r.scenario.ours || len(t.samples) == 0) {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s round %d/%d: %s took %s, load average %s\n", r.scenario.name, round+1, r.options.rounds,
		s.name, time.Since(start).Round(time.Second/10), loadAverage())
	// Rows stand for themselves where nothing is compared: what was measured counts.
	r.visits = append(r.visits, visit{round: round, server: s.name, samples: t.samples})
	return err
}

// print prints what was measured.
func (r *runner) print(w io.Writer) error {
	s := spreadOf(r.syncs)
	_, err := fmt.Fprintf(w, "\n# %s: %s\n# fdatasync of 4 KiB before each round: %.0f/s (%.0f..%.0f); load average after: %s\n\n",
		r.scenario.name, r.scenario.help, s.median, s.min, s.max, loadAverage())
	if err != nil {
		return err
	}
	tableOf := table
	if r.scenario.table != nil {
		tableOf = r.scenario.table
	}
	rows := tableOf(r.visits)
	if r.options.format != "markdown" {
		if err := writeText(w, rows); err != nil {
			return err
		}
	}
	if r.options.format == "both" {
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	if r.options.format == "text" {
		return nil
	}
	return writeMarkdown(w, rows)
}
