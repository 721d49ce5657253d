package object

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/blob"
	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	// sweepCandidates is how many references a sweep holds in memory, some 10 MiB,
	// before it reads through the rows of parts: once for each so many blobs that
	// are parts or left over, and not at all where there are none.
	sweepCandidates = 128 << 10
	// sweepPage is how much a sweep does before it rests: some milliseconds.
	sweepPage = 512
	// sweepRest is how much longer a sweep rests than it works. What it frees is
	// in nobody's way, so requests come first.
	sweepRest = 3
)

// ErrForeignBytes says that the store of bytes is newer than the metadata: the
// metadata was put back from an older copy, or belongs to other bytes.
var ErrForeignBytes = errors.New("object: the store holds bytes that were written after the metadata")

// Swept is what a sweep removed.
type Swept struct {
	Contents int
	// Bytes is the space that they took.
	Bytes int64
}

// Sweep removes the bytes that former processes left behind and nothing refers
// to: those of bodies that a crash cut off, or whose commit it prevented, and
// those whose removal it undid. Bytes that this process writes are not looked at.
// It works beside requests, for a part of the time; once after each start is
// enough.
//
// All processes of lower incarnations must have ended, or Sweep removes what
// they are writing: in a store that several share, the caller has to know that.
//
// What it returns has been removed, also with an error: ErrForeignBytes, before
// anything is removed; ctx's; those of the stores. Whatever is left, the next
// Sweep finds again.
func (s *Service) Sweep(ctx context.Context) (Swept, error) {
	w := newSweeper(s)
	err := w.run(ctx)
	return w.swept, err
}

// sweeper is one run of Sweep. A reference of a former process to which it finds
// nothing is a candidate; candidates that are not found in other rows either are
// left over.
//
// It reads the three kinds of rows one after the other, at different moments.
// That is enough, in this order. The process that made a reference has ended, so
// no put or part brings it into a row any more; a copy does, and needs a version
// with a user row at that moment (see copySource). So a reference that has
// neither a user row nor, later, a row of a part never gets one again. Had it one
// before, then whatever removed that wrote a row of garbage in the same commit,
// which is there when those are read, or the collector is done with it. For a
// part of an upload that was given up, the collector removes the bytes first and
// then the row. So what is left is used by nothing, will be used by nothing, and
// no reader that found its record within the last hour can be about to open it.
type sweeper struct {
	s *Service
	// former says whether a process has ended, used whether a reference has a user
	// row. spare take out the candidates that other rows name.
	former     func(incarnation uint64) bool
	used       func(ctx context.Context, ref string) (bool, error)
	spare      []func(ctx context.Context) error
	candidates map[string]struct{}
	// batch, page and restFor are less in tests.
	batch, page, restFor int
	swept                Swept
	// since is when the last rest ended.
	since time.Time
}

func newSweeper(s *Service) *sweeper {
	w := &sweeper{
		s: s, used: s.inUse, candidates: map[string]struct{}{},
		batch: sweepCandidates, page: sweepPage, restFor: sweepRest, since: time.Now(),
	}
	w.former = func(incarnation uint64) bool { return incarnation < s.store.Incarnation() }
	w.spare = []func(context.Context) error{w.spareParts, w.spareGarbage}
	return w
}

func (w *sweeper) run(ctx context.Context) error {
	if err := w.refs(ctx, w.checkForeign); err != nil {
		return err
	}
	err := w.refs(ctx, func(info blob.Info) error {
		if !w.former(info.Incarnation) {
			return nil
		}
		used, err := w.used(ctx, string(info.Ref))
		if err != nil || used {
			return err
		}
		w.candidates[string(info.Ref)] = struct{}{}
		if len(w.candidates) < w.batch {
			return nil
		}
		return w.removeLeft(ctx)
	})
	if err != nil {
		return err
	}
	return w.removeLeft(ctx)
}

// checkForeign looks whether bytes are of a process that the metadata does not
// know of yet. Then it is not to be believed about the others either.
func (w *sweeper) checkForeign(info blob.Info) error {
	if own := w.s.store.Incarnation(); info.Incarnation > own {
		return fmt.Errorf("%w: %s, by start %d, and this is start %d", ErrForeignBytes, info.Ref, info.Incarnation, own)
	}
	return nil
}

// refs visits all that is stored.
func (w *sweeper) refs(ctx context.Context, visit func(blob.Info) error) error {
	n := 0
	for info, err := range w.s.blobs.Refs(ctx) {
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		if err := visit(info); err != nil {
			return err
		}
		if n++; n%w.page == 0 {
			if err := w.rest(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeLeft removes the candidates to which no other row refers.
func (w *sweeper) removeLeft(ctx context.Context) error {
	for _, spare := range w.spare {
		if len(w.candidates) == 0 {
			return nil
		}
		if err := spare(ctx); err != nil {
			return err
		}
	}
	for ref := range w.candidates {
		size, err := w.s.blobs.Stored(ctx, blob.Ref(ref))
		if err == nil {
			err = w.s.blobs.Delete(ctx, blob.Ref(ref))
		}
		if err != nil {
			return fmt.Errorf("remove left-over bytes: %w", err)
		}
		w.swept.Contents++
		w.swept.Bytes += size
		delete(w.candidates, ref)
		if w.swept.Contents%w.page == 0 {
			if err := w.rest(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// spareParts takes out the candidates that are parts, of objects and of uploads
// under way.
func (w *sweeper) spareParts(ctx context.Context) error {
	return w.each(ctx, kv.Range{Start: []byte{prefixUpload}, End: []byte{prefixUpload + 1}}, func(e kv.Entry) error {
		if partNumber(e.Key) == uploadRow {
			return nil
		}
		part, err := decodePart(e.Item.Value)
		if err != nil {
			return err
		}
		delete(w.candidates, string(part.Blob))
		return nil
	})
}

// spareGarbage takes out the candidates that the collector will remove.
func (w *sweeper) spareGarbage(ctx context.Context) error {
	r := kv.Range{Start: []byte{prefixGarbage}, End: []byte{prefixGarbage + 1}, KeysOnly: true}
	return w.each(ctx, r, func(e kv.Entry) error {
		delete(w.candidates, garbageRef(e.Key))
		return nil
	})
}

// each visits the entries of a range, a page at a time.
func (w *sweeper) each(ctx context.Context, r kv.Range, visit func(kv.Entry) error) error {
	for {
		n := 0
		for e, err := range w.s.store.Scan(ctx, r) {
			if err != nil {
				return storeError(err)
			}
			if err := visit(e); err != nil {
				return err
			}
			r.Start = append(e.Key, 0)
			if n++; n == w.page {
				break
			}
		}
		if n < w.page {
			return nil
		}
		if err := w.rest(ctx); err != nil {
			return err
		}
	}
}

func (w *sweeper) rest(ctx context.Context) error {
	err := sleep(ctx, time.Duration(w.restFor)*time.Since(w.since))
	w.since = time.Now()
	return err
}
