package journal

import (
	"errors"
	"fmt"
	"time"
)

// A spool keeps the records of one consumer that the journal's window no longer
// holds, in a folder of the operator's choice. Which spools there are, and what
// of them is committed, is written in the metadata store (spools.go); the
// interfaces here are what the journal needs of the folders. Package
// notify/spool has them.

// SpoolFolders is where the folders of spools are. It is safe for concurrent
// use.
type SpoolFolders interface {
	// Identity reads which spool is in dir. ErrNoSpool if there is none, a
	// *SpoolLoss if it cannot be told.
	Identity(dir string) (SpoolIdentity, error)
	// Create makes an empty spool in dir, with all folders above it. It returns
	// once that is durable.
	Create(dir string, id SpoolIdentity) error
	// Folder gives access to the spool in dir. It does not look at the disk.
	Folder(dir string, id SpoolIdentity) SpoolFolder
}

// SpoolFolder is the folder of one spool. Read may be called at any time; the
// other methods from one goroutine.
type SpoolFolder interface {
	// Segments returns the size of each segment that is there.
	Segments() (map[uint64]int64, error)
	// Append writes records, all into one segment, and returns where they are
	// and where the segment ends. nil means durable, contents and names. After
	// an error nothing of it is used, and the next call begins another segment.
	// Segments are numbered above least, and above all that are there.
	Append(records []SpoolRecord, least uint64) (places []SpoolPlace, end int64, err error)
	// Seal has the next Append begin a segment.
	Seal()
	// Read reads and verifies records. Each has its own error: a *SpoolLoss says
	// that it is not there, any other that it could not be read now.
	Read(places []SpoolPlace) []SpoolRead
	// Drop removes a segment for good. A crash may bring it back.
	Drop(segment uint64) error
	// Remove removes the folder, which holds no segments. nil means durable.
	Remove() error
}

// SpoolIdentity is written in a spool's folder when it is made, so that a
// folder in the place of another is found out.
type SpoolIdentity struct {
	// ID is random, and unique among all spools.
	ID uint64
	// Epoch is that of the journal.
	Epoch    uint64
	Consumer string
}

// SpoolRecord is a record to write. Record must not be changed until Append has
// returned.
type SpoolRecord struct {
	At
	Record []byte
}

// SpoolPlace is where a record is.
type SpoolPlace struct {
	At
	Segment uint64
	Offset  int64
	// Bytes is the size of the record, Sum its checksum there.
	Bytes int
	Sum   uint32
}

// SpoolRead is a record, or why there is none.
type SpoolRead struct {
	Record []byte
	Err    error
}

// ErrNoSpool says that a folder is missing or holds no spool.
var ErrNoSpool = errors.New("the folder is missing or empty")

// SpoolLoss says that something of a spool is gone or damaged, so that trying
// again does not help.
type SpoolLoss struct {
	// Reason is the same for all that is lost in the same way; Err, which may be
	// nil, says more.
	Reason string
	Err    error
}

// Error implements error.
func (l *SpoolLoss) Error() string {
	if l.Err == nil {
		return l.Reason
	}
	return fmt.Sprintf("%s: %v", l.Reason, l.Err)
}

// Unwrap gives the cause.
func (l *SpoolLoss) Unwrap() error { return l.Err }

// SpoolStatus tells how a consumer's spool is.
type SpoolStatus struct {
	// Dir is the folder that it writes to or, where none is configured any more,
	// one that it still reads.
	Dir string
	// Problem says what is wrong with what was spooled, Unwritable why records
	// are kept in the metadata store instead. Both are empty if all is well.
	Problem, Unwritable string
	// Since is when Problem, or else Unwritable, came up.
	Since time.Time
	// Segments and Bytes are what it holds.
	Segments int
	Bytes    int64
}
