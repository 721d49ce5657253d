// Package notify delivers events from the journal's outbox to the configured
// targets: at least once, per object key and target in commit order, each
// target on its own.
//
// The outbox is the only queue. A Dispatcher runs one runner per target, a
// runner several senders, and a sender owns a share of the partitions: it reads
// ahead a little in each (lane.go), fills one batch across them with at most
// one event of a key (sender.go), sends it (client.go), and decides by pure
// functions what becomes of each event (decide.go) and of the target
// (breaker.go). Nothing is kept here that the outbox would not give back after
// a crash.
//
// Before the outbox goes what a MinIO server left in the target's queue_dir
// (heritage.go, taking.go), by the same decisions.
//
// What is absent: no queue that could overflow, no timer that polls.
package notify

import (
	"context"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Journal is what delivery uses of *journal.Journal. Consumers are named by
// event.TargetID.String.
type Journal interface {
	// Pending returns up to max outbox entries in order, with sequences above
	// after. Acknowledged entries may be among them for a moment. No entries
	// means that there are none; more, that there may be others behind these.
	Pending(
		ctx context.Context, consumer string, partition uint16, after uint64, max int,
	) (page []journal.Entry, more bool, err error)
	// Ack takes entries out of the outbox without waiting for the disk. bytes is
	// the size of their records.
	Ack(ctx context.Context, consumer string, at []journal.At, bytes int64) error
	// Park takes an entry out of the outbox and lists it with its reason;
	// durable.
	Park(ctx context.Context, consumer string, p journal.Parked) error
	CountParked(ctx context.Context, consumer string) (int64, error)
	// Block and Unblock keep the durable set of blocked keys.
	Block(ctx context.Context, consumer string, k journal.Blocked) error
	Unblock(ctx context.Context, consumer string, bucketID uint64, key string) error
	BlockedKeys(ctx context.Context, consumer string) ([]journal.Blocked, error)
	// Backlog is the size of the outbox, as it is followed in memory.
	Backlog(ctx context.Context, consumer string) (journal.Backlog, error)
	// CountAll makes the sizes exact that are followed, Count that of one.
	CountAll(ctx context.Context) error
	Count(ctx context.Context, consumer string) error
	// SetLimit bounds an outbox; Full says that it is at its bound.
	SetLimit(consumer string, l journal.Limit)
	Full(consumer string) bool
	// Consumers lists the consumers that have outbox entries.
	Consumers(ctx context.Context) ([]string, error)
	// SpoolStatus tells how a consumer's spool is; false if it has none.
	SpoolStatus(consumer string) (journal.SpoolStatus, bool)
	// WatchOutbox calls fn, which must not block, after an outbox changed.
	WatchOutbox(fn func(consumer string, partition uint16, what journal.Change)) (stop func())
}

// Encoder makes the bodies of messages. payload.Encoder is one.
type Encoder interface {
	// Fill gives m, which has its ID, the body that tells the record in the form
	// asked for.
	Fill(m *target.Message, form target.Body, told *event.Record, at event.Place)
}
