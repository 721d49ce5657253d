package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/carillon-s3/carillon/internal/kv"
)

// group is the committer's work space for one merged batch.
type group struct {
	batch    *pebble.Batch
	now      time.Time
	outcomes []outcome
	touched  []*logState // logs appended to or trimmed
	grown    []kv.Head   // new heads of those appended to
	sync     time.Duration
}

type outcome struct {
	request   *request
	positions []kv.Position
	err       error
}

var errUsedUp = errors.New("kv/pebble: this opening has used up its revisions; restart the server")

var errConflict = fmt.Errorf("%w: a required key has changed", kv.ErrConflict)

// commitLoop is the committer. It ends when the queue is closed and empty, or
// when the store fails.
func (s *Store) commitLoop() {
	s.group.batch = s.db.NewBatch(pebble.WithMaxRetainedSizeBytes(groupBytes + kv.MaxBatchBytes))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !s.isFailed() {
		requests, wait, ended := s.queue.take()
		switch {
		case ended:
			return
		case len(requests) > 0:
			s.commitGroup(requests)
			continue
		case wait > 0:
			timer.Reset(wait)
		}
		select {
		case <-s.queue.wake:
		case <-timer.C:
		case <-s.failed:
		}
		timer.Stop()
	}
}

// commitGroup commits the requests together, and answers all of them once it is
// durable. Those with a conflict are answered then too: it may have been with a
// member of the group.
func (s *Store) commitGroup(requests []*request) {
	s.beginGroup()
	for _, r := range requests {
		if r.move(waiting, taken) {
			positions, err := s.add(r.batch)
			s.group.outcomes = append(s.group.outcomes, outcome{r, positions, err})
		}
	}
	if !s.group.batch.Empty() {
		begun := time.Now()
		if err := s.applyGuarded(s.group.batch); err != nil {
			s.fail(err)
			return // answerOnFailure has the rest
		}
		s.group.sync = time.Since(begun)
		s.publish()
		s.showLogs()
		s.recent.turn(s.version)
	}
	s.observe()
	for _, o := range s.group.outcomes {
		s.tell(o.request, taken, o.positions, o.err)
	}
	s.watchers.tell(s.group.grown)
}

func (s *Store) beginGroup() {
	g := &s.group
	g.batch.Reset()
	clear(g.outcomes)
	g.outcomes, g.touched, g.grown = g.outcomes[:0], g.touched[:0], g.grown[:0]
	g.now, g.sync = s.options.Now(), 0
}

// observe tells OnGroup of the group.
func (s *Store) observe() {
	if s.options.OnGroup == nil {
		return
	}
	told := Group{Sync: s.group.sync}
	for _, o := range s.group.outcomes {
		switch {
		case o.err == nil:
			told.Committed++
		case errors.Is(o.err, kv.ErrConflict):
			told.Conflicts++
		}
	}
	s.options.OnGroup(told)
}

// applyGuarded applies b with a sync. Pebble panics where it cannot write its
// log, which is an error like any other here: final.
func (s *Store) applyGuarded(b *pebble.Batch) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("applying a batch: %v", p)
		}
	}()
	return s.db.Apply(b, pebble.Sync)
}

// add checks b and merges it into the group.
func (s *Store) add(b *kv.Batch) ([]kv.Position, error) {
	for i := range b.Checks {
		if c := &b.Checks[i]; !s.recent.unchanged(c.Key, c.Seen.ReadAt) {
			return nil, errConflict
		}
	}
	if b.Empty() {
		return nil, nil
	}
	if s.counter+uint64(len(b.Writes)) > maxCounter || uint64(s.version)&maxCounter == maxCounter {
		return nil, errUsedUp
	}
	s.version++
	var positions []kv.Position
	if len(b.Appends) > 0 {
		positions = make([]kv.Position, len(b.Appends))
		for i := range b.Appends {
			positions[i] = s.append(&b.Appends[i])
		}
	}
	for i := range b.Writes {
		s.write(&b.Writes[i], positions)
	}
	for _, t := range b.Trims {
		s.trim(t)
	}
	return positions, nil
}

func (s *Store) append(a *kv.Append) kv.Position {
	l := s.log(a.Log)
	s.touch(l)
	l.head.Sequence++
	l.head.Stamp = kv.NextStamp(s.group.now, l.head.Stamp)
	op := s.group.batch.SetDeferred(logKeyBytes, headerBytes+len(a.Value))
	putLogKey(op.Key, a.Log, l.head.Sequence)
	binary.BigEndian.PutUint64(op.Value, l.head.Stamp)
	copy(op.Value[headerBytes:], a.Value)
	s.finish(op)
	return l.head
}

func (s *Store) write(w *kv.Write, positions []kv.Position) {
	var op *pebble.DeferredBatchOp
	if w.Delete {
		op = s.group.batch.DeleteDeferred(1 + len(w.Key))
	} else {
		op = s.group.batch.SetDeferred(1+len(w.Key), headerBytes+len(w.Value))
		s.counter++
		binary.BigEndian.PutUint64(op.Value, s.incarnation<<counterBits|s.counter)
		copy(op.Value[headerBytes:], w.Value)
	}
	op.Key[0] = prefixMap
	key := op.Key[1:]
	copy(key, w.Key)
	for _, f := range w.Fills {
		if f.InKey {
			f.Put(key, positions)
		} else {
			f.Put(op.Value[headerBytes:], positions)
		}
	}
	s.recent.note(key, s.version)
	s.finish(op)
}

func (s *Store) trim(t kv.TrimTo) {
	l := s.log(t.Log)
	before := min(t.Before, l.head.Sequence)
	if before <= l.first {
		return
	}
	s.touch(l)
	op := s.group.batch.DeleteRangeDeferred(logKeyBytes, logKeyBytes)
	putLogKey(op.Key, t.Log, l.first)
	putLogKey(op.Value, t.Log, before)
	s.finish(op)
	l.first = before
}

// finish completes an operation; it can only fail where the batch has an index.
func (s *Store) finish(op *pebble.DeferredBatchOp) {
	if err := op.Finish(); err != nil {
		panic(err)
	}
}

func (s *Store) touch(l *logState) {
	if !l.touched {
		l.touched = true
		s.group.touched = append(s.group.touched, l)
	}
}

// showLogs makes the bounds of the group's logs visible.
func (s *Store) showLogs() {
	g := &s.group
	if len(g.touched) == 0 {
		return
	}
	s.logsMu.Lock()
	defer s.logsMu.Unlock()
	for _, l := range g.touched {
		if l.head.Sequence > l.shown.head.Sequence {
			g.grown = append(g.grown, l.head)
		}
		l.touched = false
		l.shown = logBounds{l.first, l.head}
	}
}
