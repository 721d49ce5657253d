package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
)

// lossBatch is how many lost entries one commit settles: a page of a reader,
// and far below what a batch may hold.
const lossBatch = 128

// readSpooled reads the records of a run of entries that point to spools, in
// order. What is lost there is settled, durably, and left out. With an error
// come the entries before the one that could not be read now.
func (j *Journal) readSpooled(ctx context.Context, consumer string, run []outboxEntry) ([]Entry, error) {
	var out []Entry
	for len(run) > 0 {
		n := 1
		for n < len(run) && n < lossBatch && run[n].spooled.spool == run[0].spooled.spool {
			n++
		}
		got, err := j.readSpool(ctx, consumer, run[:n])
		out = append(out, got...)
		if err != nil {
			return out, err
		}
		run = run[n:]
	}
	return out, nil
}

// losses are entries of one spool that are lost there, by sequence.
type losses struct {
	spool *spool // nil if it is not known
	why   map[uint64]*SpoolLoss
}

// readSpool is readSpooled for entries that point to one spool.
func (j *Journal) readSpool(ctx context.Context, consumer string, run []outboxEntry) ([]Entry, error) {
	sp, reads := j.spools.read(run)
	lost := losses{sp, make(map[uint64]*SpoolLoss)}
	var failed error
	for i := range run {
		var loss *SpoolLoss
		if err := reads[i].Err; errors.As(err, &loss) {
			lost.why[run[i].at.Sequence] = loss
		} else if err != nil {
			failed = fmt.Errorf("read the spool of %s: %w", consumer, err)
			run = run[:i]
			break
		}
	}
	found, err := j.settle(ctx, consumer, run, lost)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for i, e := range run {
		record := reads[i].Record
		if lost.why[e.at.Sequence] != nil {
			record = found[e.at.Sequence]
		}
		if record == nil {
			continue
		}
		entry, err := j.entry(e.at, e.stamp, record)
		if err != nil {
			return nil, err
		}
		out = append(out, entry)
	}
	return out, failed
}

// read reads from the spool that the first of run points to, as all do.
func (s *spools) read(run []outboxEntry) (*spool, []SpoolRead) {
	s.mu.Lock()
	sp := s.byID[run[0].spooled.spool]
	s.mu.Unlock()
	if sp == nil {
		// It is forgotten when nothing points to it, so these were acknowledged
		// since; settle finds that.
		reads := make([]SpoolRead, len(run))
		for i := range reads {
			reads[i].Err = &SpoolLoss{Reason: fmt.Sprintf("spool %016x is not known", run[0].spooled.spool)}
		}
		return nil, reads
	}
	places := make([]SpoolPlace, len(run))
	for i, e := range run {
		places[i] = e.spooled.SpoolPlace
	}
	return sp, sp.folder.Read(places)
}

// inPlace reports whether a spool is known and its folder its own.
func (s *spools) inPlace(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sp := s.byID[id]
	return sp != nil && sp.misplaced == ""
}

// settle decides on the entries of run whose records are lost: one that another
// consumer still has is copied from there, any other becomes a gap. It returns
// what was found, by sequence. Entries acknowledged meanwhile are neither.
func (j *Journal) settle(ctx context.Context, consumer string, run []outboxEntry, lost losses) (map[uint64][]byte, error) {
	if len(lost.why) == 0 {
		return nil, nil
	}
	if lost.spool != nil {
		j.spools.examine(lost.spool)
	}
	for {
		found, err := j.trySettle(ctx, consumer, run, lost)
		if !errors.Is(err, kv.ErrConflict) {
			return found, err
		}
	}
}

func (j *Journal) trySettle(ctx context.Context, consumer string, run []outboxEntry, lost losses) (map[uint64][]byte, error) {
	consumers, err := j.Consumers(ctx)
	if err != nil {
		return nil, err
	}
	found := make(map[uint64][]byte)
	var b kv.Batch
	var settled []outboxEntry
	var gone Backlog
	for _, was := range run {
		loss := lost.why[was.at.Sequence]
		if loss == nil {
			continue
		}
		key := entryKey(prefixOutbox, consumer, was.at)
		row, err := j.store.Get(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("read the outbox of %s: %w", consumer, err)
		}
		if !row.Exists() {
			continue
		}
		e, err := parseOutboxEntry(was.at, row.Value)
		if err != nil {
			return nil, err
		}
		if e.spooled == nil {
			found[e.at.Sequence] = e.record // another reader has settled it
			continue
		}
		record, err := j.copyElsewhere(ctx, consumer, consumers, e.at)
		if err != nil {
			return nil, err
		}
		if record != nil {
			found[e.at.Sequence] = record
			b.Require(key, row)
			b.Set(key, newCopiedEntry(e, record))
		} else {
			b.Require(key, row)
			if err := loseEntry(&b, consumer, e, row.Value, j.spools.explain(lost.spool, loss)); err != nil {
				return nil, err
			}
			gone.Entries, gone.Bytes = gone.Entries+1, gone.Bytes+int64(e.bytes)
		}
		settled = append(settled, was)
	}
	if b.Empty() {
		return found, nil
	}
	if _, err := j.store.Commit(ctx, &b); err != nil {
		return nil, fmt.Errorf("settle lost events of %s: %w", consumer, err)
	}
	counter := j.counters.of(consumer)
	counter.went(gone.Entries, gone.Bytes)
	for range gone.Entries {
		counter.drop()
	}
	for _, e := range settled {
		j.spools.lost(lost.spool, e.spooled.Segment, lost.why[e.at.Sequence])
	}
	return found, nil
}

// copyElsewhere looks for a record in the outboxes of the other consumers. The
// log need not be asked: a record is spooled in the commit that trims it. nil if
// none has it.
func (j *Journal) copyElsewhere(ctx context.Context, consumer string, consumers []string, at At) ([]byte, error) {
	for _, other := range consumers {
		if other == consumer {
			continue
		}
		row, err := j.store.Get(ctx, entryKey(prefixOutbox, other, at))
		if err != nil {
			return nil, fmt.Errorf("read the outbox of %s: %w", other, err)
		}
		if !row.Exists() {
			continue
		}
		e, err := parseOutboxEntry(at, row.Value)
		if err != nil {
			return nil, err
		}
		if e.record != nil {
			return unmarked(e.record)
		}
		if e.spooled == nil {
			continue
		}
		if _, reads := j.spools.read([]outboxEntry{e}); reads[0].Err == nil {
			return reads[0].Record, nil
		}
	}
	return nil, nil
}

// unmarked is a record without the mark of a replay, which is the other
// consumer's.
func unmarked(stored []byte) ([]byte, error) {
	var rec event.Record
	if err := decode(recordVersion, stored, &rec); err != nil || !rec.Replay {
		return stored, err
	}
	rec.Replay = false
	return encode(recordVersion, &rec)
}
