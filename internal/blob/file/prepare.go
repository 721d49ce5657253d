package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

const (
	formatName = "format"
	formatText = "carillon blob/file 1\n"
	// folderMode keeps object bytes from other users of the machine.
	folderMode os.FileMode = 0o700
)

// prepare makes the folders unless the format file says that they are there.
func (s *Store) prepare() error {
	text, err := s.readFormat()
	switch {
	case err == nil && text == formatText:
		return nil
	case err == nil:
		return fmt.Errorf("%s says %q: written by another version", formatName, text)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := s.fs.MkdirAll(s.dir, folderMode); err != nil {
		return err
	}
	for n := range 256 {
		folder := s.fs.PathJoin(s.dir, folderName(byte(n)))
		if err := s.fs.MkdirAll(folder, folderMode); err != nil {
			return err
		}
		if err := s.syncDir(folder); err != nil {
			return err
		}
	}
	if err := s.syncAncestors(); err != nil {
		return err
	}
	return s.writeFormat()
}

// syncAncestors syncs the directory and all above it: any of them may have been
// made by us, now or in an opening that a crash cut short. One that we may not
// open was not made by us.
func (s *Store) syncAncestors() error {
	for dir := s.dir; ; dir = s.fs.PathDir(dir) {
		if err := s.syncDir(dir); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		if dir == s.fs.PathDir(dir) {
			return nil
		}
	}
}

func (s *Store) syncDir(dir string) error {
	d, err := s.fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) readFormat() (string, error) {
	f, err := s.fs.Open(s.fs.PathJoin(s.dir, formatName))
	if err != nil {
		return "", err
	}
	// Long enough for any version's text to be shown in the error.
	text, err := io.ReadAll(io.LimitReader(f, 128))
	return string(text), errors.Join(err, f.Close())
}

func (s *Store) writeFormat() error {
	name := s.fs.PathJoin(s.dir, formatName)
	f, err := s.fs.Create(name+".new", writeCategory)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(formatText))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := s.fs.Rename(name+".new", name); err != nil {
		return err
	}
	return s.syncDir(s.dir)
}
