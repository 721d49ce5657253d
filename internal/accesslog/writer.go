package accesslog

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	// maxBatchBytes is when a batch is full and goes at once.
	maxBatchBytes = 1 << 20
	// maxWaitingBytes bounds what waits in memory, of all logs together; further
	// lines are dropped and counted.
	maxWaitingBytes = 16 << 20
	// maxAge is how long a line waits for others at most, by default.
	maxAge = 5 * time.Minute
	// looks is how often in maxAge it is looked whether a batch is old enough.
	looks = 10
	// nameLayout begins the name of a batch, before a text that is unique.
	nameLayout = "2006-01-02-15-04-05-"
)

// Target is where a log goes: a bucket, and what the names of its objects begin
// with.
type Target struct{ Bucket, Prefix string }

// Config is what a Writer needs. Put is required.
type Config struct {
	// Put stores a batch. It is never called twice at once.
	Put func(ctx context.Context, bucket, key string, batch []byte) error
	// MaxAge is how long a line waits at most; 0 is five minutes.
	MaxAge time.Duration
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Writer gathers lines. It is safe for concurrent use.
type Writer struct {
	Config
	full chan struct{} // a batch is full

	putting sync.Mutex

	mu      sync.Mutex
	batches map[Target]*batch
	ready   []*batch // full ones, oldest first
	waiting int      // bytes of all
	dropped int
}

type batch struct {
	target Target
	begun  time.Time
	lines  bytes.Buffer
}

// New returns a Writer whose Run must be called.
func New(c Config) *Writer {
	if c.MaxAge == 0 {
		c.MaxAge = maxAge
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Writer{Config: c, full: make(chan struct{}, 1), batches: map[Target]*batch{}}
}

// Add takes a line for a target. It never waits for a store.
func (w *Writer) Add(to Target, line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting+len(line) > maxWaitingBytes {
		w.dropped++
		return
	}
	b := w.batches[to]
	if b == nil {
		b = &batch{target: to, begun: w.Now()}
		w.batches[to] = b
	}
	b.lines.WriteString(line)
	w.waiting += len(line)
	if b.lines.Len() < maxBatchBytes {
		return
	}
	delete(w.batches, to)
	w.ready = append(w.ready, b)
	select {
	case w.full <- struct{}{}:
	default:
	}
}

// Run hands batches on as they are full or old enough, until ctx ends. What waits
// then is for Flush.
func (w *Writer) Run(ctx context.Context) {
	whole := context.WithoutCancel(ctx) // a batch that is under way is finished
	ticker := time.NewTicker(max(w.MaxAge/looks, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.full:
			w.deliver(whole, func(*batch) bool { return false })
		case <-ticker.C:
			now := w.Now()
			w.deliver(whole, func(b *batch) bool { return now.Sub(b.begun) >= w.MaxAge })
		}
	}
}

// Flush hands on all that waits.
func (w *Writer) Flush(ctx context.Context) { w.deliver(ctx, func(*batch) bool { return true }) }

// deliver puts the batches that are full, and those that too wants.
func (w *Writer) deliver(ctx context.Context, too func(*batch) bool) {
	w.putting.Lock()
	defer w.putting.Unlock()
	for {
		b, dropped := w.next(too)
		if dropped > 0 {
			w.Logger.Warn("lines of access logs were dropped: they came faster than they could be stored", "lines", dropped)
		}
		if b == nil {
			return
		}
		key := b.target.Prefix + w.Now().UTC().Format(nameLayout) + unique()
		if err := w.Put(ctx, b.target.Bucket, key, b.lines.Bytes()); err != nil {
			w.Logger.Warn("a batch of an access log could not be stored and is lost", "bucket", b.target.Bucket,
				"prefix", b.target.Prefix, "lines", bytes.Count(b.lines.Bytes(), []byte{'\n'}), "err", err)
		}
		w.mu.Lock()
		w.waiting -= b.lines.Len()
		w.mu.Unlock()
	}
}

// next takes a batch out, and the number of lines that were dropped.
func (w *Writer) next(too func(*batch) bool) (b *batch, dropped int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	dropped, w.dropped = w.dropped, 0
	if len(w.ready) > 0 {
		b, w.ready = w.ready[0], w.ready[1:]
		return b, dropped
	}
	for to, b := range w.batches {
		if too(b) {
			delete(w.batches, to)
			return b, dropped
		}
	}
	return nil, dropped
}

func unique() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToUpper(hex.EncodeToString(b[:]))
}
