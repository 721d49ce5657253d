package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/blob"
)

const writeCategory vfs.DiskWriteCategory = "carillon-blob"

// writer writes one file.
type writer struct {
	store *Store
	id    id
	file  vfs.File
	// buffer holds what is not yet written: whole blocks, then the current one
	// from blockStart on.
	buffer     []byte
	blockStart int
	block      int64 // number of the current block
	size       int64
	err        error
	// kept says that the file is to stay: committed, or unsure.
	kept bool
}

var errFinished = errors.New("blob/file: writer is finished")

func (s *Store) newWriter(id id) (*writer, error) {
	path := s.path(id)
	// vfs.FS.Create would replace what is there. It cannot be there, unless an
	// incarnation was used twice; then nothing may be lost by it.
	_, err := s.fs.Stat(path)
	if err == nil {
		err = fs.ErrExist
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob/file: create %s: %w", id.ref(), err)
	}
	file, err := s.fs.Create(path, writeCategory)
	if err != nil {
		return nil, fmt.Errorf("blob/file: create %s: %w", id.ref(), spaceError(err))
	}
	w := &writer{store: s, id: id, file: file, buffer: (*s.buffers.Get().(*[]byte))[:0]}
	w.buffer = appendSeal(w.buffer, headerMagic, headerWord, id)
	w.blockStart = len(w.buffer)
	return w, nil
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (n int, err error) {
	for n < len(p) && w.err == nil {
		start := len(w.buffer)
		room := w.blockStart + blockSize - start
		k := min(room, len(p)-n)
		w.buffer = append(w.buffer, p[n:n+k]...)
		n += k
		if k == room {
			w.endBlock()
		}
	}
	w.size += int64(n)
	return n, w.err
}

// endBlock closes the current block with its checksum, and writes the buffer
// out unless another block and a trailer fit.
func (w *writer) endBlock() {
	sum := blockSum(w.id, w.block, w.buffer[w.blockStart:])
	w.buffer = binary.BigEndian.AppendUint32(w.buffer, sum)
	w.blockStart = len(w.buffer)
	w.block++
	if len(w.buffer)+frameSize+sealSize > bufferSize {
		w.flush()
	}
}

func (w *writer) flush() {
	if _, err := w.file.Write(w.buffer); err != nil {
		w.fail("write", err)
	}
	w.buffer, w.blockStart = w.buffer[:0], 0
}

func (w *writer) fail(what string, err error) {
	w.err = fmt.Errorf("blob/file: %s %s: %w", what, w.id.ref(), spaceError(err))
}

// spaceError marks the errors that say that the disk or a quota is full.
func spaceError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", blob.ErrNoSpace, err)
	}
	return err
}

// Commit implements blob.Writer.
func (w *writer) Commit() (blob.Ref, error) {
	if w.err != nil {
		return "", w.err
	}
	if len(w.buffer) > w.blockStart {
		w.endBlock()
	}
	w.buffer = appendSeal(w.buffer, trailerMagic, uint64(w.size), w.id)
	w.flush()
	if w.err != nil {
		return "", w.err
	}
	// The folder is opened first, so that want of descriptors is a plain
	// failure rather than a doubt.
	folder, err := w.store.fs.OpenDir(w.store.fs.PathJoin(w.store.dir, w.id.folder()))
	if err != nil {
		w.fail("open folder of", err)
		return "", w.err
	}
	err = w.file.Sync()
	if err == nil {
		err = w.closeFile()
	}
	if err == nil {
		err = folder.Sync()
	}
	err = errors.Join(err, folder.Close())
	w.kept = true
	if err != nil {
		w.fail("sync", fmt.Errorf("%w: %w", blob.ErrUnsure, err))
		return "", errors.Join(w.err, w.closeFile())
	}
	w.err = errFinished
	return w.id.ref(), nil
}

// Abort implements blob.Writer.
func (w *writer) Abort() error {
	err := w.closeFile()
	w.err = errFinished
	if w.kept {
		return nil
	}
	w.kept = true
	if removed := w.store.fs.Remove(w.store.path(w.id)); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if err != nil {
		return fmt.Errorf("blob/file: abort %s: %w", w.id.ref(), err)
	}
	return nil
}

// closeFile closes the file and gives the buffer back, once.
func (w *writer) closeFile() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	w.store.putBuffer(w.buffer)
	w.file, w.buffer = nil, nil
	return err
}

func (s *Store) putBuffer(b []byte) {
	b = b[:bufferSize]
	s.buffers.Put(&b)
}
