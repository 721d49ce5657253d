// Package kv is the contract of Carillon's metadata store: an ordered map of
// bytes to bytes with snapshots and atomic, conditional batches, and beside it
// append-only logs whose sequence numbers are given at commit.
//
// The package knows nothing of S3. Engines live in the folders below; kvtest
// holds the suite that every engine passes, and that suite is the contract.
//
// # Durability
//
// Nothing is ever shown that is not durable: Get, View, ReadLog and Watch speak
// only of commits that would survive a power cut at that moment. Commit returns
// nil only for such a commit.
//
// # Failure
//
// For an embedded engine the first error of a sync is final. The store then
// fails: every waiter gets ErrUnsure, every later call ErrFailed, and Failed is
// closed so that the process can end. An fsync is never tried again.
//
// An engine across a network loses connections instead, and recovers: a commit
// whose answer was lost gets ErrUnsure, later calls get ErrUnavailable until
// there is a connection again. Before the store begins another commit, the
// outcome of an unsure one is settled: what it did not do by then it never does.
//
// # Processes
//
// Such a store may be open in several processes at once. Commits of all of them
// are in one order, and what is said of reads and logs holds across them. Each
// opening has an incarnation of its own.
package kv

import (
	"context"
	"errors"
	"iter"
)

// Errors of a Store. They arrive wrapped; use errors.Is.
var (
	// ErrConflict says that a precondition did not hold; nothing happened. The
	// caller reads again and decides again.
	ErrConflict = errors.New("kv: conflict")
	// ErrUnsure says that the outcome of a commit is unknown (connection lost,
	// disk error). The caller must neither report success nor undo anything.
	ErrUnsure = errors.New("kv: outcome unknown")
	// ErrUnavailable says that the store cannot be reached for now; nothing
	// happened. Only engines across a network give it.
	ErrUnavailable = errors.New("kv: store unavailable")
	// ErrFailed says that the store has failed for good and serves nothing.
	ErrFailed = errors.New("kv: store failed")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("kv: store closed")
	// ErrNoSpace says that free space is below the reserve: growing mutations
	// are refused until there is room again.
	ErrNoSpace = errors.New("kv: free space below the reserve")
	// ErrTooLarge says that a batch exceeds MaxBatchBytes.
	ErrTooLarge = errors.New("kv: batch too large")
	// ErrTrimmed says that the asked log position is no longer kept.
	ErrTrimmed = errors.New("kv: log position trimmed")
)

const (
	// MaxKeyBytes bounds a key: an S3 key of 1,024 bytes, escaped at worst to
	// twice its size, with prefixes.
	MaxKeyBytes = 2304
	// MaxBatchBytes bounds the keys and values of one batch. It stays below a
	// quarter of the embedded engine's memtable (64 MiB), so that a batch never
	// takes the engine's large-batch path.
	MaxBatchBytes = 8 << 20
)

// LogID names a log. Logs need no creation; an unused one is empty.
type LogID uint16

// Version is a point in the store's history of commits; it only grows. It is
// good for comparing within one open store.
type Version uint64

// Item is what a key held when it was read. The zero Value with Revision 0 is
// an absent key; an Item read from a Store or View always carries ReadAt, so
// that absence too can be required to last.
type Item struct {
	// Value must not be modified.
	Value []byte
	// Revision identifies the write that made Value. Revisions are never used
	// again, also not after a delete or a restart. 0 means absent.
	Revision uint64
	// ReadAt is the point in history at which the key was read.
	ReadAt Version
}

// Exists reports whether the key was present.
func (i Item) Exists() bool { return i.Revision != 0 }

// Entry is one step of a Scan: a key with its item or, with a delimiter, a
// group of keys that share Key as prefix (Item is then empty).
type Entry struct {
	// Key is valid for as long as the caller likes.
	Key   []byte
	Item  Item
	Group bool
}

// Range says what a Scan visits.
type Range struct {
	// Start is included, End is not. A nil End means the end of the map.
	Start, End []byte
	// Reverse visits from the end.
	Reverse bool
	// Delimiter, when not empty, groups keys: of all keys with the same bytes
	// up to and including the first Delimiter found after the first
	// DelimiterFrom bytes, one Entry with Group set is yielded, and the engine
	// skips the others without reading them.
	Delimiter     []byte
	DelimiterFrom int
	// KeysOnly leaves Item.Value nil.
	KeysOnly bool
}

// Reader reads durable state.
type Reader interface {
	// Get returns the item of key; an absent key is an Item with Revision 0 and
	// no error.
	Get(ctx context.Context, key []byte) (Item, error)
	// Scan yields the entries of r in key order, all of one moment. It stops at
	// the first error, which it yields; ctx's, when that ends.
	Scan(ctx context.Context, r Range) iter.Seq2[Entry, error]
}

// View is a consistent snapshot of the durable state. It pins resources of the
// engine: hold it for seconds at most, and page with a stored key beyond that.
// Not safe for concurrent use.
type View interface {
	Reader
	Close()
}

// Position is what the store gave to one appended log record.
type Position struct {
	// Log is the log appended to.
	Log LogID
	// Sequence counts the log's records from 1, gapless, in commit order.
	Sequence uint64
	// Stamp is max(now, last stamp of the log + 1), in nanoseconds since 1970.
	// It rises strictly within a log, across restarts and clock steps.
	Stamp uint64
}

// LogRecord is one record of a log. Value must not be modified.
type LogRecord struct {
	Position
	Value []byte
}

// Head is the durable end of a log: its last position. Sequence 0 is an empty
// log.
type Head = Position

// Store is an open key-value store. It is safe for concurrent use.
type Store interface {
	Reader

	// View opens a snapshot of the newest durable state. It includes every
	// commit that returned before the call.
	View(ctx context.Context) (View, error)

	// Commit applies b atomically and returns the positions of its appends, in
	// the order of the Append calls. It returns nil only once all of it is
	// durable. ErrConflict, ErrTooLarge, ErrUnavailable, ErrNoSpace, ErrFailed,
	// ErrClosed: nothing happened. ErrUnsure: unknown. Ending ctx before the commit is under way
	// gives ctx's error and nothing happens; afterwards ctx is not looked at.
	Commit(ctx context.Context, b *Batch) ([]Position, error)

	// CommitRelaxed hands b over to be committed within milliseconds and
	// returns without waiting for the disk. A crash can lose it. It blocks
	// while too many relaxed batches wait. b must hold no requirements, and
	// belongs to the store from here on. For acknowledgements and access
	// records only. Relaxed commits keep the order in which they were handed
	// over, also among those of Commit: a later one is never there without an
	// earlier, unless that one's outcome was an error. done, if not nil, is called once with the outcome, from the
	// committer: it must not block.
	CommitRelaxed(ctx context.Context, b *Batch, done func([]Position, error)) error

	// ReadLog returns up to max records of log with sequences from and above,
	// in order. ErrTrimmed if from was trimmed away; no records if from lies
	// beyond the head.
	ReadLog(ctx context.Context, log LogID, from uint64, max int) ([]LogRecord, error)

	// Bounds returns the lowest kept sequence and the head of a log. An empty
	// log gives first 1 and a zero head sequence.
	Bounds(ctx context.Context, log LogID) (first uint64, head Head, err error)

	// Watch calls fn with the new heads of the logs that grew, by commits of
	// this or another process, each time after the records have become durable, in commit order, from one goroutine. fn
	// must not block and must not call the store. stop ends it and waits for a
	// running call.
	Watch(fn func(heads []Head)) (stop func())

	// Epoch is random, minted when the store was formatted, restored or
	// repaired by force: sequences of different epochs are not comparable.
	Epoch() uint64

	// Incarnation grows with every opening of the store; no two openings share
	// one.
	Incarnation() uint64

	// Admit says whether growing mutations are accepted now: nil, ErrNoSpace,
	// ErrUnavailable, ErrFailed or ErrClosed. Callers ask before they read a request's body.
	Admit() error

	// Failed is closed when the store has failed; Err then says why. Closing
	// is no failure: Err stays nil.
	Failed() <-chan struct{}
	Err() error

	// Close finishes the commits under way, syncs relaxed ones and releases the
	// store. Views must be closed before.
	Close() error
}
