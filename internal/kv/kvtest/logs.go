package kvtest

import (
	"context"
	"errors"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

func trim(t testing.TB, s kv.Store, log kv.LogID, before uint64) {
	t.Helper()
	var b kv.Batch
	b.Trim(log, before)
	mustCommit(t, s, &b)
}

func logCases() []contractCase {
	return []contractCase{
		{"an unused log is empty", func(t *testing.T, s kv.Store) {
			wantBounds(t, s, 5, 1, 0)
			for _, from := range []uint64{0, 1, 9} {
				if got := logValues(t, s, 5, from, 10); got != "" {
					t.Errorf("from %d: %s", from, got)
				}
			}
		}},
		{"sequences have no gaps, stamps rise, logs are apart", func(t *testing.T, s kv.Store) {
			var last kv.Position
			for i := range 20 {
				for _, p := range appendTo(t, s, 3, "a", "b") {
					if p.Sequence != last.Sequence+1 || p.Stamp <= last.Stamp || p.Log != 3 {
						t.Fatalf("commit %d: %+v follows %+v", i, p, last)
					}
					last = p
				}
				appendTo(t, s, 4, "c")
			}
			wantBounds(t, s, 3, 1, 40)
			wantBounds(t, s, 4, 1, 20)
			_, head, _ := s.Bounds(context.Background(), 3)
			if head != last {
				t.Errorf("head %+v, last position %+v", head, last)
			}
		}},
		{"records are read in order, from and up to what is asked", func(t *testing.T, s kv.Store) {
			appendTo(t, s, 0, "a", "b", "c")
			appendTo(t, s, 1, "x")
			appendTo(t, s, ^kv.LogID(0), "y", "z")
			for _, c := range []struct {
				log  kv.LogID
				from uint64
				max  int
				want string
			}{
				{0, 1, 10, "1:a 2:b 3:c"},
				{0, 0, 10, "1:a 2:b 3:c"},
				{0, 2, 1, "2:b"},
				{0, 3, 10, "3:c"},
				{0, 4, 10, ""},
				{0, 1, 0, ""},
				{1, 1, 10, "1:x"},
				{^kv.LogID(0), 1, 10, "1:y 2:z"},
			} {
				if got := logValues(t, s, c.log, c.from, c.max); got != c.want {
					t.Errorf("log %d from %d, %d at most: %q, want %q", c.log, c.from, c.max, got, c.want)
				}
			}
		}},
		{"a record's position is what its commit returned", func(t *testing.T, s kv.Store) {
			p := appendTo(t, s, 1, "a", "b")
			records, err := s.ReadLog(context.Background(), 1, 1, 10)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range records {
				if r.Position != p[i] {
					t.Errorf("record %d says %+v, its commit %+v", i, r.Position, p[i])
				}
			}
		}},
		{"trimming", trimming},
		{"a trim in the batch of an append sees it", func(t *testing.T, s kv.Store) {
			appendTo(t, s, 1, "a", "b")
			var b kv.Batch
			b.Append(1, []byte("c"))
			b.Trim(1, 99)
			mustCommit(t, s, &b)
			wantBounds(t, s, 1, 3, 3)
			if got := logValues(t, s, 1, 3, 9); got != "3:c" {
				t.Errorf("kept %s", got)
			}
		}},
	}
}

func trimming(t *testing.T, s kv.Store) {
	trim(t, s, 1, 10) // of an empty log: nothing
	wantBounds(t, s, 1, 1, 0)
	appendTo(t, s, 1, "a", "b", "c", "d")
	appendTo(t, s, 2, "x", "y")
	trim(t, s, 1, 3)
	wantBounds(t, s, 1, 3, 4)
	wantBounds(t, s, 2, 1, 2)
	if got := logValues(t, s, 1, 3, 9); got != "3:c 4:d" {
		t.Errorf("kept %s", got)
	}
	for _, from := range []uint64{0, 1, 2} {
		if _, err := s.ReadLog(context.Background(), 1, from, 9); !errors.Is(err, kv.ErrTrimmed) {
			t.Errorf("from %d: %v; want ErrTrimmed", from, err)
		}
	}
	trim(t, s, 1, 2) // backwards: nothing
	wantBounds(t, s, 1, 3, 4)
	trim(t, s, 1, 100) // the last record stays
	wantBounds(t, s, 1, 4, 4)
	if got := logValues(t, s, 1, 4, 9); got != "4:d" {
		t.Errorf("kept %s", got)
	}
	if p := appendTo(t, s, 1, "e"); p[0].Sequence != 5 {
		t.Errorf("the next record got %+v", p[0])
	}
}
