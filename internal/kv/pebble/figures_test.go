package pebble

import (
	"errors"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/kv"
)

// TestGroupsAreTold: every batch is in one group, as committed or in conflict,
// and what was written was synced.
func TestGroupsAreTold(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var groups []Group
	s := openTest(t, Options{FS: vfs.NewMem(), OnGroup: func(g Group) {
		mu.Lock()
		defer mu.Unlock()
		groups = append(groups, g)
	}})
	put(t, s, "a", []byte("1"))
	seen, err := s.Get(t.Context(), []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "a", []byte("2"))
	var b kv.Batch
	b.Require([]byte("a"), seen)
	b.Set([]byte("a"), []byte("3"))
	if _, err := s.Commit(t.Context(), &b); !errors.Is(err, kv.ErrConflict) {
		t.Fatalf("commit: %v, want a conflict", err)
	}
	mu.Lock()
	defer mu.Unlock()
	var committed, conflicts, synced int
	for _, g := range groups {
		committed, conflicts = committed+g.Committed, conflicts+g.Conflicts
		if g.Sync > 0 {
			synced++
		}
	}
	if committed != 2 || conflicts != 1 || synced != 2 {
		t.Errorf("told of %d commits, %d conflicts, %d syncs; want 2, 1, 2: %+v", committed, conflicts, synced, groups)
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{FS: vfs.NewMem()})
	put(t, s, "a", make([]byte, 1000))
	f, ok := s.Figures()
	if !ok || f.MemTables < 1 || f.MemTableBytes == 0 || f.WALBytes < 1000 || f.Snapshots != 1 {
		t.Errorf("figures: %+v, %v", f, ok)
	}
	if _, ok := s.Space(); ok {
		t.Error("a file system without a size tells of its space")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Figures(); ok {
		t.Error("a closed store has figures")
	}
}
