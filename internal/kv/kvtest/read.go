package kvtest

import (
	"context"
	"errors"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

func readCases() []contractCase {
	return []contractCase{
		{"a key holds its last value", func(t *testing.T, s kv.Store) {
			wantAbsent(t, s, "k")
			set(t, s, "k", "one", "other", "x")
			wantValue(t, s, "k", "one")
			set(t, s, "k", "two")
			wantValue(t, s, "k", "two")
			remove(t, s, "k", "never was there")
			wantAbsent(t, s, "k")
			wantValue(t, s, "other", "x")
		}},
		{"an empty value is not absence", func(t *testing.T, s kv.Store) {
			set(t, s, "k", "")
			if it := get(t, s, "k"); !it.Exists() || len(it.Value) != 0 {
				t.Errorf("got %+v", it)
			}
		}},
		{"every write has a revision of its own", func(t *testing.T, s kv.Store) {
			seen := map[uint64]bool{}
			for range 5 {
				set(t, s, "k", "same")
				r := get(t, s, "k").Revision
				if seen[r] {
					t.Fatalf("revision %d came twice", r)
				}
				seen[r] = true
				remove(t, s, "k")
			}
		}},
		{"a view does not change", viewStands},
		{"a scan of the store is of one moment", scanStands},
		{"an ended context is an error", func(t *testing.T, s kv.Store) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if _, err := s.Get(ctx, []byte("k")); !errors.Is(err, context.Canceled) {
				t.Errorf("Get: %v", err)
			}
			var b kv.Batch
			b.Set([]byte("k"), []byte("v"))
			if _, err := s.Commit(ctx, &b); !errors.Is(err, context.Canceled) {
				t.Errorf("Commit: %v", err)
			}
			wantAbsent(t, s, "k")
		}},
		{"a scan stops when its context ends", scanStops},
	}
}

func viewStands(t *testing.T, s kv.Store) {
	set(t, s, "a", "1", "b", "1")
	v, err := s.View(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	old := get(t, v, "a")
	set(t, s, "a", "2", "c", "2")
	remove(t, s, "b")
	wantValue(t, v, "a", "1")
	wantAbsent(t, v, "c")
	if got := show(t, v, kv.Range{}); got != "a=1 b=1" {
		t.Errorf("the view shows %s", got)
	}
	if got := show(t, s, kv.Range{}); got != "a=2 c=2" {
		t.Errorf("the store shows %s", got)
	}
	if again := get(t, v, "a"); again.Revision != old.Revision || again.ReadAt != old.ReadAt {
		t.Errorf("the view gave %+v, then %+v", old, again)
	}
	v2, err := s.View(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer v2.Close()
	wantValue(t, v2, "a", "2")
}

func scanStands(t *testing.T, s kv.Store) {
	set(t, s, "a", "1", "b", "1", "c", "1")
	var got []string
	for e, err := range s.Scan(context.Background(), kv.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, showEntry(e))
		if len(got) == 1 {
			set(t, s, "b", "2", "bb", "2")
			remove(t, s, "c")
		}
	}
	if len(got) != 3 || got[1] != "b=1" || got[2] != "c=1" {
		t.Errorf("got %q", got)
	}
}

func scanStops(t *testing.T, s kv.Store) {
	set(t, s, "a", "1", "b", "1")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	var last error
	for _, err := range s.Scan(ctx, kv.Range{}) {
		last = err
		n++
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d entries, the last with error %v; want one entry and the context's error", n, last)
	}
}
