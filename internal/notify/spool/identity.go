package spool

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"github.com/carillon-s3/carillon/internal/journal"
)

const (
	identityName = "spool"
	identityTemp = "spool.new"
	identityHead = "carillon spool 1"
	// maxIdentity bounds what is read of it.
	maxIdentity = 4 << 10
)

// formatIdentity writes what stands in the file spool, for people as well: a
// line each, the last with the checksum of those above.
func formatIdentity(id journal.SpoolIdentity) string {
	text := fmt.Sprintf("%s\nid %016x\nepoch %016x\ntarget %s\n", identityHead, id.ID, id.Epoch, id.Consumer)
	return text + fmt.Sprintf("sum %08x\n", crc32.Checksum([]byte(text), castagnoli()))
}

// parseIdentity reads what formatIdentity wrote, and nothing else.
func parseIdentity(text string) (id journal.SpoolIdentity, ok bool) {
	lines := strings.Split(text, "\n")
	if len(lines) != 6 {
		return id, false
	}
	var err1, err2 error
	id.ID, err1 = strconv.ParseUint(strings.TrimPrefix(lines[1], "id "), 16, 64)
	id.Epoch, err2 = strconv.ParseUint(strings.TrimPrefix(lines[2], "epoch "), 16, 64)
	id.Consumer = strings.TrimPrefix(lines[3], "target ")
	return id, err1 == nil && err2 == nil && formatIdentity(id) == text
}

// Identity implements journal.SpoolFolders.
func (f *Folders) Identity(dir string) (journal.SpoolIdentity, error) {
	text, err := f.readIdentity(dir)
	if gone(err) {
		return journal.SpoolIdentity{}, journal.ErrNoSpool
	}
	if err != nil {
		return journal.SpoolIdentity{}, fmt.Errorf("read the identity of a spool: %w", err)
	}
	id, ok := parseIdentity(text)
	if !ok {
		return id, &journal.SpoolLoss{Reason: "the file " + identityName + ", which says whose the folder is, is damaged"}
	}
	return id, nil
}

// gone reports whether an error says for certain that there is no such file.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func (f *Folders) readIdentity(dir string) (string, error) {
	file, err := f.fs.Open(f.fs.PathJoin(dir, identityName))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxIdentity))
	return string(text), errors.Join(err, file.Close())
}

// Create implements journal.SpoolFolders.
func (f *Folders) Create(dir string, id journal.SpoolIdentity) error {
	if err := f.create(dir, id); err != nil {
		return fmt.Errorf("make a spool: %w", err)
	}
	return nil
}

func (f *Folders) create(dir string, id journal.SpoolIdentity) error {
	if err := f.fs.MkdirAll(dir, folderMode); err != nil {
		return err
	}
	temp := f.fs.PathJoin(dir, identityTemp)
	file, err := f.fs.Create(temp, writeCategory)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, formatIdentity(id))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := f.fs.Rename(temp, f.fs.PathJoin(dir, identityName)); err != nil {
		return err
	}
	// Any folder above may have been made by us, now or before a crash. One that
	// we may not open was not.
	for ; ; dir = f.fs.PathDir(dir) {
		if err := f.syncDir(dir); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		if dir == f.fs.PathDir(dir) {
			return nil
		}
	}
}

func (f *Folders) syncDir(dir string) error {
	d, err := f.fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
