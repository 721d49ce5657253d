package kvtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

func concurrentCases() []contractCase {
	return []contractCase{
		{"concurrent increments lose nothing", increments},
		{"concurrent appends leave no gap", concurrentAppends},
		{"a view never shows half a batch", halfBatches},
		{"a commit is seen by whoever comes after it", readYourWrites},
	}
}

// increment adds 1 to the number under key, deciding again after each conflict,
// and returns the new number.
func increment(ctx context.Context, s kv.Store, key string) (int, error) {
	for {
		seen, err := s.Get(ctx, []byte(key))
		if err != nil {
			return 0, err
		}
		n := 0
		if seen.Exists() {
			if n, err = strconv.Atoi(string(seen.Value)); err != nil {
				return 0, err
			}
		}
		var b kv.Batch
		b.Require([]byte(key), seen)
		b.Set([]byte(key), strconv.AppendInt(nil, int64(n+1), 10))
		if _, err := s.Commit(ctx, &b); !errors.Is(err, kv.ErrConflict) {
			return n + 1, err
		}
	}
}

func increments(t *testing.T, s kv.Store) {
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if _, err := increment(t.Context(), s, "n"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	wantValue(t, s, "n", fmt.Sprint(writers*each))
}

func concurrentAppends(t *testing.T, s kv.Store) {
	const writers, each = 8, 50
	var mu sync.Mutex
	var all []kv.Position
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				var b kv.Batch
				b.Append(1, fmt.Appendf(nil, "%d/%d", w, i))
				if i%3 == 0 {
					b.Append(1, fmt.Appendf(nil, "%d/%d again", w, i))
				}
				p, err := s.Commit(t.Context(), &b)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all = append(all, p...)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(all, func(a, b kv.Position) int { return int(a.Sequence) - int(b.Sequence) })
	records, err := s.ReadLog(t.Context(), 1, 1, len(all)+1)
	if err != nil || len(records) != len(all) {
		t.Fatalf("%d records for %d appends, %v", len(records), len(all), err)
	}
	for i, r := range records {
		if r.Position != all[i] || r.Sequence != uint64(i)+1 || i > 0 && r.Stamp <= records[i-1].Stamp {
			t.Fatalf("record %d: read %+v, committed %+v", i, r.Position, all[i])
		}
	}
}

func halfBatches(t *testing.T, s kv.Store) {
	set(t, s, "a", "0", "b", "0")
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for i := range 100 {
			set(t, s, "a", fmt.Sprint(i), "b", fmt.Sprint(i))
		}
	})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				v, err := s.View(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				a, b := get(t, v, "a"), get(t, v, "b")
				v.Close()
				if string(a.Value) != string(b.Value) {
					t.Errorf("a=%s b=%s", a.Value, b.Value)
				}
			}
		})
	}
	wg.Wait()
}

func readYourWrites(t *testing.T, s kv.Store) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 40 {
				key, value := fmt.Sprintf("k%d", w), fmt.Sprint(i)
				set(t, s, key, value)
				wantValue(t, s, key, value)
				v, err := s.View(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				wantValue(t, v, key, value)
				v.Close()
			}
		})
	}
	wg.Wait()
}
