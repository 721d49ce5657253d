package server

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestLatest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := latest[int64]{fresh: time.Second}
		var asked atomic.Int64
		var takes time.Duration
		ask := func() (int64, bool) {
			time.Sleep(takes)
			return asked.Add(1), true
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if n, ok := l.get(ask); n != 1 || !ok {
					t.Errorf("first answer %d, %v", n, ok)
				}
			})
		}
		all.Wait()
		time.Sleep(time.Second)
		takes = 100 * time.Millisecond
		if n, _ := l.get(ask); n != 2 {
			t.Errorf("after a while: %d, want the second answer", n)
		}
		time.Sleep(time.Second)
		if n, _ := l.get(ask); n != 2 {
			t.Errorf("what takes long was asked again at once: %d", n)
		}
		// One that hangs costs each caller the patience and no more.
		time.Sleep(time.Minute)
		takes = time.Hour
		for range 2 {
			begun := time.Now()
			if n, ok := l.get(ask); n != 2 || !ok || time.Since(begun) != latestPatience {
				t.Errorf("while it hangs: %d, %v after %s", n, ok, time.Since(begun))
			}
		}
		time.Sleep(time.Hour)
		if n := asked.Load(); n != 3 {
			t.Errorf("asked %d times, want 3", n)
		}
	})
}

func TestLatestKnowsNothing(t *testing.T) {
	t.Parallel()
	var l latest[int]
	if _, ok := l.get(func() (int, bool) { return 0, false }); ok {
		t.Error("no answer passes for one")
	}
}
