package kvtest

import (
	"context"
	"errors"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

// require tries a commit that requires seen of k, and also writes "marker".
func require(t *testing.T, s kv.Store, seen kv.Item) error {
	t.Helper()
	var b kv.Batch
	b.Require([]byte("k"), seen)
	b.Set([]byte("marker"), []byte("x"))
	b.Append(1, []byte("x"))
	_, err := s.Commit(context.Background(), &b)
	return err
}

func requireCases() []contractCase {
	type step struct {
		name   string
		before func(*testing.T, kv.Store)
		after  func(*testing.T, kv.Store)
		holds  bool
	}
	nothing := func(*testing.T, kv.Store) {}
	setIt := func(t *testing.T, s kv.Store) { set(t, s, "k", "v") }
	removeIt := func(t *testing.T, s kv.Store) { remove(t, s, "k") }
	steps := []step{
		{"presence that lasts", setIt, nothing, true},
		{"absence that lasts", nothing, nothing, true},
		{"other keys do not matter", setIt, func(t *testing.T, s kv.Store) { set(t, s, "kk", "1", "j", "1") }, true},
		{"overwritten with the same value", setIt, setIt, false},
		{"removed", setIt, removeIt, false},
		{"removed and made again", setIt, func(t *testing.T, s kv.Store) { removeIt(t, s); setIt(t, s) }, false},
		{"made", nothing, setIt, false},
		{"absent after a removal", func(t *testing.T, s kv.Store) { setIt(t, s); removeIt(t, s) }, nothing, true},
	}
	cases := make([]contractCase, 0, len(steps)+3)
	for _, c := range steps {
		cases = append(cases, contractCase{"require: " + c.name, func(t *testing.T, s kv.Store) {
			c.before(t, s)
			seen := get(t, s, "k")
			c.after(t, s)
			err := require(t, s, seen)
			if c.holds && err != nil {
				t.Errorf("Commit: %v", err)
			}
			if !c.holds && !errors.Is(err, kv.ErrConflict) {
				t.Errorf("Commit: %v; want ErrConflict", err)
			}
			if got := get(t, s, "marker").Exists(); got != c.holds {
				t.Errorf("the rest of the batch is there: %t", got)
			}
			wantBounds(t, s, 1, 1, map[bool]uint64{true: 1}[c.holds])
		}})
	}
	return append(cases, requireMore()...)
}

func requireMore() []contractCase {
	return []contractCase{
		{"require: what a view or a scan read", func(t *testing.T, s kv.Store) {
			set(t, s, "k", "1")
			v, err := s.View(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			var scanned kv.Item
			for e, err := range v.Scan(context.Background(), kv.Range{KeysOnly: true}) {
				if err != nil {
					t.Fatal(err)
				}
				scanned = e.Item
			}
			if err := require(t, s, scanned); err != nil {
				t.Errorf("unchanged: %v", err)
			}
			set(t, s, "k", "2")
			for name, seen := range map[string]kv.Item{"view": get(t, v, "k"), "scan": scanned} {
				if err := require(t, s, seen); !errors.Is(err, kv.ErrConflict) {
					t.Errorf("%s: %v; want ErrConflict", name, err)
				}
			}
		}},
		{"require: a batch without writes checks too", func(t *testing.T, s kv.Store) {
			seen := get(t, s, "k")
			var b kv.Batch
			b.Require([]byte("k"), seen)
			mustCommit(t, s, &b)
			set(t, s, "k", "1")
			if _, err := s.Commit(context.Background(), &b); !errors.Is(err, kv.ErrConflict) {
				t.Errorf("Commit: %v; want ErrConflict", err)
			}
		}},
		{"require: a batch may change what it requires", func(t *testing.T, s kv.Store) {
			set(t, s, "k", "1")
			var b kv.Batch
			b.Require([]byte("k"), get(t, s, "k"))
			b.Set([]byte("k"), []byte("2"))
			mustCommit(t, s, &b)
			wantValue(t, s, "k", "2")
		}},
		{"require: one of several", func(t *testing.T, s kv.Store) {
			a, k := get(t, s, "a"), get(t, s, "k")
			set(t, s, "k", "1")
			var b kv.Batch
			b.Require([]byte("a"), a)
			b.Require([]byte("k"), k)
			b.Set([]byte("a"), []byte("1"))
			if _, err := s.Commit(context.Background(), &b); !errors.Is(err, kv.ErrConflict) {
				t.Errorf("Commit: %v; want ErrConflict", err)
			}
			wantAbsent(t, s, "a")
		}},
	}
}
