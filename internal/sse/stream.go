package sse

import (
	"errors"
	"fmt"
	"io"

	"github.com/minio/sio"
)

const (
	// packageBytes is the plain length of every package of a stream but the last,
	// and overhead what each costs: its header and its tag (DARE 2.0).
	packageBytes = 64 << 10
	overhead     = 32
)

// StoredSize is the length of the encrypted form of size bytes. Nothing stays
// nothing.
func StoredSize(size int64) int64 {
	return size + (size+packageBytes-1)/packageBytes*overhead
}

// StreamKey encrypts one stream. The packages of a stream are numbered and the
// last is marked, so that none can be left out, repeated, moved or cut off.
type StreamKey struct{ secret []byte }

// String hides the key, whatever is done with it.
func (StreamKey) String() string { return "(a key)" }

// GoString hides the key.
func (StreamKey) GoString() string { return "(a key)" }

func (k StreamKey) config(first uint32) sio.Config {
	return sio.Config{MinVersion: sio.Version20, Key: k.secret, SequenceNumber: first}
}

// Writer encrypts what is written to it, into w. Close ends the stream, and not w.
func (k StreamKey) Writer(w io.Writer) (io.WriteCloser, error) {
	return sio.EncryptWriter(struct{ io.Writer }{w}, k.config(0)) // which would close w
}

// Encrypt encrypts a stream in memory.
func (k StreamKey) Encrypt(plain []byte) ([]byte, error) {
	if len(plain) == 0 {
		return nil, nil
	}
	out := &sink{data: make([]byte, 0, StoredSize(int64(len(plain))))}
	w, err := k.Writer(out)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(plain)
	return out.data, errors.Join(err, w.Close())
}

type sink struct{ data []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.data = append(s.data, p...)
	return len(p), nil
}

// Opener opens length stored bytes from offset on.
type Opener func(offset, length int64) (io.ReadCloser, error)

// Open decrypts length bytes, from offset on, of a stream of size plain bytes. It
// reads the packages that they lie in and no others. Damage that is found on the
// way ends the reading with ErrCorrupt. A range beyond the end gives
// io.ErrUnexpectedEOF.
func (k StreamKey) Open(stored Opener, size, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < 0 || offset+length > size {
		return nil, fmt.Errorf("sse: read %d bytes at %d of %d: %w", length, offset, size, io.ErrUnexpectedEOF)
	}
	if length == 0 {
		return io.NopCloser(eof{}), nil
	}
	first, last := offset/packageBytes, (offset+length-1)/packageBytes
	from := first * (packageBytes + overhead)
	to := min((last+1)*(packageBytes+overhead), StoredSize(size))
	source, err := stored(from, to-from)
	if err != nil {
		return nil, err
	}
	plain, err := sio.DecryptReader(source, k.config(uint32(first))) //nolint:gosec // s3.MaxObjectBytes bounds it
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return &reader{
		source: source, plain: plain, skip: offset - first*packageBytes, left: length,
		whole: offset+length == size,
	}, nil
}

// eof is nothing.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// reader gives the bytes of a range. Not safe for concurrent use.
type reader struct {
	source io.ReadCloser
	plain  io.Reader
	skip   int64 // bytes before the range, in its first package
	left   int64
	// whole says that the range reaches the end of the stream: nothing may follow.
	whole bool
	err   error
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.skip > 0 {
		if _, err := io.CopyN(io.Discard, r.plain, r.skip); err != nil {
			return 0, r.fail(err)
		}
		r.skip = 0
	}
	if r.left == 0 {
		return 0, r.end()
	}
	n, err := r.plain.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	switch {
	case n > 0 || len(p) == 0:
		return n, nil // the same error comes again
	case err != nil:
		return 0, r.fail(err)
	}
	return 0, nil
}

// end makes sure that a range up to the end of its stream ended where the stream
// does.
func (r *reader) end() error {
	r.err = io.EOF
	if r.whole {
		var one [1]byte
		if n, err := r.plain.Read(one[:]); n > 0 || !errors.Is(err, io.EOF) {
			return r.fail(err)
		}
	}
	return r.err
}

// fail tells damage from errors of the source.
func (r *reader) fail(err error) error {
	var damage sio.Error
	switch {
	case errors.As(err, &damage):
		r.err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.err = fmt.Errorf("%w: its length is wrong", ErrCorrupt)
	default:
		r.err = err
	}
	return r.err
}

// WriteTo implements io.WriterTo: a package at a time goes to w.
func (r *reader) WriteTo(w io.Writer) (written int64, err error) {
	buf := make([]byte, min(r.left, packageBytes))
	for {
		n, err := r.Read(buf)
		if n > 0 {
			m, err := w.Write(buf[:n])
			written += int64(m)
			if err != nil {
				return written, err
			}
		}
		if errors.Is(err, io.EOF) {
			return written, nil
		}
		if err != nil {
			return written, err
		}
	}
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.source.Close() }
