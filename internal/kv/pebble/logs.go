package pebble

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/carillon-s3/carillon/internal/kv"
)

// logState is where a log stands. head and first belong to the committer and
// run ahead of the disk; shown is durable and guarded by Store.logsMu.
type logState struct {
	head    kv.Position
	first   uint64
	touched bool // by the group at hand
	shown   logBounds
}

type logBounds struct {
	first uint64
	head  kv.Head
}

// log returns the state of a log; the committer's.
func (s *Store) log(id kv.LogID) *logState {
	l := s.logs[id]
	if l == nil {
		l = &logState{head: kv.Position{Log: id}, first: 1, shown: logBounds{1, kv.Head{Log: id}}}
		s.logsMu.Lock()
		s.logs[id] = l
		s.logsMu.Unlock()
	}
	return l
}

// recoverLogs finds the ends of every log, by two seeks for each.
func (s *Store) recoverLogs() error {
	o := &pebble.IterOptions{LowerBound: []byte{prefixLog}, UpperBound: []byte{prefixLog + 1}}
	it, err := s.db.NewIter(o)
	if err != nil {
		return err
	}
	defer func() { _ = it.Close() }() // its errors were seen by then
	for ok := it.Last(); ok; {
		last, err := iteratorRecord(it)
		if err != nil {
			return err
		}
		start := logKey(last.Log, 0)
		if !it.SeekGE(start) {
			break
		}
		first, err := iteratorRecord(it)
		if err != nil {
			return err
		}
		s.logs[last.Log] = &logState{
			head:  last.Position,
			first: first.Sequence,
			shown: logBounds{first.Sequence, last.Position},
		}
		ok = it.SeekLT(start)
	}
	return it.Error()
}

func iteratorRecord(it *pebble.Iterator) (kv.LogRecord, error) {
	stored, err := it.ValueAndErr()
	if err != nil {
		return kv.LogRecord{}, err
	}
	return parseLogRecord(it.Key(), stored)
}

// Bounds implements kv.Store.
func (s *Store) Bounds(ctx context.Context, log kv.LogID) (uint64, kv.Head, error) {
	if err := ctx.Err(); err != nil {
		return 0, kv.Head{}, err
	}
	if err := s.ended(); err != nil {
		return 0, kv.Head{}, err
	}
	s.logsMu.RLock()
	defer s.logsMu.RUnlock()
	l := s.logs[log]
	if l == nil {
		return 1, kv.Head{Log: log}, nil
	}
	return l.shown.first, l.shown.head, nil
}

// maxReadAhead bounds the memory taken before the first record is read.
const maxReadAhead = 1024

// ReadLog implements kv.Store. Since sequences have no gaps, what the first
// record found says whether the asked one was trimmed.
func (s *Store) ReadLog(ctx context.Context, log kv.LogID, from uint64, most int) ([]kv.LogRecord, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, err := s.lease()
	if err != nil {
		return nil, err
	}
	defer d.release()
	from = max(from, 1)
	if most == 1 {
		// What delivery asks for most: no iterator for it.
		if r, err := d.record(log, from); err == nil || !errors.Is(err, pebble.ErrNotFound) {
			return []kv.LogRecord{r}, err
		}
	}
	it, err := d.snapshot.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: logKey(log, from),
		UpperBound: logEnd(log),
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = it.Close() }() // its errors were seen by then
	var records []kv.LogRecord
	for ok := it.First(); ok; ok = it.Next() {
		r, err := iteratorRecord(it)
		if err != nil {
			return nil, err
		}
		if want := from + uint64(len(records)); r.Sequence != want {
			if len(records) == 0 {
				return nil, fmt.Errorf("%w: asked for %d, kept from %d", kv.ErrTrimmed, from, r.Sequence)
			}
			return nil, fmt.Errorf("%w: log %d has no record %d", errCorrupt, log, want)
		}
		if len(records) >= most {
			break
		}
		if records == nil {
			records = make([]kv.LogRecord, 0, min(most, maxReadAhead))
		}
		records = append(records, r)
	}
	return records, it.Error()
}

// record returns one record; pebble.ErrNotFound if there is none, be it trimmed
// or still to come.
func (d *durable) record(log kv.LogID, sequence uint64) (kv.LogRecord, error) {
	key := logKey(log, sequence)
	stored, closer, err := d.snapshot.Get(key)
	if err != nil {
		return kv.LogRecord{}, err
	}
	r, err := parseLogRecord(key, stored)
	return r, errors.Join(err, closer.Close())
}
