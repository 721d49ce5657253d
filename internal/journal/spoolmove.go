package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// move is an outbox entry whose record is about to leave the log.
type move struct {
	row    kv.Entry
	entry  outboxEntry
	record []byte
}

// spool writes the records of moves to the consumer's spool, durably, and has b
// point to them. It returns what is to be called once b is committed, or nil if
// the consumer has no spool or it cannot be written: b is then as it was.
func (s *spools) spool(ctx context.Context, b *kv.Batch, consumer string, moves []move) (committed func()) {
	if s.paused(consumer) {
		return nil
	}
	sp, err := s.writer(ctx, consumer)
	if err != nil {
		s.failed(ctx, consumer, err)
		return nil
	}
	if sp == nil {
		return nil
	}
	records := make([]SpoolRecord, len(moves))
	for i, m := range moves {
		records[i] = SpoolRecord{At: m.entry.at, Record: m.record}
	}
	places, end, err := sp.folder.Append(records, s.newest(sp))
	if err != nil {
		s.failed(ctx, consumer, err)
		return nil
	}
	segment := places[0].Segment
	value, err := encode(segmentVersion, segmentValue{end})
	if err != nil {
		s.failed(ctx, consumer, err)
		return nil
	}
	for i, m := range moves {
		b.Require(m.row.Key, m.row.Item)
		b.Set(m.row.Key, newSpooledEntry(m.entry, spoolPointer{sp.id.ID, places[i]}))
	}
	b.Set(segmentKey(sp.id.ID, segment), value)
	return func() { s.committed(sp, segment, end, moves[len(moves)-1].row.Key) }
}

func (s *spools) committed(sp *spool, segment uint64, end int64, row []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg := sp.segments[segment]
	if seg == nil {
		seg = &spoolSegment{}
		sp.segments[segment] = seg
	}
	seg.end, seg.witness = end, row
	if f := s.fails[sp.id.Consumer]; f != nil {
		delete(s.fails, sp.id.Consumer)
		s.log.Info("the spool is written again", "target", sp.id.Consumer, "dir", sp.dir,
			"after", time.Since(f.since).Round(time.Millisecond))
	}
}

// newest is the highest number of a committed segment.
func (s *spools) newest(sp *spool) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := uint64(0)
	for n := range sp.segments {
		newest = max(newest, n)
	}
	return newest
}

// paused reports whether this Trim has already failed to write the spool: what
// fails once is not tried for every partition.
func (s *spools) paused(consumer string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fails[consumer]
	return f != nil && f.paused
}

// failed notes that a consumer's spool cannot be written. Its records go into
// the outbox until it can.
func (s *spools) failed(ctx context.Context, consumer string, err error) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fails[consumer]
	if f == nil {
		f = &spoolFailure{since: time.Now().UTC()}
		s.fails[consumer] = f
		s.log.Error("the spool cannot be written: events that it would hold are kept in the metadata store",
			"target", consumer, "dir", s.dirs[consumer], "err", err)
	}
	f.err, f.paused = err.Error(), true
}

// beginTrim gives every spool another chance, and looks whether all are what
// they should be.
func (s *spools) beginTrim(ctx context.Context) error {
	s.mu.Lock()
	for _, f := range s.fails {
		f.paused = false
	}
	s.mu.Unlock()
	for _, sp := range s.all() {
		if err := s.check(ctx, sp); err != nil {
			return fmt.Errorf("check the spool of %s: %w", sp.id.Consumer, err)
		}
	}
	return nil
}
