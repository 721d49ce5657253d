package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/journal"
)

// Window of the journal: what replay and listeners that resume can reach back
// to. A week covers a long weekend's outage of a consumer; the bytes keep a busy
// server's journal within a small part of any disk.
const (
	journalAge   = 7 * 24 * time.Hour
	journalBytes = 4 << 30
	// minJournalAge and minJournalBytes are the least that make sense: below, a
	// listener that reconnects would find a gap.
	minJournalAge   = time.Second
	minJournalBytes = 1 << 20
)

// Bounds of how often the journal is trimmed: a quarter of its age, within them.
const (
	minTrimEvery = 250 * time.Millisecond
	maxTrimEvery = time.Minute
)

// journalWindow reads how much of the journal is to be kept.
func (e *environment) journalWindow() (journal.Window, error) {
	w := journal.Window{Age: journalAge, Bytes: journalBytes}
	var errs []error
	if text, variable, ok := e.Lookup(envJournalAge); ok {
		age, err := config.ParseDuration(text)
		if err == nil && age < minJournalAge {
			err = fmt.Errorf("%q is less than %s", text, minJournalAge)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: %s: %w", ErrUsage, variable, err))
		}
		w.Age = age
	}
	if text, variable, ok := e.Lookup(envJournalBytes); ok {
		size, err := config.ParseSize(text)
		if err == nil && size < minJournalBytes {
			err = fmt.Errorf("%q is less than 1MiB", text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: %s: %w", ErrUsage, variable, err))
		}
		w.Bytes = int64(size) //nolint:gosec // ParseSize bounds it
	}
	return w, errors.Join(errs...)
}

// trimEvery is how often a window of an age is looked at.
func trimEvery(age time.Duration) time.Duration {
	return min(max(age/4, minTrimEvery), maxTrimEvery)
}

// trimJournal keeps the journal within its window until ctx ends.
func (s *site) trimJournal(ctx context.Context) {
	ticker := time.NewTicker(trimEvery(s.set.window.Age))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if _, err := s.journal.Trim(ctx, s.set.window, now); err != nil && ctx.Err() == nil {
				s.log.Error("the journal could not be trimmed", "err", err)
			}
		}
	}
}
