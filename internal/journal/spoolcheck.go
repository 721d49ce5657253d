package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// check looks whether a spool's folder is its own and holds what is committed.
// What it finds is logged when it changes; the events concerned are settled when
// they are read. The caller holds trimming, or nothing else runs yet.
func (s *spools) check(ctx context.Context, sp *spool) error {
	s.examine(sp)
	s.mu.Lock()
	problem := sp.wrong()
	isNew := problem != "" && problem != sp.problem
	s.mu.Unlock()
	if isNew {
		// Where nothing points to any more, nothing is lost.
		if err := s.freeSpool(ctx, sp); err != nil {
			return err
		}
	}
	if problem != "" {
		// The segment that is open may not be the one in the folder any more.
		sp.folder.Seal()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(sp)
	return nil
}

// examine compares a spool's folder with what is committed.
func (s *spools) examine(sp *spool) {
	misplaced := ""
	var sizes map[uint64]int64
	id, err := s.folders.Identity(sp.dir)
	switch {
	case errors.Is(err, ErrNoSpool):
		misplaced = ErrNoSpool.Error()
	case err != nil:
		misplaced = err.Error()
	case id.ID != sp.id.ID:
		misplaced = foreignSpool(id)
	default:
		if sizes, err = sp.folder.Segments(); err != nil {
			misplaced = err.Error()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sp.misplaced = misplaced; misplaced != "" {
		return
	}
	for n, seg := range sp.segments {
		size, there := sizes[n]
		switch {
		case !there:
			seg.bad, seg.byRead = "a segment is missing", false
		case size < seg.end:
			seg.bad, seg.byRead = "a segment is shorter than it was", false
		case !seg.byRead:
			seg.bad = ""
		}
	}
}

// wrong is what is wrong with a spool that holds something.
func (sp *spool) wrong() string {
	if sp.misplaced != "" && len(sp.segments) > 0 {
		return sp.misplaced
	}
	for _, n := range slices.Sorted(maps.Keys(sp.segments)) {
		if bad := sp.segments[n].bad; bad != "" {
			return bad
		}
	}
	return ""
}

// explain is the reason of a loss as a gap has it.
func (s *spools) explain(sp *spool, loss *SpoolLoss) string {
	if sp == nil {
		return loss.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sp.misplaced != "" {
		return sp.dir + ": " + sp.misplaced
	}
	return sp.dir + ": " + loss.Error()
}

// lost notes that an event was lost by what is wrong with a segment.
func (s *spools) lost(sp *spool, segment uint64, loss *SpoolLoss) {
	if sp == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if seg := sp.segments[segment]; sp.misplaced == "" && seg != nil && seg.bad == "" {
		seg.bad, seg.byRead = loss.Reason, true
	}
	s.tell(sp)
}

// tell logs a change of a spool's state. mu is held.
func (s *spools) tell(sp *spool) {
	problem := sp.wrong()
	if problem == sp.problem {
		return
	}
	if problem == "" {
		s.log.Info("the spool is whole again", "target", sp.id.Consumer, "dir", sp.dir)
	} else {
		s.log.Error("the spool is not as it was written: events that are gone are listed as gaps when their turn comes",
			"target", sp.id.Consumer, "dir", sp.dir, "err", problem)
	}
	sp.problem, sp.since = problem, time.Now().UTC()
}

// dropOrphans removes segments that no commit ever named, since it failed or a
// crash came before it. None may be open.
func (s *spools) dropOrphans(sp *spool) {
	// Asked for now: in another's folder the same names are others' events.
	if id, err := s.folders.Identity(sp.dir); err != nil || id.ID != sp.id.ID {
		return
	}
	sizes, err := sp.folder.Segments()
	if err != nil {
		return // check has told, or will
	}
	s.mu.Lock()
	for n := range sp.segments {
		delete(sizes, n)
	}
	s.mu.Unlock()
	for n := range sizes {
		s.drop(sp, n)
	}
}

func (s *spools) drop(sp *spool, segment uint64) {
	if err := sp.folder.Drop(segment); err != nil {
		s.log.Warn("a segment of a spool that is not needed any more could not be removed",
			"target", sp.id.Consumer, "dir", sp.dir, "segment", segment, "err", err)
	}
}

// free removes the segments that no row points to any more, and forgets spools
// that are empty and not in use. It reads durable rows only: an acknowledgement
// that a crash can take back frees nothing.
func (s *spools) free(ctx context.Context) error {
	for _, sp := range s.all() {
		if err := s.freeSpool(ctx, sp); err != nil {
			return fmt.Errorf("free the spool of %s: %w", sp.id.Consumer, err)
		}
	}
	return nil
}

func (s *spools) freeSpool(ctx context.Context, sp *spool) error {
	unused, err := s.unused(ctx, sp)
	if err != nil {
		return err
	}
	if len(unused) > 0 {
		// The rows first: a segment without a row is an orphan that the next
		// start removes, a row without its segment would be a false alarm.
		var b kv.Batch
		for _, n := range unused {
			b.Delete(segmentKey(sp.id.ID, n))
		}
		if _, err := s.store.Commit(ctx, &b); err != nil {
			return err
		}
		s.forgetSegments(sp, unused)
		// One of them may be the segment that is written to.
		sp.folder.Seal()
		s.dropOrphans(sp)
	}
	return s.retire(ctx, sp)
}

func (s *spools) forgetSegments(sp *spool, unused []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range unused {
		delete(sp.segments, n)
	}
	s.tell(sp)
}

// unused lists the segments that nothing points to. One row that still points
// to each is enough to know; only when one is gone are all rows read.
func (s *spools) unused(ctx context.Context, sp *spool) ([]uint64, error) {
	s.mu.Lock()
	witnesses := make(map[uint64][]byte, len(sp.segments))
	for n, seg := range sp.segments {
		witnesses[n] = seg.witness
	}
	s.mu.Unlock()
	stale := false
	for n, key := range witnesses {
		stands, err := s.pointsTo(ctx, key, sp, n)
		if err != nil {
			return nil, err
		}
		if !stands && len(key) > 0 && key[0] == prefixLost {
			if err := s.forgetDropped(ctx, sp.id.Consumer); err != nil {
				return nil, err
			}
		}
		stale = stale || !stands
	}
	if !stale {
		return nil, nil
	}
	found, err := s.pointers(ctx, sp)
	if err != nil {
		return nil, err
	}
	var unused []uint64
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range witnesses {
		sp.segments[n].witness = found[n]
		if found[n] == nil {
			unused = append(unused, n)
		}
	}
	slices.Sort(unused)
	return unused, nil
}

// pointsTo reports whether the row key stands for a segment: an outbox entry
// that points to it, or a lost one whose gap nobody has dropped.
func (s *spools) pointsTo(ctx context.Context, key []byte, sp *spool, segment uint64) (bool, error) {
	if key == nil {
		return false, nil
	}
	item, err := s.store.Get(ctx, key)
	if err != nil || !item.Exists() {
		return false, err
	}
	row := kv.Entry{Key: key, Item: item}
	p, err := pointerOf(row)
	if err != nil || p == nil || p.spool != sp.id.ID || p.Segment != segment {
		return false, err
	}
	if key[0] != prefixLost {
		return true, nil
	}
	_, v, err := decodeLost(row)
	if err != nil {
		return false, err
	}
	gap, _, err := findGap(ctx, s.store, sp.id.Consumer, p.At, v.Reason)
	return gap != nil, err
}

// pointers reads all rows of the spool's consumer, as of one moment, and
// returns the last that points to each of its segments.
func (s *spools) pointers(ctx context.Context, sp *spool) (map[uint64][]byte, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	found := make(map[uint64][]byte)
	for _, prefix := range []byte{prefixOutbox, prefixLost} {
		start := consumerPrefix(prefix, sp.id.Consumer)
		for row, err := range view.Scan(ctx, kv.Range{Start: start, End: kv.PrefixEnd(start)}) {
			if err != nil {
				return nil, err
			}
			p, err := pointerOf(row)
			if err != nil {
				return nil, err
			}
			if p != nil && p.spool == sp.id.ID {
				found[p.Segment] = bytes.Clone(row.Key)
			}
		}
	}
	return found, nil
}

// pointerOf is where the record of an outbox entry, or of a lost one, is spooled;
// nil if it is not.
func pointerOf(row kv.Entry) (*spoolPointer, error) {
	if row.Key[0] == prefixLost {
		e, _, err := decodeLost(row)
		return e.spooled, err
	}
	e, err := decodeOutboxEntry(row)
	return e.spooled, err
}

// retire forgets a spool that holds nothing and is not written to any more, and
// removes its folder.
func (s *spools) retire(ctx context.Context, sp *spool) error {
	s.mu.Lock()
	misplaced := sp.misplaced != ""
	keep := len(sp.segments) > 0 || (!misplaced && s.dirs[sp.id.Consumer] == sp.dir)
	s.mu.Unlock()
	if keep {
		return nil
	}
	// The row last: whatever a crash leaves, somebody still knows of it.
	if !misplaced {
		sp.folder.Seal()
		s.dropOrphans(sp)
		if err := sp.folder.Remove(); err != nil {
			s.log.Warn("the folder of a spool that is not needed any more could not be removed",
				"target", sp.id.Consumer, "dir", sp.dir, "err", err)
		}
	}
	var b kv.Batch
	b.Delete(spoolKey(sp.id.ID))
	if _, err := s.store.Commit(ctx, &b); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, sp.id.ID)
	return nil
}
