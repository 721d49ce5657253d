// Package pebble is the embedded engine of kv, on github.com/cockroachdb/pebble.
//
// # One committer, one durable snapshot
//
// A single goroutine takes the waiting batches, checks their requirements,
// gives sequences, stamps and revisions, merges them into one Pebble batch and
// applies it with a sync. Only then does it open a Pebble snapshot and publish
// it. Every read goes to the published snapshot, so that nothing is ever shown
// that a power cut could take back, and no reader waits for a commit.
// docs/decisions/0003-durable-snapshot.md has the reasons.
//
// # Files
//
// The folder of a store holds
//
//	LOCK      held while the store is open
//	FORMAT    the format record, see the type Format
//	ballast   space to give up when the disk is nearly full
//	db/       Pebble's files
//
// # Key-space
//
// One leading byte parts the key-space; numbers are big endian.
//
//	'i'                          incarnation, 8 bytes
//	'l' log (2) sequence (8)     a log record: stamp (8), then its value
//	'm' key                      an entry of the map: revision (8), then its value
//
// A revision is the incarnation (22 bits) above a counter of writes (42 bits).
package pebble
