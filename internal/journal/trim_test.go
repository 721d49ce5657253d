package journal_test

import (
	"context"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
)

// meddled is a store that does something before its first Bounds.
type meddled struct {
	kv.Store
	meddle func()
}

func (s *meddled) Bounds(ctx context.Context, log kv.LogID) (uint64, kv.Head, error) {
	if f := s.meddle; f != nil {
		s.meddle = nil
		f()
	}
	return s.Store.Bounds(ctx, log)
}

func TestTrimKnowsConsumersThatComeMeanwhile(t *testing.T) {
	t.Parallel()
	store := &meddled{Store: memory.New()}
	t.Cleanup(func() { _ = store.Close() })
	j, err := journal.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	var at journal.At
	store.meddle = func() {
		for range 3 {
			at = add(t, j, store, "k", "late:webhook")
		}
	}
	if _, err := j.Trim(t.Context(), journal.Window{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	got, _, err := j.Pending(t.Context(), "late:webhook", at.Partition, 0, 10)
	if err != nil || len(got) != 3 {
		t.Errorf("%d events are pending, %v; want 3", len(got), err)
	}
}

func TestTrimBelowTheReserveCopiesNothingThatGrows(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		wanted  int // one event in so many
		trimmed int64
	}{
		"every event is wanted":   {1, 0},
		"every second":            {2, 0},
		"one in ten":              {10, 99},
		"none, but for the first": {1000, 99},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			t.Cleanup(func() { _ = store.Close() })
			j, err := journal.Open(t.Context(), store)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 100 {
				if i%tt.wanted == 0 {
					add(t, j, store, "k", hook, "2:webhook")
				} else {
					add(t, j, store, "k")
				}
			}
			store.Refuse(kv.ErrNoSpace)
			trim := func() int64 {
				n, err := j.Trim(t.Context(), journal.Window{Bytes: 1 << 30}, time.Now().Add(time.Hour))
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			if n := trim(); n != tt.trimmed {
				t.Errorf("trimmed %d below the reserve, want %d", n, tt.trimmed)
			}
			store.Refuse(nil)
			if n := trim(); n != 99-tt.trimmed {
				t.Errorf("trimmed %d once there was room, want %d", n, 99-tt.trimmed)
			}
		})
	}
}
