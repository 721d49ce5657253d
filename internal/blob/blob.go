// Package blob is the contract of the store of object bytes: immutable contents
// addressed by an opaque reference. It knows nothing of keys or buckets; which
// references are in use is written in the metadata store.
//
// The order is always: bytes first (Writer.Commit), then metadata. A crash in
// between leaves unreferenced bytes and nothing else, which package object sweeps
// after the next start.
package blob

import (
	"context"
	"errors"
	"io"
	"iter"
)

// Errors of a Store. They arrive wrapped; use errors.Is.
var (
	// ErrNotFound says that the store holds no such reference.
	ErrNotFound = errors.New("blob: not found")
	// ErrCorrupt says that stored bytes do not match their checksum. No byte of
	// the damaged block is ever returned.
	ErrCorrupt = errors.New("blob: stored bytes are damaged")
	// ErrUnsure says that a commit's outcome is unknown: the caller must not
	// use the reference, nor delete it.
	ErrUnsure = errors.New("blob: outcome unknown")
	// ErrNoSpace says that there is no room for the bytes.
	ErrNoSpace = errors.New("blob: no space left")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("blob: store closed")
)

// Ref addresses committed contents. It is opaque, printable ASCII of at most 64
// bytes, and never used twice.
type Ref string

// Store holds contents. It is safe for concurrent use.
type Store interface {
	// Create starts new contents. ctx bounds this call, not the writing.
	Create(ctx context.Context) (Writer, error)

	// Open returns length bytes from offset on. Every byte is verified before it
	// is returned; damage that is found on the way ends the reading with
	// ErrCorrupt. ErrNotFound if there are no such contents; a range that
	// reaches beyond their end is an error of the caller's and gives
	// io.ErrUnexpectedEOF, from Open itself. The end of ctx ends the reading.
	Open(ctx context.Context, ref Ref, offset, length int64) (io.ReadCloser, error)

	// Delete removes contents for good; missing ones are no error. Readers that
	// were open finish.
	Delete(ctx context.Context, ref Ref) error

	// Walk yields every reference with its size, in no order. For repair and
	// inspection only: it may take hours. Contents that were begun and never
	// committed, or are damaged so that their size is not known, come with
	// Ref, Incarnation and ErrCorrupt, and the walk goes on; contents that a
	// living process is writing look the same, so repair leaves the
	// incarnations of living processes alone. Any other error ends the walk.
	Walk(ctx context.Context) iter.Seq2[Info, error]

	// Refs yields the references of all that the store holds, in no order and
	// without looking at it, so without Size: also of contents that were begun
	// and never committed, and of those that living processes are writing. It
	// keeps no more than a bounded share of them in memory. The first error ends
	// it.
	Refs(ctx context.Context) iter.Seq2[Info, error]

	// Stored is how many bytes the store keeps for a reference, whether they were
	// committed or not; 0 if it holds nothing under it.
	Stored(ctx context.Context, ref Ref) (int64, error)

	Close() error
}

// Info is what Walk and Refs know of contents.
type Info struct {
	Ref Ref
	// Size is the number of content bytes; 0 from Refs.
	Size int64
	// Incarnation is that of the process that wrote them.
	Incarnation uint64
}

// Writer takes the bytes of new contents. Not safe for concurrent use. Its first
// error is final: every later Write and Commit returns it.
type Writer interface {
	io.Writer
	// Commit makes the contents and their directory entry durable and returns
	// the reference under which they can be opened from then on. ErrUnsure if
	// a sync failed: it is not tried again, and what was written is left where
	// it is, unreferenced. After any other error nothing was committed.
	Commit() (Ref, error)
	// Abort drops what was written. After a Commit that returned nil or
	// ErrUnsure it does nothing, so it can be deferred.
	Abort() error
}
