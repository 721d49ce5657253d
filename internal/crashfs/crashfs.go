// Package crashfs is a disk for tests that can lose power at any write. It
// wraps Pebble's crashable in-memory file system, which forgets what was not
// synced, and adds what that one cannot show: removals and renames that reached
// the disk although nothing synced them. Those are the dangerous ones for
// anything that destroys bytes too early.
//
// A test runs its workload on an FS, and takes Crash at points of its choice:
// OnPoint is called before every operation that changes the disk. Test support;
// nothing else imports it.
package crashfs

import (
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a file system in memory. It is safe for concurrent use.
type FS struct {
	*vfs.MemFS
	onPoint atomic.Pointer[func(Point)]
	points  atomic.Int64

	mu      sync.Mutex
	pending []change // removals and renames that no sync of their folder covers
}

// Point is an operation that is about to change the disk.
type Point struct {
	// N counts the points of an FS from 1.
	N int64
	// Op is the operation, Name what it is done to.
	Op, Name string
}

// change is a removal (to is empty) or a rename.
type change struct{ from, to string }

// New returns an empty disk.
func New() *FS { return &FS{MemFS: vfs.NewCrashableMem()} }

// OnPoint has fn called before every operation that changes the disk, by the
// goroutine that does it: Crash within fn is the power cut just before. nil ends
// it. fn must not use the FS but for Crash.
func (f *FS) OnPoint(fn func(Point)) {
	if fn == nil {
		f.onPoint.Store(nil)
		return
	}
	f.onPoint.Store(&fn)
}

// Points is the number of points so far.
func (f *FS) Points() int64 { return f.points.Load() }

func (f *FS) point(op, name string) {
	n := f.points.Add(1)
	if fn := f.onPoint.Load(); fn != nil {
		(*fn)(Point{n, op, name})
	}
}

// Outcome chooses among the states that a power cut can leave.
type Outcome struct {
	// UnsyncedPercent is the chance of each block and folder entry that was
	// written and not synced to be there all the same. 0 leaves what was
	// synced, 100 everything.
	UnsyncedPercent int
	// Removals applies a prefix of the removals and renames that nothing synced,
	// of a length that Seed chooses; AllRemovals applies all of them.
	Removals, AllRemovals bool
	// Seed makes the outcome repeatable.
	Seed uint64
}

// Outcomes are those worth exploring at a point.
func Outcomes(seed uint64) []Outcome {
	return []Outcome{
		{UnsyncedPercent: 0, Seed: seed},
		{UnsyncedPercent: 50, Seed: seed},
		{UnsyncedPercent: 100, Seed: seed},
		{UnsyncedPercent: 0, AllRemovals: true, Seed: seed},
		{UnsyncedPercent: 50, Removals: true, Seed: seed},
	}
}

// Crash returns the disk as it is found after a power cut at this moment. The
// FS itself goes on.
func (f *FS) Crash(o Outcome) *FS {
	rng := rand.New(rand.NewPCG(o.Seed, 0)) //nolint:gosec // repeatable on purpose
	f.mu.Lock()
	pending := append([]change(nil), f.pending...)
	f.mu.Unlock()
	after := f.MemFS.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: o.UnsyncedPercent, RNG: rng})
	switch {
	case o.AllRemovals:
	case o.Removals:
		pending = pending[:rng.IntN(len(pending)+1)]
	default:
		pending = nil
	}
	for _, c := range pending {
		// What is not there after the crash cannot be removed from it.
		if c.to == "" {
			_ = after.RemoveAll(c.from)
		} else {
			_ = after.Rename(c.from, c.to)
		}
	}
	return &FS{MemFS: after}
}

// note remembers a removal or rename until its folder is synced.
func (f *FS) note(c change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = append(f.pending, c)
}

// forget drops the changes that match.
func (f *FS) forget(match func(change) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.pending[:0]
	for _, c := range f.pending {
		if !match(c) {
			kept = append(kept, c)
		}
	}
	f.pending = kept
}

// made drops the removals of a name that exists again: that an old file of the
// name went and the new one did not come is not explored.
func (f *FS) made(name string) {
	name = clean(name)
	f.forget(func(c change) bool { return c.from == name && c.to == "" })
}

// syncedFolder drops the changes that a sync of their folder made durable.
func (f *FS) syncedFolder(dir string) {
	dir = clean(dir)
	f.forget(func(c change) bool {
		return path.Dir(c.from) == dir || (c.to != "" && path.Dir(c.to) == dir)
	})
}

func clean(name string) string { return path.Clean("/" + strings.TrimPrefix(name, "/")) }

// Create implements vfs.FS.
func (f *FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f.point("create", name)
	file, err := f.MemFS.Create(name, category)
	return f.wrap(file, name, false), f.ifDone(err, name)
}

// OpenReadWrite implements vfs.FS.
func (f *FS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f.point("open for writing", name)
	file, err := f.MemFS.OpenReadWrite(name, category, opts...)
	return f.wrap(file, name, false), f.ifDone(err, name)
}

func (f *FS) ifDone(err error, name string) error {
	if err == nil {
		f.made(name)
	}
	return err
}

// OpenDir implements vfs.FS.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	file, err := f.MemFS.OpenDir(name)
	return f.wrap(file, name, true), err
}

// Link implements vfs.FS.
func (f *FS) Link(oldname, newname string) error {
	f.point("link", newname)
	return f.ifDone(f.MemFS.Link(oldname, newname), newname)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	f.point("remove", name)
	err := f.MemFS.Remove(name)
	if err == nil {
		f.note(change{from: clean(name)})
	}
	return err
}

// RemoveAll implements vfs.FS.
func (f *FS) RemoveAll(name string) error {
	f.point("remove all", name)
	err := f.MemFS.RemoveAll(name)
	if err == nil {
		f.note(change{from: clean(name)})
	}
	return err
}

// Rename implements vfs.FS.
func (f *FS) Rename(oldname, newname string) error {
	f.point("rename", newname)
	err := f.MemFS.Rename(oldname, newname)
	if err == nil {
		f.made(newname)
		f.note(change{clean(oldname), clean(newname)})
	}
	return err
}

// ReuseForWrite implements vfs.FS.
func (f *FS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f.point("rename for writing", newname)
	file, err := f.MemFS.ReuseForWrite(oldname, newname, category)
	if err == nil {
		f.made(newname)
		f.note(change{clean(oldname), clean(newname)})
	}
	return f.wrap(file, newname, false), err
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(dir string, perm fs.FileMode) error {
	f.point("make folder", dir)
	return f.ifDone(f.MemFS.MkdirAll(dir, perm), dir)
}

// Unwrap implements vfs.FS.
func (f *FS) Unwrap() vfs.FS { return f.MemFS }

// wrap watches an open file; a nil one stays nil.
func (f *FS) wrap(file vfs.File, name string, folder bool) vfs.File {
	if file == nil {
		return nil
	}
	return &openFile{File: file, fs: f, name: name, folder: folder}
}

// openFile tells its FS of writes and syncs.
type openFile struct {
	vfs.File
	fs     *FS
	name   string
	folder bool
}

// Write implements vfs.File.
func (f *openFile) Write(p []byte) (int, error) {
	f.fs.point("write", f.name)
	return f.File.Write(p)
}

// WriteAt implements vfs.File.
func (f *openFile) WriteAt(p []byte, offset int64) (int, error) {
	f.fs.point("write", f.name)
	return f.File.WriteAt(p, offset)
}

// Sync implements vfs.File.
func (f *openFile) Sync() error {
	f.fs.point("sync", f.name)
	err := f.File.Sync()
	if err == nil && f.folder {
		f.fs.syncedFolder(f.name)
	}
	return err
}

// SyncData implements vfs.File.
func (f *openFile) SyncData() error {
	f.fs.point("sync data", f.name)
	return f.File.SyncData()
}

// SyncTo implements vfs.File.
func (f *openFile) SyncTo(length int64) (bool, error) {
	f.fs.point("sync a part", f.name)
	return f.File.SyncTo(length)
}
