package object

import (
	"context"
	"errors"
	"slices"

	"github.com/carillon-s3/carillon/internal/event"
)

// ReplayFilter says which records of the journal a replay sends.
type ReplayFilter struct {
	// Bucket restricts to the bucket that has this name now; empty means all.
	Bucket string
	// Prefix restricts to keys that begin with it.
	Prefix string
	// Target is whom they are for.
	Target event.TargetID
	// All sends every event of an object. Otherwise those are sent that the
	// rules which their bucket has now send to the target: the journal does not
	// say whom a record was for.
	All bool
}

// ReplayWants makes the filter into a function of a record. It looks buckets up
// once, by id: a bucket that was deleted and made again has none of the old
// one's events, and events of a bucket that is gone match no rules.
// ErrNoSuchBucket. The function is for one goroutine.
func (s *Service) ReplayWants(ctx context.Context, f ReplayFilter) (func(*event.Record) (bool, error), error) {
	if f.Bucket != "" {
		if _, _, err := s.readBucket(ctx, s.store, f.Bucket); err != nil {
			return nil, err
		}
	}
	buckets := make(map[string]*bucket)
	of := func(name string) (*bucket, error) {
		if b, ok := buckets[name]; ok {
			return b, nil
		}
		b, _, err := s.readBucket(ctx, s.store, name)
		if err != nil && !errors.Is(err, ErrNoSuchBucket) {
			return nil, err
		}
		buckets[name] = b
		return b, nil
	}
	return func(rec *event.Record) (bool, error) {
		if rec.Key == "" || f.Bucket != "" && rec.Bucket != f.Bucket || len(rec.Key) < len(f.Prefix) || rec.Key[:len(f.Prefix)] != f.Prefix {
			return false, nil
		}
		if f.All && f.Bucket == "" {
			return true, nil
		}
		b, err := of(rec.Bucket)
		if err != nil || b == nil || b.ID != rec.BucketID {
			return false, err
		}
		return f.All || b.sends(rec, f.Target), nil
	}, nil
}

// sends reports whether the bucket's rules send rec to the target.
func (b *bucket) sends(rec *event.Record, to event.TargetID) bool {
	asked := b.rules.Match(rec.Name, rec.Key)
	if alias := rec.Alias(); alias != 0 {
		asked = append(asked, b.rules.Match(alias, rec.Key)...)
	}
	return slices.Contains(asked, to)
}
