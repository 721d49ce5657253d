package memory

import (
	"bytes"
	"slices"

	"github.com/carillon-s3/carillon/internal/kv"
)

// entry is one key. Entries are immutable: a write puts a new one in place.
type entry struct {
	key      []byte
	value    []byte
	revision uint64
}

func (e *entry) item(at kv.Version, keysOnly bool) kv.Item {
	it := kv.Item{Revision: e.revision, ReadAt: at}
	if !keysOnly {
		it.Value = e.value
	}
	return it
}

// sorted is a map as a slice in key order.
type sorted []*entry

func (s sorted) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(s, key, func(e *entry, k []byte) int {
		return bytes.Compare(e.key, k)
	})
}

func (s sorted) get(key []byte, at kv.Version) kv.Item {
	i, ok := s.find(key)
	if !ok {
		return kv.Item{ReadAt: at}
	}
	return s[i].item(at, false)
}

func (s sorted) set(e *entry) sorted {
	i, ok := s.find(e.key)
	if ok {
		s[i] = e
		return s
	}
	return slices.Insert(s, i, e)
}

func (s sorted) remove(key []byte) sorted {
	i, ok := s.find(key)
	if !ok {
		return s
	}
	return slices.Delete(s, i, i+1)
}

// between returns the entries with start <= key < end.
func (s sorted) between(start, end []byte) sorted {
	lo, _ := s.find(start)
	hi := len(s)
	if end != nil {
		hi, _ = s.find(end)
	}
	if lo >= hi {
		return nil
	}
	return s[lo:hi]
}

// group returns the prefix of key that r's delimiter makes a group of it.
func group(key []byte, r kv.Range) ([]byte, bool) {
	if len(r.Delimiter) == 0 || len(key) < r.DelimiterFrom {
		return nil, false
	}
	i := bytes.Index(key[r.DelimiterFrom:], r.Delimiter)
	if i < 0 {
		return nil, false
	}
	return key[:r.DelimiterFrom+i+len(r.Delimiter)], true
}

// scan yields the entries of r. It looks at every key, and drops those of a
// group that was already yielded: slow, and plainly right.
func (s sorted) scan(r kv.Range, at kv.Version, yield func(kv.Entry) bool) {
	in := s.between(r.Start, r.End)
	var last []byte
	for n := range in {
		e := in[n]
		if r.Reverse {
			e = in[len(in)-1-n]
		}
		g, grouped := group(e.key, r)
		if grouped && last != nil && bytes.Equal(g, last) {
			continue
		}
		out := kv.Entry{Key: bytes.Clone(e.key)}
		if grouped {
			last = g
			out.Key, out.Group = bytes.Clone(g), true
		} else {
			last = nil
			out.Item = e.item(at, r.KeysOnly)
		}
		if !yield(out) {
			return
		}
	}
}
