package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

// several opens one database in as many stores as clocks, each behind or ahead
// by what is given, as processes on several machines would.
func several(t *testing.T, clocks ...time.Duration) []*postgres.Store {
	t.Helper()
	o := fresh(t)
	stores := make([]*postgres.Store, len(clocks))
	var wg sync.WaitGroup
	for i, skew := range clocks {
		o := o
		o.Now = func() time.Time { return time.Now().Add(skew) }
		wg.Go(func() {
			var err error
			if stores[i], err = postgres.Open(t.Context(), o); err != nil {
				t.Errorf("opening store %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	t.Cleanup(func() {
		for _, s := range stores {
			if s != nil {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return stores
}

// TestSeveralFormatAtOnce opens an empty database in several stores at the same
// moment.
func TestSeveralFormatAtOnce(t *testing.T) {
	t.Parallel()
	stores := several(t, 0, 0, 0, 0)
	incarnations := map[uint64]bool{}
	for _, s := range stores {
		if s.Epoch() != stores[0].Epoch() {
			t.Errorf("epochs %x and %x", s.Epoch(), stores[0].Epoch())
		}
		if incarnations[s.Incarnation()] {
			t.Errorf("incarnation %d came twice", s.Incarnation())
		}
		incarnations[s.Incarnation()] = true
	}
}

// TestSeveralConflict increments a number from all stores: none is lost.
func TestSeveralConflict(t *testing.T) {
	t.Parallel()
	stores := several(t, 0, 0, 0)
	const writers, each = 3, 20
	var wg sync.WaitGroup
	for _, s := range stores {
		for range writers {
			wg.Go(func() {
				for range each {
					increment(t, s, "n")
				}
			})
		}
	}
	wg.Wait()
	for i, s := range stores {
		item, err := s.Get(t.Context(), []byte("n"))
		if want := fmt.Sprint(len(stores) * writers * each); err != nil || string(item.Value) != want {
			t.Errorf("store %d reads %s, %v; want %s", i, item.Value, err, want)
		}
	}
}

func increment(t *testing.T, s kv.Store, key string) {
	for {
		seen, err := s.Get(t.Context(), []byte(key))
		if err != nil {
			t.Error(err)
			return
		}
		n := 0
		if seen.Exists() {
			if n, err = strconv.Atoi(string(seen.Value)); err != nil {
				t.Error(err)
				return
			}
		}
		var b kv.Batch
		b.Require([]byte(key), seen)
		b.Set([]byte(key), strconv.AppendInt(nil, int64(n+1), 10))
		if _, err = s.Commit(t.Context(), &b); err == nil {
			return
		}
		if !errors.Is(err, kv.ErrConflict) {
			t.Error(err)
			return
		}
	}
}

// TestSeveralCreate lets all stores create the same keys, each required to be
// absent: of each key, one commit succeeds. Half of them carry a number.
func TestSeveralCreate(t *testing.T) {
	t.Parallel()
	stores := several(t, 0, 0, 0)
	const keys = 60
	var mu sync.Mutex
	made := map[string]int{}
	var wg sync.WaitGroup
	for _, s := range stores {
		wg.Go(func() {
			for i := range keys {
				key := fmt.Sprint("k", i)
				seen, err := s.Get(t.Context(), []byte(key))
				if err != nil {
					t.Error(err)
					return
				}
				var b kv.Batch
				b.Require([]byte(key), seen)
				if i%2 == 0 {
					b.Set([]byte(key), []byte("v"))
				} else {
					n := b.Append(kv.LogID(i%5), nil)
					b.Set([]byte(key), make([]byte, 8), kv.Fill{Append: n, Field: kv.Stamp})
				}
				_, err = s.Commit(t.Context(), &b)
				if err != nil && !errors.Is(err, kv.ErrConflict) {
					t.Error(err)
				}
				if err == nil && !seen.Exists() {
					mu.Lock()
					made[key]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i := range keys {
		if n := made[fmt.Sprint("k", i)]; n != 1 {
			t.Errorf("key %d was created %d times", i, n)
		}
	}
}

// TestSeveralRequireAbsence has each store write its own key if the other's is
// absent: both must not succeed, although neither writes what the other reads
// and locks nothing that is there.
func TestSeveralRequireAbsence(t *testing.T) {
	t.Parallel()
	stores := several(t, 0, 0)
	for round := range 50 {
		keys := []string{fmt.Sprint("a", round), fmt.Sprint("b", round)}
		var seen [2]kv.Item
		for i := range stores {
			var err error
			if seen[i], err = stores[i].Get(t.Context(), []byte(keys[1-i])); err != nil {
				t.Fatal(err)
			}
		}
		var errs [2]error
		var wg sync.WaitGroup
		for i, s := range stores {
			wg.Go(func() {
				var b kv.Batch
				b.Require([]byte(keys[1-i]), seen[i])
				b.Set([]byte(keys[i]), nil)
				_, errs[i] = s.Commit(t.Context(), &b)
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, kv.ErrConflict):
				t.Fatal(err)
			}
		}
		if won == 2 {
			t.Fatalf("round %d: both succeeded", round)
		}
	}
}

// TestSeveralLogs appends from three processes whose clocks differ by hours, to
// the same logs in different orders.
func TestSeveralLogs(t *testing.T) {
	t.Parallel()
	stores := several(t, 0, -2*time.Hour, time.Hour)
	const writers, each, logs = 3, 40, 4
	var all ledger
	var wg sync.WaitGroup
	for i, s := range stores {
		for w := range writers {
			wg.Go(func() {
				for n := range each {
					all.commit(t, s, fmt.Sprintf("%d/%d/%d", i, w, n), kv.LogID(n%logs), kv.LogID((n+w+1)%logs))
				}
			})
		}
	}
	wg.Wait()
	for _, s := range stores {
		all.verify(t, s)
	}
	if all.sure != len(stores)*writers*each {
		t.Errorf("%d commits succeeded", all.sure)
	}
}

// TestSeveralWatch wants a watcher to hear of another process's commits.
func TestSeveralWatch(t *testing.T) {
	t.Parallel()
	stores := several(t, 0, 0)
	heads := make(chan kv.Head, 100)
	stop := stores[0].Watch(func(grown []kv.Head) {
		for _, h := range grown {
			heads <- h
		}
	})
	defer stop()
	for i := range 10 {
		s := stores[i%2]
		var b kv.Batch
		b.Append(7, nil)
		p, err := s.Commit(t.Context(), &b)
		if err != nil {
			t.Fatal(err)
		}
		if h := <-heads; h != p[0] {
			t.Fatalf("told of %+v, committed %+v", h, p[0])
		}
	}
}

// TestSeveralSeeEachOther reads in one store what another has just committed.
func TestSeveralSeeEachOther(t *testing.T) {
	t.Parallel()
	stores := several(t, 0, 0)
	for i := range 40 {
		writer, reader := stores[i%2], stores[1-i%2]
		p := persist(t, writer, entryWithRecord("k"))
		if got := sequenceUnder(t, reader, "k"); got != p[0].Sequence {
			t.Fatalf("read %d after %d was committed", got, p[0].Sequence)
		}
		v, err := reader.View(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if got := sequenceUnder(t, v, "k"); got != p[0].Sequence {
			t.Errorf("a View reads %d after %d was committed", got, p[0].Sequence)
		}
		v.Close()
	}
}

// TestSeveralChangeWhatAllRequire changes a key that the commits of all stores
// require, while these follow each other without a pause. Rows that many share
// must not keep a writer waiting for ever.
func TestSeveralChangeWhatAllRequire(t *testing.T) {
	t.Parallel()
	stores := several(t, 0, 0, 0)
	persist(t, stores[0], entryWithoutRecord("bucket"))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i, s := range stores {
		for w := range 4 {
			wg.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-done:
						return
					default:
					}
					seen, err := s.Get(context.Background(), []byte("bucket"))
					if err != nil {
						t.Error(err)
						return
					}
					b := entryWithRecord(fmt.Sprint(i, "/", w, "/", n))
					b.Require([]byte("bucket"), seen)
					if _, err := s.Commit(context.Background(), b); err != nil && !errors.Is(err, kv.ErrConflict) {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	for range 20 {
		persist(t, stores[0], entryWithoutRecord("bucket"))
	}
	close(done)
	wg.Wait()
}

// TestHalfSentCommitHoldsNothing has a process stand still in the middle of
// sending a commit: another changes the same keys and logs.
func TestHalfSentCommitHoldsNothing(t *testing.T) {
	t.Parallel()
	o := fresh(t)
	other := open(t, o)
	p := newProxy(t, shared.Address)
	o.URL, o.CommitTimeout = p.through(o.URL), time.Hour
	frozen := open(t, o)
	persist(t, other, entryWithRecord("k"))
	seen, err := frozen.Get(t.Context(), []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	p.arm(hold)
	outcome := make(chan error, 1)
	go func() {
		b := entryWithRecord("k")
		b.Require([]byte("k"), seen)
		_, err := frozen.Commit(context.Background(), b)
		outcome <- err
	}()
	<-p.delivered
	if got := persist(t, other, entryWithRecord("k")); got[0].Sequence != 2 {
		t.Errorf("the other's commit got %+v", got)
	}
	close(p.release)
	if err := <-outcome; !errors.Is(err, kv.ErrUnsure) {
		t.Errorf("the cut commit: %v; want ErrUnsure", err)
	}
	if got := persist(t, frozen, entryWithRecord("k")); got[0].Sequence != 3 {
		t.Errorf("the next commit got %+v", got)
	}
}
