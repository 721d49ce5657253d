package notify

import (
	"context"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
)

const (
	// ackGather is how long an acknowledgement waits for others, so that a busy
	// target writes few batches. What a crash loses in it is delivered again.
	ackGather = 2 * time.Millisecond
	// ackBatch is the largest number written at once.
	ackBatch = 512
	// ackQueue bounds those that wait; beyond it senders wait.
	ackQueue = 4096
)

// acks writes a target's acknowledgements, many at a time.
type acks struct {
	queue chan receipt
	// hard ends when waiting for the journal must end.
	hard context.Context
}

// receipt names a delivered event, and the stored size of its record.
type receipt struct {
	at    journal.At
	bytes int
}

func newAcks(hard context.Context) *acks {
	return &acks{queue: make(chan receipt, ackQueue), hard: hard}
}

// add hands over an acknowledgement. If it is given up, the event comes again.
func (a *acks) add(e journal.Entry) {
	select {
	case a.queue <- receipt{e.At(), e.Bytes}:
	case <-a.hard.Done():
	}
}

// run writes until the queue is closed and empty.
func (a *acks) run(write func(at []journal.At, bytes int64) error, failed func(error)) {
	for first := range a.queue {
		at, bytes := a.gather(first)
		for a.hard.Err() == nil {
			err := write(at, bytes)
			if err == nil {
				break
			}
			failed(err)
			t := time.NewTimer(journalRetry)
			select {
			case <-t.C:
			case <-a.hard.Done():
				t.Stop()
			}
		}
	}
}

func (a *acks) gather(first receipt) (at []journal.At, bytes int64) {
	at, bytes = append(at, first.at), int64(first.bytes)
	t := time.NewTimer(ackGather)
	defer t.Stop()
	for len(at) < ackBatch {
		select {
		case next, ok := <-a.queue:
			if !ok {
				return at, bytes
			}
			at, bytes = append(at, next.at), bytes+int64(next.bytes)
		case <-t.C:
			return at, bytes
		}
	}
	return at, bytes
}
