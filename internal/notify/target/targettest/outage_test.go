package targettest

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestOutageIsShared: it comes once, when all members that are left ask for it.
func TestOutageIsShared(t *testing.T) {
	t.Parallel()
	tests := map[string][]int{ // of each member, how often it asks before it leaves
		"one":               {2},
		"all":               {2, 2, 2, 2},
		"one fails before":  {2, 0, 2, 2},
		"one fails between": {1, 2, 2, 2},
		"all fail but one":  {0, 0, 2, 1},
	}
	for name, members := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutage(len(members))
			var wg sync.WaitGroup
			var done [2]atomic.Int32
			for _, times := range members {
				wg.Go(func() {
					defer o.leave()
					for i := range times {
						o.meet(func() { done[i].Add(1) })
						if n := done[i].Load(); n != 1 {
							t.Errorf("after member's turn %d it was done %d times", i, n)
						}
					}
				})
			}
			wg.Wait()
			if done[0].Load() != 1 || done[1].Load() != 1 {
				t.Errorf("done %d and %d times, want once each", done[0].Load(), done[1].Load())
			}
		})
	}
}

// TestOutageThatFails: whoever's test ends in it does not keep the others.
func TestOutageThatFails(t *testing.T) {
	t.Parallel()
	o := newOutage(3)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			defer o.leave()
			done := make(chan struct{})
			go func() { // as a test: FailNow ends its goroutine
				defer close(done)
				o.meet(runtime.Goexit)
			}()
			<-done
		})
	}
	wg.Wait()
}
