package server

import (
	"context"
	"errors"
	"time"

	"github.com/carillon-s3/carillon/internal/api/admin"
)

const (
	// usageEvery is the least time between two counts of what is stored.
	usageEvery = 15 * time.Second
	// usageShare keeps counting below a fiftieth of the time, however much there
	// is to count.
	usageShare = 50
)

var errNotCounted = errors.New("what is stored has not been counted yet")

// countUsage counts what is stored, again and again, until ctx ends.
func (s *site) countUsage(ctx context.Context) {
	for {
		start := time.Now()
		buckets, err := s.objects.Usage(ctx)
		if err == nil {
			u := admin.Usage{Time: start}
			for _, b := range buckets {
				u.Buckets = append(u.Buckets, admin.BucketUsage{
					Name: b.Name, Objects: b.Objects, Versions: b.Versions, DeleteMarkers: b.Markers, Bytes: b.Bytes,
				})
			}
			s.counted.Store(&u)
		} else if ctx.Err() == nil {
			s.log.Error("what is stored could not be counted", "err", err)
		}
		timer := time.NewTimer(max(usageEvery, usageShare*time.Since(start)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// usage is the last count.
func (s *site) usage(context.Context) (admin.Usage, error) {
	if u := s.counted.Load(); u != nil {
		return *u, nil
	}
	return admin.Usage{}, errNotCounted
}
