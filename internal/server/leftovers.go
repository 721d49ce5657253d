package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/object"
)

// What MinIO does with uploads that nobody completes, unless told otherwise.
const (
	staleUploadsExpiry = 24 * time.Hour
	staleUploadsEvery  = 6 * time.Hour
	// minStaleUploads is the least that either can be: shorter, and no client
	// could send a part.
	minStaleUploads = time.Second
)

// staleUploads says when an upload in parts is given up.
type staleUploads struct {
	// expiry is how long no part came, every how often that is looked at.
	expiry, every time.Duration
}

func (e *environment) staleUploads() (staleUploads, error) {
	s := staleUploads{staleUploadsExpiry, staleUploadsEvery}
	var errs []error
	for name, d := range map[string]*time.Duration{envStaleExpiry: &s.expiry, envStaleEvery: &s.every} {
		text, variable, ok := e.Lookup(name)
		if !ok {
			continue
		}
		span, err := config.ParseDuration(text)
		if err == nil && span < minStaleUploads {
			err = fmt.Errorf("%q is less than %s", text, minStaleUploads)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: %s: %w", ErrUsage, variable, err))
			continue
		}
		*d = span
	}
	return s, errors.Join(errs...)
}

// sweepLeftovers removes what earlier processes left behind, once. The lock of
// the folder says that none of them is alive.
func (s *site) sweepLeftovers(ctx context.Context) {
	swept, err := s.objects.Sweep(ctx)
	s.metrics.Leftovers.Swept(swept.Contents, swept.Bytes, err == nil)
	if swept.Contents > 0 {
		s.log.Info("bytes that an earlier process left behind were removed", "contents", swept.Contents, "bytes", swept.Bytes)
	}
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, object.ErrForeignBytes):
		s.log.Error("the metadata is older than the stored bytes: was it put back from a copy? Nothing that it does not know is removed", "err", err)
	default:
		s.log.Error("what earlier processes left behind could not be removed; it is tried again at the next start", "err", err)
	}
}

// abortStaleUploads gives up uploads that nobody goes on with, until ctx ends.
func (s *site) abortStaleUploads(ctx context.Context) {
	ticker := time.NewTicker(s.set.stale.every)
	defer ticker.Stop()
	for {
		n, err := s.objects.AbortStaleUploads(ctx, s.set.stale.expiry)
		s.metrics.Leftovers.AbortedUploads(n)
		if n > 0 {
			s.log.Info("uploads were given up: no part of them came for too long", "uploads", n, "expiry", s.set.stale.expiry)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("stale uploads could not be given up", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
