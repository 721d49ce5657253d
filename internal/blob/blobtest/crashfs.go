package blobtest

import (
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// lie is a sync that reports success and does nothing.
type lie int

const (
	honest lie = iota
	noFileSync
	noFolderSync
)

// crashFS calls after whenever an operation has changed the file system; its
// error becomes the operation's. It covers the operations that engines use.
type crashFS struct {
	vfs.FS
	lie   lie
	after func() error
}

func (f *crashFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	if err != nil {
		return nil, err
	}
	return &crashFile{File: file, fs: f, hollow: noFileSync}, f.after()
}

func (f *crashFS) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &crashFile{File: file, fs: f, hollow: noFolderSync}, nil
}

func (f *crashFS) MkdirAll(name string, perm fs.FileMode) error {
	if err := f.FS.MkdirAll(name, perm); err != nil {
		return err
	}
	return f.after()
}

func (f *crashFS) Rename(from, to string) error {
	if err := f.FS.Rename(from, to); err != nil {
		return err
	}
	return f.after()
}

func (f *crashFS) Remove(name string) error {
	if err := f.FS.Remove(name); err != nil {
		return err
	}
	return f.after()
}

type crashFile struct {
	vfs.File
	fs *crashFS
	// hollow is the lie that takes this file's Sync away.
	hollow lie
}

func (f *crashFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.fs.after()
}

func (f *crashFile) Sync() error {
	if f.fs.lie == f.hollow {
		return nil
	}
	if err := f.File.Sync(); err != nil {
		return err
	}
	return f.fs.after()
}
