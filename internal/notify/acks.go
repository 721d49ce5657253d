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
	queue chan journal.At
	// hard ends when waiting for the journal must end.
	hard context.Context
}

func newAcks(hard context.Context) *acks {
	return &acks{queue: make(chan journal.At, ackQueue), hard: hard}
}

// add hands over an acknowledgement. If it is given up, the event comes again.
func (a *acks) add(at journal.At) {
	select {
	case a.queue <- at:
	case <-a.hard.Done():
	}
}

// run writes until the queue is closed and empty.
func (a *acks) run(write func([]journal.At) error, failed func(error)) {
	for at := range a.queue {
		batch := a.gather([]journal.At{at})
		for a.hard.Err() == nil {
			err := write(batch)
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

func (a *acks) gather(batch []journal.At) []journal.At {
	t := time.NewTimer(ackGather)
	defer t.Stop()
	for len(batch) < ackBatch {
		select {
		case at, ok := <-a.queue:
			if !ok {
				return batch
			}
			batch = append(batch, at)
		case <-t.C:
			return batch
		}
	}
	return batch
}
