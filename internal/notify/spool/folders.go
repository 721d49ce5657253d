package spool

import (
	"net/url"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/journal"
)

const (
	// folderMode keeps events from other users of the machine.
	folderMode os.FileMode = 0o700
	// segmentBytes is where a segment ends. Its space comes back when all in it
	// are acknowledged, so smaller is better; each costs a file and two syncs.
	segmentBytes = 16 << 20

	writeCategory vfs.DiskWriteCategory = "carillon-spool"
)

// Options says how spools are kept.
type Options struct {
	// FS is the file system; nil means that of the operating system.
	FS vfs.FS
	// SegmentBytes is the size at which a segment ends; 0 means 16 MiB.
	SegmentBytes int64
}

// Folders are the folders of spools. It is safe for concurrent use.
type Folders struct {
	fs           vfs.FS
	segmentBytes int64
}

var _ journal.SpoolFolders = (*Folders)(nil)

// New returns the folders of a file system. It does not look at it.
func New(o Options) *Folders {
	f := &Folders{fs: o.FS, segmentBytes: o.SegmentBytes}
	if f.fs == nil {
		f.fs = vfs.Default
	}
	if f.segmentBytes == 0 {
		f.segmentBytes = segmentBytes
	}
	return f
}

// Dir is the folder, below queue_dir, of the spool of a target.
func (f *Folders) Dir(queueDir, arnType, id string) string {
	return f.fs.PathJoin(queueDir, "carillon-"+arnType+"-"+url.PathEscape(id))
}

// Folder implements journal.SpoolFolders.
func (f *Folders) Folder(dir string, id journal.SpoolIdentity) journal.SpoolFolder {
	return &folder{Folders: f, dir: dir, id: id.ID}
}
