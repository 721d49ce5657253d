package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/blob"
)

// Options says where a Store keeps its files.
type Options struct {
	// Dir is created if missing. Several processes may share it, as long as
	// their incarnations differ.
	Dir string
	// FS is the file system; nil means that of the operating system.
	FS vfs.FS
	// Incarnation is unique to this opening (kv.Store.Incarnation).
	Incarnation uint64
}

// Store is a blob.Store of files. It is safe for concurrent use.
type Store struct {
	fs          vfs.FS
	dir         string
	incarnation uint64
	counter     atomic.Uint64
	closed      atomic.Bool
	// buffers holds *[]byte of bufferSize, used by writers and readers.
	buffers sync.Pool
}

var _ blob.Store = (*Store)(nil)

// bufferBlocks is how many blocks one system call writes or reads. Four
// (256 KiB) is where a 10 MiB object stops getting faster; every open reader
// and writer holds that much.
const bufferBlocks = 4

const bufferSize = 2*sealSize + bufferBlocks*frameSize

// Open opens the store in o.Dir. At the first opening it makes the folders,
// durably. It is cheap later.
func Open(o Options) (*Store, error) {
	s := &Store{fs: o.FS, dir: o.Dir, incarnation: o.Incarnation}
	if s.fs == nil {
		s.fs = vfs.Default
	}
	s.buffers.New = func() any {
		b := make([]byte, bufferSize)
		return &b
	}
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("blob/file: open %s: %w", o.Dir, err)
	}
	return s, nil
}

// Create implements blob.Store.
func (s *Store) Create(ctx context.Context) (blob.Writer, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	w, err := s.newWriter(id{s.incarnation, s.counter.Add(1)})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, ref blob.Ref, offset, length int64) (io.ReadCloser, error) {
	if s.closed.Load() {
		return nil, blob.ErrClosed
	}
	r, err := s.newReader(ctx, ref, offset, length)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, ref blob.Ref) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	id, ok := parseRef(ref)
	if !ok {
		return nil
	}
	if err := s.fs.Remove(s.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob/file: delete %s: %w", ref, err)
	}
	return nil
}

// Close implements blob.Store. Writers and readers that are open can finish.
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

// ready says whether the store is open and ctx has not ended.
func (s *Store) ready(ctx context.Context) error {
	if s.closed.Load() {
		return blob.ErrClosed
	}
	return ctx.Err()
}

func (s *Store) path(i id) string {
	return s.fs.PathJoin(s.dir, i.folder(), string(i.ref()))
}
