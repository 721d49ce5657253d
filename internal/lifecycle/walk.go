package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/object"
)

// maxKeyVersions bounds the versions of one key that are held in memory at once:
// some ten MB. Of a key that has more, so many newest ones are dealt with first.
const maxKeyVersions = 10_000

// walk is a scanner at work in a bucket.
type walk struct {
	scanner *Scanner
	bucket  string
	rules   *Rules
	mu      sync.Mutex
	failed  error // the first error of a key; others are counted
	// pending are the versions of the key at which the last page ended.
	pending []object.Version
}

// versions expires what is due below a prefix, page by page.
func (w *walk) versions(ctx context.Context, at object.WalkPosition) error {
	in := object.ListVersionsInput{
		Bucket: w.bucket, Prefix: at.Prefix, KeyMarker: at.After, MaxKeys: w.scanner.PageVersions,
	}
	w.pending = nil
	for {
		begun := time.Now()
		page, err := w.scanner.Objects.ListVersions(ctx, in)
		if err != nil {
			return fmt.Errorf("list versions: %w", err)
		}
		w.scanner.Observer.Scanned(len(page.Versions), 0)
		if err := w.expire(ctx, w.keys(page.Versions, !page.Truncated), &at); err != nil {
			return err
		}
		if err := w.scanner.rest(ctx, begun); err != nil {
			return err
		}
		if !page.Truncated {
			return nil
		}
		if err := w.scanner.keep(ctx, at); err != nil {
			return err
		}
		in.KeyMarker, in.VersionMarker = page.NextKey, page.NextVersion
	}
}

// keys takes a page apart into the versions of each key. Those of the last one
// wait for the next page, unless there is none.
func (w *walk) keys(page []object.Version, last bool) (whole [][]object.Version) {
	for i := range page {
		v := &page[i]
		// The listing begins a key anew if the version at which the page before
		// ended was deleted meanwhile.
		if len(w.pending) > 0 && (v.Latest || v.Key != w.pending[0].Key || len(w.pending) == maxKeyVersions) {
			whole = append(whole, w.pending)
			w.pending = nil
		}
		w.pending = append(w.pending, *v)
	}
	if last && len(w.pending) > 0 {
		whole = append(whole, w.pending)
		w.pending = nil
	}
	return whole
}

// expire expires what is due of some keys, and moves at behind them.
func (w *walk) expire(ctx context.Context, keys [][]object.Version, at *object.WalkPosition) error {
	slots := make(chan struct{}, width)
	var wg sync.WaitGroup
	for _, versions := range keys {
		due := w.due(versions)
		if len(due) == 0 {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			w.expireKey(ctx, due)
		})
	}
	wg.Wait()
	if err := w.fatal(ctx); err != nil {
		return err
	}
	if len(keys) > 0 {
		at.After = keys[len(keys)-1][0].Key
	}
	return nil
}

// due are those of a key's versions that seem to be due, the oldest first: so the
// removal of one changes nothing about the next.
func (w *walk) due(versions []object.Version) (due []object.ExpireInput) {
	s := w.scanner
	now, newer := s.Now(), w.rules.Newer()
	for i := len(versions) - 1; i >= 0; i-- {
		v := object.Aged{Version: versions[i], Alone: len(versions) == 1}
		in := object.ExpireInput{
			Bucket: w.bucket, Key: v.Key, VersionID: v.VersionID, Stamp: v.Stamp, Newer: newer,
			Decide: w.decide, Request: s.request,
		}
		if !v.Latest {
			if i == 0 {
				continue // the last of maxKeyVersions, or of a key that was begun anew
			}
			// Of the second ten thousand some newer ones are not counted: they are
			// looked at again once the first have gone.
			in.Successor, v.Superseded, v.Newer = versions[i-1].Stamp, versions[i-1].Modified, i-1
		}
		if w.rules.Decide(&v, now) != object.Keep {
			due = append(due, in)
		}
	}
	return due
}

// decide is asked within the commit.
func (w *walk) decide(document *object.Document, v *object.Aged) object.Expiry {
	rules, err := w.scanner.Book.rules(w.bucket, document)
	if err != nil {
		return object.Keep
	}
	return rules.Decide(v, w.scanner.Now())
}

// expireKey expires versions of one key.
func (w *walk) expireKey(ctx context.Context, due []object.ExpireInput) {
	for _, in := range due {
		done, err := w.scanner.Objects.Expire(ctx, in)
		if err != nil {
			w.fail(ctx, fmt.Errorf("expire %s: %w", in.Key, err))
			return
		}
		if done != object.Keep {
			w.scanner.Observer.Expired(action(done))
		}
	}
}

// uploads gives up the uploads that are due below a prefix.
func (w *walk) uploads(ctx context.Context, prefix string) error {
	s := w.scanner
	in := object.ListUploadsInput{Bucket: w.bucket, Prefix: prefix, MaxUploads: pageUploads}
	for {
		begun := time.Now()
		page, err := s.Objects.ListUploads(ctx, in)
		if err != nil {
			return fmt.Errorf("list uploads: %w", err)
		}
		s.Observer.Scanned(0, len(page.Uploads))
		for i := range page.Uploads {
			if u := &page.Uploads[i]; w.rules.DecideUpload(u, s.Now()) {
				w.abort(ctx, u)
			}
		}
		if err := w.fatal(ctx); err != nil {
			return err
		}
		if err := s.rest(ctx, begun); err != nil || !page.Truncated {
			return err
		}
		in.AfterKey, in.AfterUpload = page.NextKey, page.NextUpload
	}
}

func (w *walk) abort(ctx context.Context, u *object.Upload) {
	s := w.scanner
	done, err := s.Objects.ExpireUpload(ctx, object.UploadInput{Bucket: w.bucket, Key: u.Key, UploadID: u.UploadID},
		func(document *object.Document, u *object.Upload) bool {
			rules, err := s.Book.rules(w.bucket, document)
			return err == nil && rules.DecideUpload(u, s.Now())
		})
	switch {
	case errors.Is(err, object.ErrNoSuchUpload): // completed or aborted meanwhile
	case err != nil:
		w.fail(ctx, fmt.Errorf("abort an upload of %s: %w", u.Key, err))
	case done:
		s.Observer.Expired("abort")
	}
}

// fail notes that something was not expired.
func (w *walk) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	w.scanner.Observer.Failed()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil || errors.Is(err, object.ErrUnavailable) || errors.Is(err, object.ErrNoSuchBucket) {
		w.failed = err
	}
}

// fatal is why it makes no sense to go on in the bucket; nil if it does.
func (w *walk) fatal(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(w.failed, object.ErrUnavailable) || errors.Is(w.failed, object.ErrNoSuchBucket) {
		return w.failed
	}
	return nil
}

// action names what was done, for metrics.
func action(e object.Expiry) string {
	switch e {
	case object.ExpireLatest:
		return "latest"
	case object.ExpireVersion:
		return "version"
	case object.ExpireMarked, object.ExpireAll:
		return "all_versions"
	}
	return "none"
}
