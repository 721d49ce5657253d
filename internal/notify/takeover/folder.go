// Package takeover reads the undelivered events that a MinIO server left in a
// target's queue_dir, so that the server which takes its place sends them.
//
// The files lie in <queue_dir>/minio-<type>-<name>: `<uuid>.event` holds the JSON
// of one record; `<n>:<uuid>.event.snappy` holds n of them, one a line, in a
// Snappy block (batches of Kafka targets). They were written without fsync, so
// that after a power cut some are empty or torn. Nothing in them or in their
// names tells their order but the records themselves, which have sequencers.
//
// Whatever cannot be sent is moved to a sub-folder and never deleted.
package takeover

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
)

const (
	// AsideFolder is where files go that cannot be sent.
	AsideFolder = "carillon-aside"
	// MaxFiles bounds how many files are looked at together: the number that a
	// MinIO server keeps by default.
	MaxFiles = 100_000
	// maxFileBytes bounds a file: a batch of ten thousand records.
	maxFileBytes = 32 << 20
	// maxBatchBytes bounds what a file can unfold to.
	maxBatchBytes = 128 << 20
)

// ErrUnusable says that a file is not one that can be sent: torn, empty, or not
// an event of a MinIO server. Other errors are those of the file system.
var ErrUnusable = errors.New("not an undelivered event")

// Folder holds what was left for one target.
type Folder struct{ Path string }

// FolderOf returns the folder in a queue_dir that a MinIO server used for a
// target.
func FolderOf(queueDir string, id event.TargetID) Folder {
	if strings.ContainsAny(id.ID+id.Type, `/\`) {
		return Folder{} // no name of a folder, and not to be taken for a path
	}
	return Folder{filepath.Join(queueDir, "minio-"+id.Type+"-"+id.ID)}
}

// List returns the names of up to MaxFiles files for which skip is false, the
// oldest first; none if there is no such folder. Folders are left alone.
func (f Folder) List(skip func(name string) bool) ([]string, error) {
	entries, err := os.ReadDir(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	type file struct {
		name     string
		modified time.Time
	}
	var files []file
	for _, e := range entries {
		if e.IsDir() || skip(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // it went away
		}
		files = append(files, file{e.Name(), info.ModTime()})
	}
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(a.modified.Compare(b.modified), cmp.Compare(a.name, b.name))
	})
	files = files[:min(len(files), MaxFiles)]
	names := make([]string, len(files))
	for i := range files {
		names[i] = files[i].name
	}
	return names, nil
}

// Read returns the events of a file, in its order. Errors: ErrUnusable, or those
// of the file system.
func (f Folder) Read(name string) ([]Event, error) {
	path := filepath.Join(f.Path, name)
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: not a file", ErrUnusable)
	case info.Size() > maxFileBytes:
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrUnusable, maxFileBytes)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxFileBytes))
	if err != nil {
		return nil, err
	}
	return Parse(name, content)
}

// Remove deletes a file whose events are acknowledged. That is not synced: a
// crash can bring it back, and its events are then sent again with the same ids.
func (f Folder) Remove(name string) error {
	err := os.Remove(filepath.Join(f.Path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// SetAside moves a file to AsideFolder. One of the same name that is there
// already is kept: the file then gets a number behind its name.
func (f Folder) SetAside(name string) error {
	aside := filepath.Join(f.Path, AsideFolder)
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return err
	}
	to := filepath.Join(aside, name)
	for n := 1; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(filepath.Join(f.Path, name), to)
		}
		to = filepath.Join(aside, fmt.Sprintf("%s.%d", name, n))
	}
}

// CountAside returns how many files are kept aside.
func (f Folder) CountAside() int {
	entries, err := os.ReadDir(filepath.Join(f.Path, AsideFolder))
	if err != nil {
		return 0
	}
	return len(entries)
}
