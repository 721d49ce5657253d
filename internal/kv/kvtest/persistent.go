package kvtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

// Reopen opens the same store again each time it is called; the one before must
// be closed.
type Reopen func() (kv.Store, error)

// RunPersistent checks what outlives a closing. place returns a place for a new
// store.
func RunPersistent(t *testing.T, place func(t *testing.T) Reopen) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, open func() kv.Store)
	}{
		{"what was committed is there", persistsAll},
		{"the epoch stays and the incarnation rises", identities},
		{"revisions never come back", revisionsPersist},
		{"logs go on where they ended", logsGoOn},
		{"relaxed commits are there after a closing", relaxedPersists},
		{"what was read before a closing still conflicts", func(t *testing.T, open func() kv.Store) {
			s := open()
			set(t, s, "k", "1")
			seen := get(t, s, "k")
			set(t, s, "k", "2")
			closeStore(t, s)
			if err := require(t, open(), seen); !errors.Is(err, kv.ErrConflict) {
				t.Errorf("Commit: %v; want ErrConflict", err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reopen := place(t)
			c.run(t, func() kv.Store {
				s, err := reopen()
				if err != nil {
					t.Fatalf("opening: %v", err)
				}
				t.Cleanup(func() { _ = s.Close() })
				return s
			})
		})
	}
}

func closeStore(t testing.TB, s kv.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func persistsAll(t *testing.T, open func() kv.Store) {
	s := open()
	for i := range 300 {
		set(t, s, fmt.Sprintf("k%03d", i), fmt.Sprint("value ", i))
		if i%3 == 0 {
			remove(t, s, fmt.Sprintf("k%03d", i/2))
		}
		appendTo(t, s, kv.LogID(i%5), fmt.Sprint("record ", i))
	}
	trim(t, s, 2, 20)
	all, log := show(t, s, kv.Range{}), logValues(t, s, 2, 20, 100)
	closeStore(t, s)
	for range 2 {
		s = open()
		if got := show(t, s, kv.Range{}); got != all {
			t.Errorf("the map was\n%s\nand is\n%s", all, got)
		}
		if got := logValues(t, s, 2, 20, 100); got != log {
			t.Errorf("log 2 was\n%s\nand is\n%s", log, got)
		}
		wantBounds(t, s, 0, 1, 60)
		wantBounds(t, s, 2, 20, 60)
		closeStore(t, s)
	}
}

func identities(t *testing.T, open func() kv.Store) {
	s := open()
	epoch, last := s.Epoch(), s.Incarnation()
	for range 4 {
		closeStore(t, s)
		s = open()
		if s.Epoch() != epoch {
			t.Errorf("the epoch was %x and is %x", epoch, s.Epoch())
		}
		if s.Incarnation() <= last {
			t.Errorf("incarnation %d follows %d", s.Incarnation(), last)
		}
		last = s.Incarnation()
	}
}

func revisionsPersist(t *testing.T, open func() kv.Store) {
	seen := map[uint64]bool{}
	for range 4 {
		s := open()
		if old := get(t, s, "k"); old.Exists() && !seen[old.Revision] {
			t.Errorf("revision %d changed by itself", old.Revision)
		}
		remove(t, s, "k")
		set(t, s, "k", "v")
		r := get(t, s, "k").Revision
		if seen[r] {
			t.Errorf("revision %d came twice", r)
		}
		seen[r] = true
		closeStore(t, s)
	}
}

func logsGoOn(t *testing.T, open func() kv.Store) {
	var last kv.Position
	for range 4 {
		s := open()
		for _, p := range appendTo(t, s, 9, "a", "b") {
			if p.Sequence != last.Sequence+1 || p.Stamp <= last.Stamp {
				t.Errorf("%+v follows %+v", p, last)
			}
			last = p
		}
		trim(t, s, 9, last.Sequence)
		closeStore(t, s)
	}
}

func relaxedPersists(t *testing.T, open func() kv.Store) {
	s := open()
	for i := range 100 {
		var b kv.Batch
		b.Set(fmt.Appendf(nil, "k%02d", i), []byte("v"))
		relax(t, s, &b)
	}
	closeStore(t, s)
	s = open()
	for i := range 100 {
		wantValue(t, s, fmt.Sprintf("k%02d", i), "v")
	}
}
