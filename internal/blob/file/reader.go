package file

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/blob"
)

// reader returns a range of one file's contents.
type reader struct {
	ctx   context.Context // ends the reading; given to Open, as for a request
	store *Store
	id    id
	file  vfs.File
	size  int64 // of the contents
	// pos and end bound what is still to be returned, in content bytes.
	pos, end int64
	buffer   []byte // of the pool
	// data is in buffer, was verified, and is not yet returned.
	data []byte
	err  error
}

func (s *Store) newReader(ctx context.Context, ref blob.Ref, offset, length int64) (*reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	id, ok := parseRef(ref)
	if !ok {
		return nil, fmt.Errorf("blob/file: open %q: %w", ref, blob.ErrNotFound)
	}
	file, size, err := s.openFile(id)
	if err != nil {
		return nil, err
	}
	if offset < 0 || length < 0 || offset > size || length > size-offset {
		return nil, errors.Join(file.Close(), fmt.Errorf("blob/file: open %s: %d bytes at %d of %d: %w",
			ref, length, offset, size, io.ErrUnexpectedEOF))
	}
	return &reader{
		ctx: ctx, store: s, id: id, file: file, size: size,
		pos: offset, end: offset + length,
		buffer: *s.buffers.Get().(*[]byte),
	}, nil
}

// size returns the number of content bytes of a file.
func (s *Store) size(id id) (int64, error) {
	file, size, err := s.openFile(id)
	if err != nil {
		return 0, err
	}
	return size, file.Close()
}

// openFile opens a file and learns its size from the trailer, which must agree
// with the file's length.
func (s *Store) openFile(id id) (_ vfs.File, size int64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("blob/file: open %s: %w", id.ref(), err)
		}
	}()
	file, err := s.fs.Open(s.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, blob.ErrNotFound
	}
	if err != nil {
		return nil, 0, err
	}
	if size, err = readTrailer(file, id); err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, size, nil
}

func readTrailer(file vfs.File, id id) (size int64, err error) {
	stat, err := file.Stat()
	if err != nil {
		return 0, err
	}
	at := stat.Size() - sealSize
	if at < sealSize {
		return 0, fmt.Errorf("%d bytes long: %w", stat.Size(), blob.ErrCorrupt)
	}
	var trailer [sealSize]byte
	if err := readFull(file, trailer[:], at); err != nil {
		return 0, err
	}
	word, err := openSeal(trailer[:], trailerMagic, id)
	if err != nil {
		return 0, err
	}
	size = int64(word)
	if size < 0 || size > stat.Size() || trailerOffset(size) != at {
		return 0, fmt.Errorf("%d bytes long with %d of contents: %w", stat.Size(), size, blob.ErrCorrupt)
	}
	if size > 0 {
		return size, nil // the header is read with the first block
	}
	var header [sealSize]byte
	if err := readFull(file, header[:], 0); err != nil {
		return 0, err
	}
	return 0, checkHeader(header[:], id)
}

// readFull reads all of p; a file that ends before is damaged.
func readFull(file vfs.File, p []byte, at int64) error {
	n, err := file.ReadAt(p, at)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("file ends at %d: %w", at+int64(n), blob.ErrCorrupt)
	default:
		return err
	}
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.data) == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// WriteTo implements io.WriterTo, which spares io.Copy a buffer.
func (r *reader) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if len(r.data) == 0 {
			if err := r.next(); errors.Is(err, io.EOF) {
				return written, nil
			} else if err != nil {
				return written, err
			}
		}
		n, err := w.Write(r.data)
		written += int64(n)
		r.data = r.data[n:]
		if err != nil {
			return written, err
		}
	}
}

// next reads and verifies the next blocks and makes them data. Its first error
// stays.
func (r *reader) next() error {
	if r.err != nil {
		return r.err
	}
	if r.pos == r.end {
		r.err = io.EOF
		return r.err
	}
	if err := r.advance(); err != nil {
		r.err = fmt.Errorf("blob/file: read %s: %w", r.id.ref(), err)
	}
	return r.err
}

// advance reads the next blocks of the range, as many as fit the buffer.
func (r *reader) advance() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	first := r.pos / blockSize
	last := min((r.end-1)/blockSize, first+bufferBlocks-1)
	frames, err := r.fetch(first, last)
	if err != nil {
		return err
	}
	data, err := r.verify(frames, first)
	if err != nil {
		return err
	}
	start := first * blockSize
	stop := min(r.end, start+int64(len(data)))
	r.data = data[r.pos-start : stop-start]
	r.pos = stop
	return nil
}

// fetch reads the frames of blocks first to last, and with the first of all the
// header, which it verifies.
func (r *reader) fetch(first, last int64) ([]byte, error) {
	from := blockOffset(first)
	to := blockOffset(last) + blockLength(last, r.size) + sumSize
	if first > 0 {
		frames := r.buffer[:to-from]
		return frames, readFull(r.file, frames, from)
	}
	if err := readFull(r.file, r.buffer[:to], 0); err != nil {
		return nil, err
	}
	return r.buffer[sealSize:to], checkHeader(r.buffer[:sealSize], r.id)
}

// verify checks every block of frames, the first of them being number block,
// and moves their data together over the checksums: one write of 256 KiB to a
// connection costs less than four of 64 and the move.
func (r *reader) verify(frames []byte, block int64) ([]byte, error) {
	data := frames[:0]
	for len(frames) > 0 {
		length := blockLength(block, r.size)
		content, sum := frames[:length], frames[length:length+sumSize]
		if binary.BigEndian.Uint32(sum) != blockSum(r.id, block, content) {
			return nil, fmt.Errorf("block %d does not verify: %w", block, blob.ErrCorrupt)
		}
		data = append(data, content...)
		frames = frames[length+sumSize:]
		block++
	}
	return data, nil
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.store.putBuffer(r.buffer)
	r.file, r.buffer, r.data = nil, nil, nil
	r.err = fs.ErrClosed
	return err
}
