package object

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/carillon-s3/carillon/internal/kv"
)

// quotaRecord bounds the bytes of all versions in a bucket.
type quotaRecord struct {
	Bytes int64 `cbor:"1,keyasint"`
	// Set is when it was set, in nanoseconds since 1970, and differs between any
	// two: bytes are counted anew for each, since nobody counts without a quota.
	Set int64 `cbor:"2,keyasint"`
}

// Quota returns how many bytes all versions in a bucket may have together; 0 is no
// bound. ErrNoSuchBucket.
func (s *Service) Quota(ctx context.Context, bucketName string) (int64, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil || b.Quota == nil {
		return 0, err
	}
	return b.Quota.Bytes, nil
}

// SetQuota bounds the bytes of all versions in a bucket, durably; 0 removes the
// bound. What is there already stays, also if it is more. ErrNoSuchBucket.
func (s *Service) SetQuota(ctx context.Context, bucketName string, bytes int64) error {
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		if bytes == 0 {
			r.Quota = nil
			return nil
		}
		r.Quota = &quotaRecord{Bytes: bytes, Set: s.quotas.next(s.now().UnixNano())}
		return nil
	})
	return err
}

// admitBytes refuses early what its commit would refuse: a body of so many bytes
// for a key. Sizes below 0 are not known yet.
func (s *Service) admitBytes(ctx context.Context, b *bucket, key string, size int64) error {
	if b.Quota == nil || size <= 0 {
		return nil
	}
	grows := size
	if b.Versioning != VersioningEnabled {
		current, _, err := readCurrent(ctx, s.store, b, key)
		if err != nil {
			return err
		}
		if current != nil && current.VersionID == nullID {
			grows -= current.Size
		}
	}
	used, err := s.usedBytes(ctx, b)
	if errors.Is(err, errTryAgain) {
		return nil // the commit decides
	}
	if err != nil {
		return err
	}
	return used.fits(b, grows)
}

// admitPart refuses a part that no object in its bucket can have. Parts are not
// counted before they are an object's.
func (s *Service) admitPart(ctx context.Context, in PartInput) error {
	b, _, err := s.readBucket(ctx, s.store, in.Bucket)
	if err != nil {
		return err
	}
	return s.admitBytes(ctx, b, in.Key, in.Size)
}

// reserve takes what a mutation adds to its bucket from the bucket's quota, before
// the commit: of those that are under way at once, no more go on than fit. The
// caller hands the outcome of the commit to settle. ErrQuotaExceeded.
func (s *Service) reserve(ctx context.Context, t *tx) (settle func(error), err error) {
	if t.bucket.Quota == nil || t.grown == 0 {
		return func(error) {}, nil
	}
	if t.grown < 0 { // never refused, and never waits for a count
		used := s.quotas.of(t.bucket.ID, t.bucket.Quota.Set)
		if used == nil {
			return nil, errTryAgain
		}
		return used.giveBack(-t.grown), nil
	}
	used, err := s.usedBytes(ctx, t.bucket)
	if err != nil {
		return nil, err
	}
	return used.take(t.bucket, t.grown)
}

// quotas are the bytes of each bucket that has a quota, counted from the first
// write after the quota was set or the server was started.
type quotas struct {
	mu   sync.Mutex
	used map[uint64]*usedBytes // by the bucket's id
	// last is the greatest quotaRecord.Set given here.
	last atomic.Int64
}

// usedBytes counts what is in a bucket. Everything that a commit may have added is
// in it; what a commit removed is taken off once that is durable. So it is never
// less than what is there, and more only by what changed while it was counted,
// until it is counted again.
type usedBytes struct {
	set      int64
	counting sync.Mutex // who counts the bucket for the first time

	mu sync.Mutex
	// known says that bytes holds a count.
	known bool
	bytes int64
	// pending is the part of bytes that is not committed yet.
	pending int64
	// counts are the counts under way: each gathers what is added meanwhile, which
	// it may have seen or not.
	counts map[*int64]bool
	// counted is how many counts have ended.
	counted uint64
}

// next is a quotaRecord.Set: the time, or one more than the last.
func (q *quotas) next(now int64) int64 {
	for {
		last := q.last.Load()
		if next := max(now, last+1); q.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// of returns the counter of a quota; nil if the bucket has a newer one.
func (q *quotas) of(id uint64, set int64) *usedBytes {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last.Store(max(q.last.Load(), set)) // later ones are greater, whatever the clock says
	u := q.used[id]
	switch {
	case u == nil || u.set < set:
		u = &usedBytes{set: set, counts: map[*int64]bool{}}
		if q.used == nil {
			q.used = map[uint64]*usedBytes{}
		}
		q.used[id] = u
	case u.set > set:
		return nil
	}
	return u
}

// there returns the counter of a bucket, if it has one.
func (q *quotas) there(id uint64) *usedBytes {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used[id]
}

func (q *quotas) forget(id uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.used, id)
}

// usedBytes returns the counter of a bucket with a quota. The first who asks counts
// the bucket, and the others wait. errTryAgain if there is a newer quota.
func (s *Service) usedBytes(ctx context.Context, b *bucket) (*usedBytes, error) {
	u := s.quotas.of(b.ID, b.Quota.Set)
	if u == nil {
		return nil, errTryAgain
	}
	u.counting.Lock()
	defer u.counting.Unlock()
	if u.isKnown() {
		return u, nil
	}
	end := u.count()
	var found BucketUsage
	err := s.countBucket(ctx, b.ID, &found)
	end(found.Bytes, err)
	if err != nil {
		return nil, fmt.Errorf("count bucket %s for its quota: %w", b.name, err)
	}
	return u, nil
}

func (u *usedBytes) isKnown() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.known
}

// count begins a count; end tells what it found. It may be called of nil.
func (u *usedBytes) count() (end func(found int64, err error)) {
	if u == nil {
		return func(int64, error) {}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	added := new(int64)
	*added = u.pending
	u.counts[added] = true
	return func(found int64, err error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.counts, added)
		u.counted++
		if err == nil {
			u.known, u.bytes = true, found+*added
		}
	}
}

// fits says whether so many bytes more are allowed.
func (u *usedBytes) fits(b *bucket, more int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.check(b, more)
}

func (u *usedBytes) check(b *bucket, more int64) error {
	if more > 0 && u.bytes+more > b.Quota.Bytes {
		return fmt.Errorf("%w: bucket %s has %d of %d bytes", ErrQuotaExceeded, b.name, u.bytes, b.Quota.Bytes)
	}
	return nil
}

// take adds bytes before their commit. Of one that fails they are taken off again;
// of an unsure one they stay, until the next count.
func (u *usedBytes) take(b *bucket, more int64) (settle func(error), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.check(b, more); err != nil {
		return nil, err
	}
	u.bytes += more
	u.pending += more
	for added := range u.counts {
		*added += more
	}
	return func(err error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.pending -= more
		if err != nil && !errors.Is(err, kv.ErrUnsure) {
			u.bytes -= more
		}
	}, nil
}

// giveBack takes bytes off once the commit that removes them is durable, unless a
// count may have seen it already.
func (u *usedBytes) giveBack(less int64) (settle func(error)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	counted := u.counted
	return func(err error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		if err == nil && u.counted == counted && len(u.counts) == 0 {
			u.bytes -= less
		}
	}
}
