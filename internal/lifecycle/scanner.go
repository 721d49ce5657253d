package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

const (
	// walkName is that of the scanner's position in the store.
	walkName = "lifecycle"
	// positionEvery is how often the position is kept: what a restart looks at
	// once more.
	positionEvery = 5 * time.Second
	// pageVersions and pageUploads are how many a listing reads at once, which is
	// what it holds in memory.
	pageVersions = 1000
	pageUploads  = 1000
	// pace is how many times as long as it worked the scanner then rests: requests
	// have the machine for themselves for most of the time, however slow it is.
	pace = 4
	// width is how many keys are expired at once. They are separate commits that
	// share their syncs.
	width = 8
	// userAgent is what MinIO's events of expired objects have.
	userAgent = "Internal: [ILM-Expiry]"
)

// Observer is told what a scanner does. Its methods must not block, and are called
// by several goroutines.
type Observer interface {
	// Scanned tells of versions and uploads that were looked at.
	Scanned(versions, uploads int)
	// Expired tells of a version, a key, or an upload (action "abort") that was
	// expired.
	Expired(action string)
	// Failed tells of one that was not, because of an error.
	Failed()
	// Finished tells of a run that ended, and whether it got through.
	Finished(took time.Duration, complete bool)
}

// Config says what a Scanner works on.
type Config struct {
	Objects *object.Service
	Book    *Book
	// Interval is between the beginnings of two runs, if the first has ended.
	Interval time.Duration
	// Host is what events tell as the source: this server.
	Host     string
	Observer Observer
	Logger   *slog.Logger
	// Now is the clock of rules; nil means time.Now.
	Now func() time.Time
	// Unpaced has it work without rest, as tests want.
	Unpaced bool
	// PageVersions is less in tests; 0 means pageVersions.
	PageVersions int
}

// Scanner expires what the rules of all buckets say. One at a time may be at work
// on a store.
type Scanner struct {
	Config
	request event.Request
	keptAt  time.Time
}

// New makes a Scanner.
func New(c Config) *Scanner {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.PageVersions == 0 {
		c.PageVersions = pageVersions
	}
	return &Scanner{Config: c, request: event.Request{SourceIP: c.Host, UserAgent: userAgent, Internal: true}}
}

// Run scans again and again until ctx ends. The commits under way then end with it,
// done or not begun.
func (s *Scanner) Run(ctx context.Context) {
	for {
		begun := time.Now()
		err := s.Scan(ctx)
		if ctx.Err() != nil {
			return
		}
		s.Observer.Finished(time.Since(begun), err == nil)
		if err != nil {
			s.Logger.Error("lifecycle: a run did not get through", "err", err)
		}
		if pause(ctx, s.Interval-time.Since(begun)) != nil {
			return
		}
	}
}

// Scan walks once through all buckets with rules, from where the last walk was cut
// off, and expires what is due. An error of one bucket or key does not keep it from
// the others; it returns them joined, or those that end the walk: of ctx, and of a
// store that failed.
func (s *Scanner) Scan(ctx context.Context) error {
	from, err := s.Objects.WalkPosition(ctx, walkName)
	if err != nil {
		return fmt.Errorf("lifecycle: %w", err)
	}
	buckets, err := s.Objects.Buckets(ctx)
	if err != nil {
		return fmt.Errorf("lifecycle: list buckets: %w", err)
	}
	s.Book.forget(buckets)
	if from == nil {
		from = &object.WalkPosition{}
	}
	s.keptAt = time.Now()
	var errs []error
	for _, b := range buckets {
		if b.Name < from.Bucket {
			continue
		}
		if b.Name != from.Bucket || b.ID != from.BucketID {
			from = &object.WalkPosition{Bucket: b.Name, BucketID: b.ID}
		}
		err := s.bucket(ctx, b, *from)
		if ctx.Err() != nil || errors.Is(err, object.ErrUnavailable) {
			return err
		}
		if err != nil && !errors.Is(err, object.ErrNoSuchBucket) {
			errs = append(errs, fmt.Errorf("lifecycle: bucket %s: %w", b.Name, err))
		}
	}
	return errors.Join(append(errs, s.Objects.SetWalkPosition(ctx, walkName, nil))...)
}

// bucket expires what is due in a bucket, from a position on.
func (s *Scanner) bucket(ctx context.Context, b object.Bucket, from object.WalkPosition) error {
	document, err := s.Objects.Document(ctx, b.Name, object.LifecycleDocument)
	if err != nil || document == nil {
		return err
	}
	rules, err := s.Book.rules(b.Name, document)
	if err != nil {
		return err
	}
	w := &walk{scanner: s, bucket: b.Name, rules: rules}
	for _, prefix := range rules.Prefixes() {
		if prefix < from.Prefix {
			continue
		}
		at := object.WalkPosition{Bucket: b.Name, BucketID: b.ID, Prefix: prefix}
		if prefix == from.Prefix && strings.HasPrefix(from.After, prefix) {
			at.After = from.After
		}
		if err := w.versions(ctx, at); err != nil {
			return err
		}
	}
	for _, prefix := range rules.UploadPrefixes() {
		if err := w.uploads(ctx, prefix); err != nil {
			return err
		}
	}
	return w.failed
}

// rest pauses after work that began at a time.
func (s *Scanner) rest(ctx context.Context, begun time.Time) error {
	if s.Unpaced {
		return ctx.Err()
	}
	return pause(ctx, pace*time.Since(begun))
}

// keep keeps a position, now and then.
func (s *Scanner) keep(ctx context.Context, at object.WalkPosition) error {
	if !s.Unpaced && time.Since(s.keptAt) < positionEvery {
		return nil
	}
	s.keptAt = time.Now()
	return s.Objects.SetWalkPosition(ctx, walkName, &at)
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
