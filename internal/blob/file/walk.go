package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/carillon-s3/carillon/internal/blob"
)

// Refs implements blob.Store. It keeps the names of one folder in memory, a
// 256th of all. Files whose names are no references are passed over.
func (s *Store) Refs(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		for n := range 256 {
			if err := s.ready(ctx); err != nil {
				yield(blob.Info{}, err)
				return
			}
			names, err := s.fs.List(s.fs.PathJoin(s.dir, folderName(byte(n))))
			if err != nil {
				yield(blob.Info{}, fmt.Errorf("blob/file: list: %w", err))
				return
			}
			for _, name := range names {
				id, ok := parseRef(blob.Ref(name))
				if !ok {
					continue
				}
				if err := s.ready(ctx); err != nil {
					yield(blob.Info{}, err)
					return
				}
				if !yield(blob.Info{Ref: id.ref(), Incarnation: id.incarnation}, nil) {
					return
				}
			}
		}
	}
}

// Walk implements blob.Store.
func (s *Store) Walk(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		for info, err := range s.Refs(ctx) {
			if err == nil {
				id, _ := parseRef(info.Ref)
				info.Size, err = s.size(id)
			}
			switch {
			case errors.Is(err, blob.ErrNotFound):
				continue // deleted since the folder was listed
			case err == nil || errors.Is(err, blob.ErrCorrupt):
				if !yield(info, err) {
					return
				}
			default:
				yield(blob.Info{}, fmt.Errorf("blob/file: walk: %w", err))
				return
			}
		}
	}
}

// Stored implements blob.Store.
func (s *Store) Stored(ctx context.Context, ref blob.Ref) (int64, error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	id, ok := parseRef(ref)
	if !ok {
		return 0, nil
	}
	stat, err := s.fs.Stat(s.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("blob/file: %s: %w", ref, err)
	}
	return stat.Size(), nil
}
