package pebble

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Get implements kv.Reader.
func (s *Store) Get(ctx context.Context, key []byte) (kv.Item, error) {
	if err := ctx.Err(); err != nil {
		return kv.Item{}, err
	}
	d, err := s.lease()
	if err != nil {
		return kv.Item{}, err
	}
	item, err := d.get(key)
	d.release()
	return item, err
}

// Scan implements kv.Reader. All it yields is of one moment.
func (s *Store) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Entry, error] {
	return func(yield func(kv.Entry, error) bool) {
		d, err := s.lease()
		if err != nil {
			yield(kv.Entry{}, err)
			return
		}
		defer d.release()
		d.scan(ctx, r, yield)
	}
}

// View implements kv.Store.
func (s *Store) View(ctx context.Context) (kv.View, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, err := s.lease()
	if err != nil {
		return nil, err
	}
	return &view{d: d}, nil
}

// view is a lease in the hands of a caller.
type view struct{ d *durable }

// Get implements kv.Reader.
func (v *view) Get(ctx context.Context, key []byte) (kv.Item, error) {
	if err := errors.Join(ctx.Err(), v.d.store.ended()); err != nil {
		return kv.Item{}, err
	}
	return v.d.get(key)
}

// Scan implements kv.Reader.
func (v *view) Scan(ctx context.Context, r kv.Range) iter.Seq2[kv.Entry, error] {
	return func(yield func(kv.Entry, error) bool) { v.d.scan(ctx, r, yield) }
}

// Close implements kv.View. A second call does nothing.
func (v *view) Close() {
	if v.d != nil {
		v.d.release()
		v.d = nil
	}
}

func (d *durable) get(key []byte) (kv.Item, error) {
	stored, closer, err := d.snapshot.Get(appendMapKey(make([]byte, 0, len(key)+1), key))
	if errors.Is(err, pebble.ErrNotFound) {
		return kv.Item{ReadAt: d.version}, nil
	}
	if err != nil {
		return kv.Item{}, err
	}
	revision, value, err := splitHeader(stored)
	if err == nil {
		value = append(make([]byte, 0, len(value)), value...)
	}
	if err := errors.Join(err, closer.Close()); err != nil {
		return kv.Item{}, err
	}
	return kv.Item{Value: value, Revision: revision, ReadAt: d.version}, nil
}

func (d *durable) scan(ctx context.Context, r kv.Range, yield func(kv.Entry, error) bool) {
	if r.End != nil && bytes.Compare(r.Start, r.End) >= 0 {
		return
	}
	end := []byte{prefixMap + 1}
	if r.End != nil {
		end = appendMapKey(nil, r.End)
	}
	it, err := d.snapshot.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: appendMapKey(nil, r.Start),
		UpperBound: end,
	})
	if err != nil {
		yield(kv.Entry{}, err)
		return
	}
	s := scanner{it: it, r: r, version: d.version}
	more := true
	for ok := s.first(); ok && more; ok = s.next() {
		var e kv.Entry
		if err = errors.Join(ctx.Err(), d.store.ended()); err == nil {
			e, err = s.entry()
		}
		if err != nil {
			break
		}
		more = yield(e, nil)
	}
	if err = errors.Join(err, it.Close()); err != nil && more {
		yield(kv.Entry{}, err)
	}
}

// scanner walks an iterator as a Range asks for.
type scanner struct {
	it      *pebble.Iterator
	r       kv.Range
	version kv.Version
	group   []byte // the stored prefix of the group at hand; empty outside one
}

func (s *scanner) first() bool {
	if s.r.Reverse {
		return s.it.Last()
	}
	return s.it.First()
}

func (s *scanner) next() bool {
	switch {
	case len(s.group) > 0 && s.r.Reverse:
		return s.it.SeekLT(s.group)
	case len(s.group) > 0:
		return s.it.SeekGE(kv.PrefixEnd(s.group))
	case s.r.Reverse:
		return s.it.Prev()
	default:
		return s.it.Next()
	}
}

// entry copies what the iterator stands on.
func (s *scanner) entry() (kv.Entry, error) {
	stored := s.it.Key()
	key := stored[1:]
	if n := s.groupBytes(key); n > 0 {
		s.group = append(s.group[:0], stored[:1+n]...)
		return kv.Entry{Key: bytes.Clone(key[:n]), Group: true}, nil
	}
	s.group = s.group[:0]
	raw, err := s.it.ValueAndErr()
	if err != nil {
		return kv.Entry{}, err
	}
	revision, value, err := splitHeader(raw)
	if err != nil {
		return kv.Entry{}, err
	}
	e := kv.Entry{Item: kv.Item{Revision: revision, ReadAt: s.version}}
	if s.r.KeysOnly {
		e.Key = bytes.Clone(key)
		return e, nil
	}
	both := append(append(make([]byte, 0, len(key)+len(value)), key...), value...)
	e.Key, e.Item.Value = both[:len(key):len(key)], both[len(key):]
	return e, nil
}

// groupBytes is the length of the prefix that makes key a member of a group, 0
// if it is in none.
func (s *scanner) groupBytes(key []byte) int {
	if len(s.r.Delimiter) == 0 || len(key) < s.r.DelimiterFrom {
		return 0
	}
	i := bytes.Index(key[s.r.DelimiterFrom:], s.r.Delimiter)
	if i < 0 {
		return 0
	}
	return s.r.DelimiterFrom + i + len(s.r.Delimiter)
}
