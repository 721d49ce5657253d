package crashfs

import (
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// file is an open file: its contents, with crash points.
type file struct {
	vfs.File
	fs   *FS
	path string // when it was opened
}

// Write implements vfs.File.
func (f *file) Write(p []byte) (int, error) {
	f.fs.point("write", f.path)
	f.fs.mu.RLock()
	defer f.fs.mu.RUnlock()
	return f.File.Write(p)
}

// WriteAt implements vfs.File.
func (f *file) WriteAt(p []byte, offset int64) (int, error) {
	f.fs.point("write", f.path)
	f.fs.mu.RLock()
	defer f.fs.mu.RUnlock()
	return f.File.WriteAt(p, offset)
}

// Sync implements vfs.File.
func (f *file) Sync() error {
	f.fs.point("sync", f.path)
	if f.fs.dropped(f.path) {
		return nil
	}
	f.fs.mu.RLock()
	defer f.fs.mu.RUnlock()
	return f.File.Sync()
}

// SyncData implements vfs.File.
func (f *file) SyncData() error { return f.Sync() }

// SyncTo implements vfs.File. It promises nothing, and does nothing.
func (f *file) SyncTo(int64) (fullSync bool, err error) { return false, nil }

// Stat implements vfs.File.
func (f *file) Stat() (vfs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return nil, err
	}
	return named{info, path.Base(f.path)}, nil
}

// named gives a node's information the name that it was opened by.
type named struct {
	vfs.FileInfo
	name string
}

// Name implements fs.FileInfo.
func (n named) Name() string { return n.name }

// folder is an open folder: all it can do is to be synced.
type folder struct {
	fs   *FS
	node *node
	path string
}

var errIsFolder = errors.New("crashfs: is a folder")

// Sync implements vfs.File.
func (d *folder) Sync() error {
	d.fs.point("sync", d.path)
	if d.fs.dropped(d.path) {
		return nil
	}
	d.fs.mu.Lock()
	defer d.fs.mu.Unlock()
	d.fs.syncFolder(d.node)
	return nil
}

// SyncData implements vfs.File.
func (d *folder) SyncData() error { return d.Sync() }

// SyncTo implements vfs.File.
func (d *folder) SyncTo(int64) (fullSync bool, err error) { return false, nil }

// Stat implements vfs.File.
func (d *folder) Stat() (vfs.FileInfo, error) { return folderInfo{path.Base(d.path)}, nil }

// Close implements vfs.File.
func (d *folder) Close() error { return nil }

// Read implements vfs.File.
func (d *folder) Read([]byte) (int, error) { return 0, errIsFolder }

// ReadAt implements vfs.File.
func (d *folder) ReadAt([]byte, int64) (int, error) { return 0, errIsFolder }

// Write implements vfs.File.
func (d *folder) Write([]byte) (int, error) { return 0, errIsFolder }

// WriteAt implements vfs.File.
func (d *folder) WriteAt([]byte, int64) (int, error) { return 0, errIsFolder }

// Preallocate implements vfs.File.
func (d *folder) Preallocate(int64, int64) error { return errIsFolder }

// Prefetch implements vfs.File.
func (d *folder) Prefetch(int64, int64) error { return errIsFolder }

// Fd implements vfs.File.
func (d *folder) Fd() uintptr { return vfs.InvalidFd }

type folderInfo struct{ name string }

// Name implements fs.FileInfo.
func (i folderInfo) Name() string { return i.name }

// Size implements fs.FileInfo.
func (i folderInfo) Size() int64 { return 0 }

// Mode implements fs.FileInfo.
func (i folderInfo) Mode() fs.FileMode { return fs.ModeDir | 0o755 }

// ModTime implements fs.FileInfo.
func (i folderInfo) ModTime() time.Time { return time.Time{} }

// IsDir implements fs.FileInfo.
func (i folderInfo) IsDir() bool { return true }

// Sys implements fs.FileInfo.
func (i folderInfo) Sys() any { return nil }

// DeviceID implements vfs.FileInfo.
func (i folderInfo) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
