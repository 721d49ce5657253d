package notify

import (
	"context"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
)

const (
	// backlogFresh is how long a count of an outbox is good for, at least.
	backlogFresh = time.Second
	// backlogShare bounds the counting to one part in so many of the time: a
	// million entries take a second to count.
	backlogShare = 50
)

// backlogs counts outboxes by reading them, seldom, and remembers the results.
type backlogs struct {
	journal Journal
	base    context.Context // ends when counting must end
	mu      sync.Mutex
	counts  map[string]*backlogCount
	wg      sync.WaitGroup
}

type backlogCount struct {
	value journal.Backlog
	at    time.Time
	took  time.Duration
	// running is closed when the count under way ends; nil if there is none.
	running chan struct{}
}

func newBacklogs(base context.Context, j Journal) *backlogs {
	return &backlogs{journal: j, base: base, counts: make(map[string]*backlogCount)}
}

// of returns a consumer's backlog: a fresh count if it is there by the end of
// ctx, else the last one.
func (b *backlogs) of(ctx context.Context, consumer string) journal.Backlog {
	b.mu.Lock()
	c := b.counts[consumer]
	if c == nil {
		c = &backlogCount{}
		b.counts[consumer] = c
	}
	if c.running == nil && time.Since(c.at) > max(backlogFresh, backlogShare*c.took) && b.base.Err() == nil {
		c.running = make(chan struct{})
		b.wg.Go(func() { b.count(consumer, c) })
	}
	running := c.running
	b.mu.Unlock()
	if running != nil {
		select {
		case <-running:
		case <-ctx.Done():
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return c.value
}

func (b *backlogs) count(consumer string, c *backlogCount) {
	begun := time.Now()
	v, err := b.journal.Backlog(b.base, consumer)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		c.value = v
	}
	c.at, c.took = time.Now(), time.Since(begun)
	close(c.running)
	c.running = nil
}

// forget drops what is remembered of consumers that are not kept.
func (b *backlogs) forget(kept map[string]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for consumer, c := range b.counts {
		if !kept[consumer] && c.running == nil {
			delete(b.counts, consumer)
		}
	}
}
