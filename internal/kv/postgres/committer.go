package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	// outagePatience is how long a commit waits for a connection: long enough
	// for a server that restarts, short enough for a client to try again
	// elsewhere.
	outagePatience = 2 * time.Second
	// reconnectDelay is the pause between attempts to connect.
	reconnectDelay = 200 * time.Millisecond
	// idleCheck is after how long without a commit a connection is tried
	// before it is used.
	idleCheck = time.Second
	// attempts bounds how often a group is written again after deadlocks and
	// failed requirements. Each but the last loses a member or was a deadlock.
	attempts = 3 + groupRequests
)

var (
	errConflict  = fmt.Errorf("%w: a required key has changed", kv.ErrConflict)
	errExhausted = fmt.Errorf("%w: the transaction kept failing", kv.ErrUnavailable)
)

// commitLoop is the committer. It ends when the queue is closed and empty.
func (s *Store) commitLoop() {
	defer func() {
		if s.link != nil {
			s.link.close()
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if s.link == nil && s.reconnect() != nil {
			if s.answerOld(); s.queue.drained() {
				return
			}
			timer.Reset(reconnectDelay)
			<-timer.C
			continue
		}
		requests, wait, ended := s.queue.take()
		switch {
		case ended:
			return
		case len(requests) > 0:
			s.commitGroup(started(requests))
			continue
		case wait > 0:
			timer.Reset(wait)
		}
		select {
		case <-s.queue.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// reconnect makes a new link. Its errors are those of a commit.
func (s *Store) reconnect() error {
	l, err := s.connect(context.Background())
	if errors.Is(err, errReplaced) {
		s.fail(err)
		return s.Err()
	}
	if err != nil {
		return s.down(err)
	}
	s.link = l
	if s.up() {
		// It may be another server now: reads must not stay with the old one.
		s.readers.Reset()
		s.views.Reset()
	}
	return nil
}

// answerOld refuses the requests that have waited long enough while there is no
// connection, all of them once the store has failed.
func (s *Store) answerOld() {
	age, why := outagePatience, s.outage()
	if s.isFailed() {
		age, why = -1, s.Err()
	}
	for _, r := range started(s.queue.takeOlder(age)) {
		s.tell(r, nil, why)
	}
}

// started drops the requests whose callers have gone.
func started(requests []*request) []*request {
	return slices.DeleteFunc(requests, func(r *request) bool { return !r.move(waiting, taken) })
}

// commitGroup commits the requests in as few transactions as their requirements
// allow, mostly one, and answers all of them.
func (s *Store) commitGroup(requests []*request) {
	for range attempts {
		p := newPlan()
		var conflicts []*request
		for _, r := range requests {
			if !p.add(r) {
				conflicts = append(conflicts, r)
			}
		}
		heads, err := s.write(p)
		switch {
		case err == nil:
			for _, m := range p.members {
				s.tell(m.request, p.positions(m, heads), nil)
			}
			s.tellAll(conflicts, errConflict)
			s.watchers.hint(p.grown(heads))
			return
		case errors.Is(err, errRefused):
			requests = s.dropConflicts(requests)
		case errors.Is(err, errRepeat), errors.Is(err, errUnsent):
		case errors.Is(err, kv.ErrUnsure):
			for _, m := range p.members {
				s.tell(m.request, nil, err)
			}
			s.tellAll(conflicts, errConflict)
			return
		case len(requests) > 1 && s.link != nil:
			// One of them may be what the server does not take.
			for _, r := range requests {
				s.commitGroup([]*request{r})
			}
			return
		default:
			s.tellAll(requests, err)
			return
		}
	}
	s.tellAll(requests, errExhausted)
}

func (s *Store) tellAll(requests []*request, err error) {
	for _, r := range requests {
		s.tell(r, nil, err)
	}
}

// write runs the transaction of p. kv.ErrUnsure: its outcome is unknown. After
// any other error nothing has happened.
func (s *Store) write(p *plan) (map[kv.LogID]kv.Head, error) {
	if p.empty() {
		return nil, nil
	}
	// A connection that broke while nothing was committed shows it now, before
	// the outcome of a commit hangs on it.
	if s.link != nil && time.Since(s.link.used) > idleCheck {
		if _, err := s.link.run(nil, s.options.CommitTimeout); err != nil {
			s.drop(err)
		}
	}
	if s.link == nil {
		if err := s.reconnect(); err != nil {
			return nil, err
		}
	}
	fence := call{stmtFence, [][]byte{int8Bytes(int64(s.incarnation)), int8Bytes(s.link.generation)}}
	heads, err := s.link.run(append([]call{fence}, p.calls(s.options.Now())...), s.options.CommitTimeout)
	switch {
	case errors.Is(err, errLost):
		s.drop(err)
		return nil, fmt.Errorf("%w: %w", kv.ErrUnsure, err)
	case errors.Is(err, errUnsent):
		s.drop(err)
	}
	return heads, err
}

// drop gives up the link.
func (s *Store) drop(why error) {
	s.link.close()
	s.link = nil
	_ = s.down(why)
}

// dropConflicts answers the requests whose requirements do not hold, and returns
// the others.
func (s *Store) dropConflicts(requests []*request) []*request {
	keys := [][]byte{}
	for _, r := range requests {
		for _, c := range r.batch.Checks {
			keys = append(keys, c.Key)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.options.CommitTimeout)
	defer cancel()
	now, err := s.revisions(ctx, keys)
	if err != nil {
		s.tellAll(requests, s.readError(ctx, err))
		return nil
	}
	return slices.DeleteFunc(requests, func(r *request) bool {
		for _, c := range r.batch.Checks {
			if now[string(c.Key)] != c.Seen.Revision {
				s.tell(r, nil, errConflict)
				return true
			}
		}
		return false
	})
}
