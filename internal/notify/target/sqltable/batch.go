package sqltable

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Newest are the events of a batch that a mirror needs: of several of a key the
// newest.
func Newest(batch []target.Message) []*target.Message {
	last := make(map[string]int, len(batch))
	for i := range batch {
		if batch[i].Mirror() == target.MirrorNothing {
			continue
		}
		if j, ok := last[batch[i].Key]; !ok || batch[j].Sequencer <= batch[i].Sequencer {
			last[batch[i].Key] = i
		}
	}
	out := make([]*target.Message, 0, len(last))
	for i := range batch {
		if j, ok := last[batch[i].Key]; ok && i == j {
			out = append(out, &batch[i])
		}
	}
	return out
}

// errEarlier is why an event is not written after one of its key was not.
var errEarlier = errors.New("an earlier event of the key was refused")

// Commit commits a batch in one transaction. If the database refuses the data of
// one, of which refused tells, each is committed on its own to find which. After
// one that is refused, the later ones of its key are left for another Send, so
// that their order holds. clean is applied to what is refused for good.
func Commit(batch []target.Message, commit func([]target.Message) error, refused func(error) bool, clean func(error) error) error {
	err := commit(batch)
	switch {
	case !refused(err):
		return err
	case len(batch) == 1:
		return target.Permanent(clean(err))
	}
	failed := make(map[int]error)
	keys := make(map[string]bool)
	for i := range batch {
		if keys[batch[i].Key] {
			failed[i] = errEarlier
			continue
		}
		err := commit(batch[i : i+1])
		if refused(err) {
			failed[i], keys[batch[i].Key] = target.Permanent(clean(err)), true
		} else if err != nil {
			return err
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return &target.BatchError{Failed: failed}
}

// Settled reports whether a connection can be used again after a Send that ended
// with err: what happened is known.
func Settled(err error) bool {
	var some *target.BatchError
	return err == nil || target.IsPermanent(err) || errors.As(err, &some)
}

// Clean takes the password out of errors that others wrote.
func Clean(err error, password string) error {
	if err == nil || password == "" || !strings.Contains(err.Error(), password) {
		return err
	}
	clean := errors.New(strings.ReplaceAll(err.Error(), password, "***"))
	if target.IsPermanent(err) {
		return target.Permanent(clean)
	}
	return clean
}

// pruneEvery is how often old entries are removed from a companion table.
const pruneEvery = time.Hour

// Prune says when a companion table is to be pruned. The zero Prune is due.
type Prune struct {
	mu   sync.Mutex
	last time.Time
}

// Due reports whether it is time, once an interval. A prune that fails is made
// up for by the next.
func (p *Prune) Due(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.last) < pruneEvery {
		return false
	}
	p.last = now
	return true
}
