package pebble

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	formatFile    = "FORMAT"
	formatTemp    = "FORMAT.tmp"
	formatVersion = 1
	// minimumReader is the oldest version that can read what this one writes.
	minimumReader = 1
	// maxFormatBytes bounds what is read of a file that claims to be ours.
	maxFormatBytes = 64 << 10
)

// Errors of Open. Their texts say what to do.
var (
	// ErrInUse says that another process, or this one, has the folder open.
	ErrInUse = errors.New("kv/pebble: folder is in use")
	// ErrNewerFormat says that a later version of Carillon wrote the folder.
	ErrNewerFormat = errors.New("kv/pebble: folder was written by a newer version")
	// ErrNotAStore says that the folder holds something else, or a store that
	// has lost files.
	ErrNotAStore = errors.New("kv/pebble: folder is not a complete store")
	// ErrDamaged says that the format record does not match its checksum.
	ErrDamaged = errors.New("kv/pebble: format record is damaged")
)

// Format is the format record of a store: a line of JSON, and a line with the
// CRC-32C of the first as 8 hex digits.
type Format struct {
	// Version is that of the code that wrote the store.
	Version int `json:"version"`
	// MinReader is the oldest version that may open it.
	MinReader int `json:"min_reader"`
	// Epoch is 64 random bits, in hex since JSON numbers are floats to many.
	Epoch string `json:"epoch"`
	// Created is when the folder was formatted.
	Created time.Time `json:"created"`
	// Ready is false until the store has been opened once: only then may
	// Pebble's files be missing.
	Ready bool `json:"ready"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (f Format) encode() ([]byte, error) {
	line, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%s\n%08x\n", line, crc32.Checksum(line, castagnoli)), nil
}

// decodeFormat checks everything that the rest of the package relies on.
func decodeFormat(data []byte) (Format, error) {
	line, sum, ok := bytes.Cut(data, []byte("\n"))
	if !ok || !bytes.Equal(sum, fmt.Appendf(nil, "%08x\n", crc32.Checksum(line, castagnoli))) {
		return Format{}, fmt.Errorf("%w: restore the file %s from a backup", ErrDamaged, formatFile)
	}
	var f Format
	if err := json.Unmarshal(line, &f); err != nil {
		return Format{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if f.MinReader > formatVersion {
		return Format{}, fmt.Errorf("%w: it needs version %d of the format, this is %d; start a newer Carillon",
			ErrNewerFormat, f.MinReader, formatVersion)
	}
	if _, err := f.epoch(); err != nil || f.Version < 1 || f.MinReader < 1 {
		return Format{}, fmt.Errorf("%w: a field is out of range", ErrDamaged)
	}
	return f, nil
}

func (f Format) epoch() (uint64, error) { return strconv.ParseUint(f.Epoch, 16, 64) }

// readFormat returns nil without an error if there is no record.
func readFormat(fs vfs.FS, dir string) (*Format, error) {
	file, err := fs.Open(fs.PathJoin(dir, formatFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(file, maxFormatBytes))
	if err != nil {
		return nil, err
	}
	f, err := decodeFormat(data)
	if err != nil {
		return nil, err
	}
	return &f, nil
}

// writeFormat replaces the record; a crash leaves the old one or the new.
func writeFormat(fs vfs.FS, dir string, f Format) error {
	data, err := f.encode()
	if err != nil {
		return err
	}
	temp := fs.PathJoin(dir, formatTemp)
	if err := writeFile(fs, temp, data); err != nil {
		return err
	}
	if err := fs.Rename(temp, fs.PathJoin(dir, formatFile)); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

func writeFile(fs vfs.FS, name string, data []byte) error {
	file, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
