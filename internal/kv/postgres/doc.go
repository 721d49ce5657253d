// Package postgres is the engine of kv on a PostgreSQL database, with
// github.com/jackc/pgx. Several processes may have one database open at once.
//
// # One transaction, one round trip
//
// A single goroutine of each process takes the batches that wait and writes
// them as one transaction. Everything of it, from the first lock to the commit,
// travels in one round trip (trip.go), so that the server ends the transaction
// by itself even if the process is frozen or gone: no lock waits for a client.
// A requirement that does not hold raises an error within the trip; the batches
// whose requirements failed are then found by a read, and the others are
// written again without them.
//
// # Order of locks
//
// Rows of required keys first, in the order of the keys; then those of written
// keys whose bytes are known; then the counters of the logs, in their order;
// last what depends on the counters. A counter is held until its transaction is
// durable, which makes sequences gapless and their order that of the commits.
// docs/decisions/0010-postgres-log-counters.md has the figures.
//
// # What is durable
//
// A transaction becomes visible to others only after its commit record is
// flushed, and, with synchronous_standby_names, after the standbys have it too.
// So every read speaks of durable state only. Two things would break that, and
// are avoided: cancelling a session that waits for a standby (the connection
// that commits never sends a cancel, which is why it is driven with pgproto3
// rather than by pgx; a warning at the commit makes its outcome unsure), and a
// server with synchronous_commit off (it is set for each connection) or fsync
// off (Open refuses it). What a standby had not confirmed when the primary
// crashed becomes visible on the primary when it starts again. A primary that was
// replaced and does not know it yet commits nothing, but answers reads: the
// connection string must lead to the present primary only, as the address of a
// proxy that asks the cluster's manager does.
//
// # Fencing
//
// Each opening has a row in the table writer, with a generation that grows with
// every connection for commits. A transaction holds a share of the row and names
// its generation, so a new connection waits for what an old one has left running,
// and an old one's bytes that arrive late do nothing. Once a commit has been
// answered with kv.ErrUnsure, its outcome is therefore settled before the next
// commit of the process begins.
//
// # Tables
//
//	store       one row: format, epoch, the last incarnation
//	writer      a row per opening: its generation
//	entry       the map: key, value, revision
//	log_head    a row per log: the counters, and the first record kept
//	log_record  the records
package postgres
