// Package journal keeps the record of everything that happened to buckets: 64
// logs of mutations, a few of accesses, and the outbox of every consumer. It is
// the only code that knows their layout in the metadata store.
//
// A record is added to a batch (Add), so that it commits with the object it
// tells of or not at all. Consumers read their outbox entries (Pending) and
// acknowledge them (Ack); listeners read the logs themselves (Read).
package journal

import (
	"time"

	"github.com/carillon-s3/carillon/internal/event"
)

const (
	// MutationPartitions is the number of logs that mutations are spread over,
	// by a hash of bucket id and key. It is fixed in the format.
	MutationPartitions = 64
	// AccessPartitions is the number of logs of accesses and no-op deletes,
	// which are recorded without waiting for the disk.
	AccessPartitions = 8
	// Partitions are all of them: mutations first, then accesses.
	Partitions = MutationPartitions + AccessPartitions
)

// At is a place in a partition.
type At struct {
	Partition uint16
	Sequence  uint64
}

// Entry is a record with its place.
type Entry struct {
	event.Place
	Record *event.Record
	// Bytes is the stored size of the record.
	Bytes int
}

// At returns the entry's place in its partition.
func (e Entry) At() At { return At{e.Partition, e.Sequence} }

// Backlog is what a consumer has not acknowledged.
type Backlog struct {
	Entries int64
	// Bytes is the stored size of their records.
	Bytes int64
	// Oldest is when the oldest of them was committed; zero if there is none.
	Oldest time.Time
	// Dropped is how many events the consumer's gaps stand for.
	Dropped int64
}

// Parked is an event that a target refused for good: out of the outbox, kept
// with its reason until an operator sends it again or drops it.
type Parked struct {
	Entry
	Reason   string
	Attempts int
	// ParkedAt is when it was set aside.
	ParkedAt time.Time
}

// Blocked is an object key whose events wait on their own because one of them
// keeps failing while others of the consumer succeed.
type Blocked struct {
	BucketID uint64
	Key      string
	Since    time.Time
	Attempts int
	Reason   string
}
