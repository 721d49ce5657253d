package crashfs

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func split(name string) []string {
	return strings.FieldsFunc(path.Clean("/"+name), func(r rune) bool { return r == '/' })
}

func failed(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// find returns the node of name. f.mu is held.
func (f *FS) find(op, name string) (*node, error) {
	n := f.root
	for _, part := range split(name) {
		if !n.isFolder() {
			return nil, failed(op, name, syscall.ENOTDIR)
		}
		if n = n.names[part]; n == nil {
			return nil, failed(op, name, fs.ErrNotExist)
		}
	}
	return n, nil
}

// place returns the entry of name, whose folder must exist. f.mu is held.
func (f *FS) place(op, name string) (entry, error) {
	folder, err := f.find(op, path.Dir(path.Clean("/"+name)))
	if err != nil {
		return entry{}, err
	}
	if !folder.isFolder() || path.Clean("/"+name) == "/" {
		return entry{}, failed(op, name, syscall.ENOTDIR)
	}
	return entry{folder, path.Base(path.Clean("/" + name))}, nil
}

// Create implements vfs.FS.
func (f *FS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f.point("create", name)
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.place("create", name)
	if err != nil {
		return nil, err
	}
	if old := at.folder.names[at.name]; old != nil && old.isFolder() {
		return nil, failed("create", name, syscall.EISDIR)
	}
	f.next++
	n := &node{id: f.next}
	inner, err := f.contents.Create(contentName(n.id), category)
	if err != nil {
		return nil, err
	}
	f.syncContents()
	f.apply(part{at, n})
	return &file{File: inner, fs: f, path: name}, nil
}

// Open implements vfs.FS.
func (f *FS) Open(name string, _ ...vfs.OpenOption) (vfs.File, error) {
	return f.open(name, func(id string) (vfs.File, error) { return f.contents.Open(id) })
}

func (f *FS) open(name string, inner func(id string) (vfs.File, error)) (vfs.File, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.isFolder() {
		return &folder{fs: f, node: n, path: name}, nil
	}
	file, err := inner(contentName(n.id))
	if err != nil {
		return nil, err
	}
	return f.wrap(file, name), nil
}

func (f *FS) wrap(inner vfs.File, name string) vfs.File {
	return &file{File: inner, fs: f, path: name}
}

// OpenReadWrite implements vfs.FS.
func (f *FS) OpenReadWrite(name string, category vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.open(name, func(id string) (vfs.File, error) { return f.contents.OpenReadWrite(id, category) })
	if errors.Is(err, fs.ErrNotExist) {
		return f.Create(name, category)
	}
	return file, err
}

// OpenDir implements vfs.FS.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	if _, ok := file.(*folder); !ok {
		return nil, errors.Join(failed("open", name, syscall.ENOTDIR), file.Close())
	}
	return file, nil
}

// Link implements vfs.FS.
func (f *FS) Link(oldname, newname string) error {
	f.point("link", newname)
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("link", oldname)
	if err != nil {
		return err
	}
	at, err := f.place("link", newname)
	if err != nil {
		return err
	}
	if at.folder.names[at.name] != nil {
		return failed("link", newname, fs.ErrExist)
	}
	f.apply(part{at, n})
	return nil
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	f.point("remove", name)
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.place("remove", name)
	if err != nil {
		return err
	}
	n := at.folder.names[at.name]
	if n == nil {
		return failed("remove", name, fs.ErrNotExist)
	}
	if len(n.names) > 0 {
		return failed("remove", name, syscall.ENOTEMPTY)
	}
	f.apply(part{at, nil})
	return nil
}

// RemoveAll implements vfs.FS, as one removal after the other.
func (f *FS) RemoveAll(name string) error {
	names, err := f.List(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil:
		for _, child := range names {
			if err := f.RemoveAll(path.Join(name, child)); err != nil {
				return err
			}
		}
	}
	if err := f.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Rename implements vfs.FS.
func (f *FS) Rename(oldname, newname string) error {
	f.point("rename", oldname)
	f.mu.Lock()
	defer f.mu.Unlock()
	from, err := f.place("rename", oldname)
	if err != nil {
		return err
	}
	to, err := f.place("rename", newname)
	if err != nil {
		return err
	}
	n := from.folder.names[from.name]
	if n == nil {
		return failed("rename", oldname, fs.ErrNotExist)
	}
	if from == to {
		return nil
	}
	f.apply(part{from, nil}, part{to, n})
	return nil
}

// ReuseForWrite implements vfs.FS.
func (f *FS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.Rename(oldname, newname); err != nil {
		return nil, err
	}
	return f.OpenReadWrite(newname, category)
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(name string, _ fs.FileMode) error {
	f.point("mkdir", name)
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.root
	for _, p := range split(name) {
		if !n.isFolder() {
			return failed("mkdir", name, syscall.ENOTDIR)
		}
		child := n.names[p]
		if child == nil {
			child = newFolder()
			f.apply(part{entry{n, p}, child})
		}
		n = child
	}
	if !n.isFolder() {
		return failed("mkdir", name, syscall.ENOTDIR)
	}
	return nil
}

// List implements vfs.FS.
func (f *FS) List(name string) ([]string, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n, err := f.find("list", name)
	if err != nil {
		return nil, err
	}
	if !n.isFolder() {
		return nil, failed("list", name, syscall.ENOTDIR)
	}
	names := make([]string, 0, len(n.names))
	for child := range n.names {
		names = append(names, child)
	}
	return names, nil
}

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (vfs.FileInfo, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return file.Stat()
}

// Lock implements vfs.FS.
func (f *FS) Lock(name string) (io.Closer, error) {
	f.mu.Lock()
	held := f.locks[name]
	f.locks[name] = true
	f.mu.Unlock()
	if held {
		return nil, syscall.EAGAIN
	}
	l := &lock{fs: f, name: name}
	file, err := f.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

type lock struct {
	fs   *FS
	name string
}

// Close implements io.Closer.
func (l *lock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	delete(l.fs.locks, l.name)
	return nil
}

// PathBase implements vfs.FS.
func (*FS) PathBase(p string) string { return path.Base(p) }

// PathJoin implements vfs.FS.
func (*FS) PathJoin(elem ...string) string { return path.Join(elem...) }

// PathDir implements vfs.FS.
func (*FS) PathDir(p string) string { return path.Dir(p) }

// GetDiskUsage implements vfs.FS: it is not known.
func (*FS) GetDiskUsage(string) (vfs.DiskUsage, error) { return vfs.DiskUsage{}, vfs.ErrUnsupported }

// Unwrap implements vfs.FS.
func (*FS) Unwrap() vfs.FS { return nil }
