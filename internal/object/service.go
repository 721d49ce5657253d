package object

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/policy"
	"github.com/carillon-s3/carillon/internal/s3"
	"github.com/carillon-s3/carillon/internal/sse"
)

// Config says what a Service works on.
type Config struct {
	Store   kv.Store
	Blobs   blob.Store
	Journal *journal.Journal
	// Region is the site's region; empty if none is configured.
	Region string
	// KnownTarget says whether notification rules may name a target. nil knows
	// none.
	KnownTarget func(event.TargetID) bool
	// Keys are the master keys of server-side encryption; nil if there are none.
	Keys *sse.Keys
	// AutoEncrypt encrypts objects for which neither the client nor the bucket
	// says how, by the first of Keys.
	AutoEncrypt bool
	Logger      *slog.Logger
	// Now is the clock by which locks are decided, among others; nil is time.Now.
	Now func() time.Time
}

// Service is the object store. It is safe for concurrent use.
type Service struct {
	store   kv.Store
	blobs   blob.Store
	journal *journal.Journal
	region  string
	known   func(event.TargetID) bool
	log     *slog.Logger
	// keys may be nil.
	keys        *sse.Keys
	autoEncrypt bool

	locks    keyLocks
	buckets  bucketCache
	contents atomic.Uint64 // counts inlined contents of this incarnation
	ids      atomic.Uint64 // counts buckets made in this incarnation
	uploads  atomic.Uint64 // counts uploads begun in this incarnation
	access   accessState
	quotas   quotas
	pins     pins
	// Less in tests: s3.MinPartBytes, collectAfter and forgetAfter.
	minPart                   int64
	collectAfter, forgetAfter time.Duration

	copyBuffers sync.Pool // *[copyBytes]byte, for large bodies
	now         func() time.Time
}

// Open makes a Service, and undoes what a crash left half done: buckets whose
// deletion was under way are as they were.
func Open(ctx context.Context, c Config) (*Service, error) {
	s := &Service{
		store: c.Store, blobs: c.Blobs, journal: c.Journal,
		region: c.Region, known: c.KnownTarget, log: c.Logger, now: c.Now,
		keys: c.Keys, autoEncrypt: c.AutoEncrypt,
		locks:   keyLocks{seed: maphash.MakeSeed()},
		minPart: s3.MinPartBytes, collectAfter: collectAfter, forgetAfter: forgetAfter,
	}
	if s.known == nil {
		s.known = func(event.TargetID) bool { return false }
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.revertDeletions(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Run does the background work, such as removing bytes that nothing uses any
// more, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	ticker := time.NewTicker(collectEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := s.Collect(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("collector failed", "err", err)
		}
	}
}

// Admit says whether growing mutations are accepted now: nil, ErrNoSpace or
// ErrUnavailable. Callers ask before they read a request's body.
func (s *Service) Admit() error { return storeError(s.store.Admit()) }

// storeError gives an error of the metadata store its meaning here.
func storeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kv.ErrUnsure):
		return fmt.Errorf("%w: %w", ErrUnsure, err)
	case errors.Is(err, kv.ErrNoSpace):
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case errors.Is(err, kv.ErrFailed), errors.Is(err, kv.ErrClosed), errors.Is(err, kv.ErrUnavailable):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	default:
		return err
	}
}

// bucket is a bucket with its rules and its policy compiled.
type bucket struct {
	bucketRecord
	name  string
	rules *event.Rules
	// policy is nil if the bucket has none.
	policy *policy.Document
	// lifecycle is the bucket's lifecycle document once it was read.
	lifecycle atomic.Pointer[knownDocument]
}

func (b *bucket) public() Bucket {
	return Bucket{ID: b.ID, Name: b.name, Region: b.Region, Created: time.UnixMilli(b.Created).UTC()}
}

// bucketCache keeps decoded buckets by the revision of their record: the record
// itself is read each time, its rules are compiled once.
type bucketCache struct{ m sync.Map } // name -> cachedBucket

type cachedBucket struct {
	revision uint64
	bucket   *bucket
}

// lookUp returns a bucket as it was last read.
func (c *bucketCache) lookUp(name string) (*bucket, bool) {
	cached, ok := c.m.Load(name)
	if !ok {
		return nil, false
	}
	return cached.(cachedBucket).bucket, true
}

// readBucket reads a bucket and the item that a mutation requires to stand.
// ErrNoSuchBucket if there is none.
func (s *Service) readBucket(ctx context.Context, r kv.Reader, name string) (*bucket, kv.Item, error) {
	item, err := r.Get(ctx, bucketKey(name))
	if err != nil {
		return nil, item, storeError(err)
	}
	if !item.Exists() {
		return nil, item, fmt.Errorf("%w: %s", ErrNoSuchBucket, name)
	}
	if c, ok := s.buckets.m.Load(name); ok && c.(cachedBucket).revision == item.Revision {
		return c.(cachedBucket).bucket, item, nil
	}
	rec, err := decodeBucket(item.Value)
	if err != nil {
		return nil, item, fmt.Errorf("bucket %s: %w", name, err)
	}
	b := &bucket{bucketRecord: rec, name: name, rules: rec.Notification.Rules()}
	if len(rec.Policy) > 0 {
		if b.policy, err = policy.ParseBucket(rec.Policy, name); err != nil {
			s.log.Error("a bucket's policy cannot be read; it is taken to deny everything to all but root", "bucket", name, "err", err)
			b.policy = policy.DenyAll()
		}
	}
	s.buckets.m.Store(name, cachedBucket{item.Revision, b})
	return b, item, nil
}

// readCurrent reads a key's latest version; nil if there is none or it is a
// delete marker.
func readCurrent(ctx context.Context, r kv.Reader, b *bucket, key string) (*versionRecord, kv.Item, error) {
	item, err := r.Get(ctx, currentKey(b.ID, key))
	if err != nil || !item.Exists() {
		return nil, item, storeError(err)
	}
	rec, err := decodeVersion(item.Value)
	if err != nil {
		return nil, item, fmt.Errorf("%s/%s: %w", b.name, key, err)
	}
	return rec, item, nil
}
