package object

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
)

const (
	// tokenAfterEvents is how soon, at the latest, a listener that can resume
	// is told its position after it was told of events; tokenWithoutEvents, if
	// only events passed by that it did not ask for. A token has some hundred
	// bytes, so not each event has one.
	tokenAfterEvents   = 250 * time.Millisecond
	tokenWithoutEvents = time.Second
)

// start sets the listener's position: behind all that is there, or where in
// Since says, and then says what is missing from there on.
func (l *listener) start(ctx context.Context, in ListenInput) error {
	j := l.service.journal
	heads, err := j.Heads(ctx)
	if err != nil {
		return storeError(err)
	}
	l.begun, l.next = heads.Next, heads.Next
	if in.Since == "" {
		return nil
	}
	if at, err := time.Parse(time.RFC3339Nano, in.Since); err == nil {
		cursor, missing, err := j.CursorAt(ctx, at)
		if err != nil {
			return storeError(err)
		}
		l.next, l.gap, l.behind = cursor.Next, missing, true
		return nil
	}
	cursor, err := j.ParseToken(in.Since)
	if errors.Is(err, journal.ErrToken) {
		return fmt.Errorf("%w: %w", ErrResumeToken, err)
	}
	if err != nil {
		return err
	}
	l.next, l.behind = cursor.Next, true
	for p := range l.next {
		if l.next[p] > heads.Next[p] {
			return fmt.Errorf("%w: it is ahead of the journal", ErrResumeToken)
		}
		first, err := j.First(ctx, uint16(p)) //nolint:gosec // below Partitions
		if err != nil {
			return storeError(err)
		}
		if l.next[p] < first {
			l.gap, l.missed = true, l.missed+first-max(l.next[p], 1)
			l.next[p] = first
		}
	}
	return nil
}

// catchUp tells what happened since the position that the listener came with.
func (l *listener) catchUp(ctx context.Context) error {
	if l.gap {
		if err := l.fn(Heard{Gap: true, Missed: l.missed}); err != nil {
			return err
		}
	}
	if l.behind {
		for p := range uint16(journal.Partitions) {
			if err := l.drain(ctx, p); err != nil {
				return err
			}
		}
	}
	return l.tellPosition()
}

// positionDue is when the listener is to be told its position; zero if it knows
// it, or does not want to.
func (l *listener) positionDue() time.Time {
	switch {
	case !l.resumable || l.next == l.toldPosition:
		return time.Time{}
	case l.told:
		return l.toldAt.Add(tokenAfterEvents)
	default:
		return l.toldAt.Add(tokenWithoutEvents)
	}
}

// tellPosition tells a token behind all that was told before it, if the listener
// wants one.
func (l *listener) tellPosition() error {
	if !l.resumable {
		return nil
	}
	l.toldPosition, l.toldAt, l.told = l.next, time.Now(), false
	cursor := journal.Cursor{Epoch: l.service.store.Epoch(), Next: l.next}
	return l.fn(Heard{Token: cursor.Token()})
}
