// Package memory keeps object bytes in a map. It is the obviously correct model
// that other engines of package blob are compared with, and the engine of tests
// that need no disk. Nothing in it survives the process.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"sync"

	"github.com/carillon-s3/carillon/internal/blob"
)

// Store is a blob.Store in memory. It is safe for concurrent use.
type Store struct {
	incarnation uint64

	mu       sync.Mutex
	counter  uint64
	closed   bool
	contents map[blob.Ref][]byte
}

var _ blob.Store = (*Store)(nil)

// New returns an empty store whose references carry incarnation.
func New(incarnation uint64) *Store {
	return &Store{incarnation: incarnation, contents: map[blob.Ref][]byte{}}
}

// Create implements blob.Store.
func (s *Store) Create(ctx context.Context) (blob.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	s.counter++
	return &writer{store: s, ref: blob.Ref(fmt.Sprintf("%x-%x", s.incarnation, s.counter))}, nil
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, ref blob.Ref, offset, length int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	data, ok := s.contents[ref]
	if !ok {
		return nil, fmt.Errorf("blob/memory: open %q: %w", ref, blob.ErrNotFound)
	}
	size := int64(len(data))
	if offset < 0 || length < 0 || offset > size || length > size-offset {
		return nil, fmt.Errorf("blob/memory: open %s: %d bytes at %d of %d: %w",
			ref, length, offset, size, io.ErrUnexpectedEOF)
	}
	return &reader{ctx: ctx, data: bytes.NewReader(data[offset : offset+length])}, nil
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, ref blob.Ref) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	delete(s.contents, ref)
	return nil
}

// Walk implements blob.Store. It shows the store as it was when Walk began.
func (s *Store) Walk(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		s.mu.Lock()
		err := s.ready(ctx)
		contents := maps.Clone(s.contents)
		s.mu.Unlock()
		if err != nil {
			yield(blob.Info{}, err)
			return
		}
		for ref, data := range contents {
			if err := ctx.Err(); err != nil {
				yield(blob.Info{}, err)
				return
			}
			info := blob.Info{Ref: ref, Size: int64(len(data)), Incarnation: s.incarnation}
			if !yield(info, nil) {
				return
			}
		}
	}
}

// Refs implements blob.Store. What was not committed is not kept.
func (s *Store) Refs(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		for info, err := range s.Walk(ctx) {
			info.Size = 0
			if !yield(info, err) {
				return
			}
		}
	}
}

// Stored implements blob.Store.
func (s *Store) Stored(ctx context.Context, ref blob.Ref) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	return int64(len(s.contents[ref])), nil
}

// Close implements blob.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return blob.ErrClosed
	}
	return ctx.Err()
}

type writer struct {
	store *Store
	ref   blob.Ref
	data  bytes.Buffer
	done  bool
}

func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, fs.ErrClosed
	}
	return w.data.Write(p)
}

func (w *writer) Commit() (blob.Ref, error) {
	if w.done {
		return "", fs.ErrClosed
	}
	w.done = true
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.contents[w.ref] = w.data.Bytes()
	return w.ref, nil
}

func (w *writer) Abort() error {
	w.done = true
	return nil
}

type reader struct {
	ctx    context.Context // ends the reading; given to Open, as for a request
	closed bool
	data   *bytes.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, fs.ErrClosed
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.data.Read(p)
}

func (r *reader) Close() error {
	r.closed = true
	return nil
}
