package kvtest

import (
	"sync"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
)

// recorder collects what a watcher was told.
type recorder struct {
	mu    sync.Mutex
	heads []kv.Head
	grown chan struct{} // holds a value after every call
}

func newRecorder() *recorder { return &recorder{grown: make(chan struct{}, 1)} }

func (r *recorder) tell(heads []kv.Head) {
	r.mu.Lock()
	r.heads = append(r.heads, heads...)
	r.mu.Unlock()
	select {
	case r.grown <- struct{}{}:
	default:
	}
}

func (r *recorder) all() []kv.Head {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]kv.Head(nil), r.heads...)
}

// await waits until log was told to have reached sequence.
func (r *recorder) await(log kv.LogID, sequence uint64) {
	for {
		for _, h := range r.all() {
			if h.Log == log && h.Sequence >= sequence {
				return
			}
		}
		<-r.grown
	}
}

func watchCases() []contractCase {
	return []contractCase{
		{"a watcher hears of every log that grew, in order", func(t *testing.T, s kv.Store) {
			r := newRecorder()
			stop := s.Watch(r.tell)
			defer stop()
			for range 50 {
				appendTo(t, s, 1, "a", "b")
				appendTo(t, s, 2, "c")
				set(t, s, "no", "log")
				trim(t, s, 1, 1000)
			}
			r.await(1, 100)
			r.await(2, 50)
			last := map[kv.LogID]kv.Head{}
			for _, h := range r.all() {
				if was := last[h.Log]; h.Sequence <= was.Sequence || h.Stamp <= was.Stamp {
					t.Fatalf("told of %+v after %+v", h, was)
				}
				last[h.Log] = h
			}
		}},
		{"what a watcher hears of can be read", func(t *testing.T, s kv.Store) {
			told := make(chan kv.Head, 200)
			stop := s.Watch(func(heads []kv.Head) {
				for _, h := range heads {
					told <- h
				}
			})
			defer stop()
			var wg sync.WaitGroup
			wg.Go(func() {
				for range 100 {
					appendTo(t, s, 1, "a")
				}
			})
			for h := (kv.Head{}); h.Sequence < 100; {
				h = <-told
				wantBoundsAtLeast(t, s, h)
			}
			wg.Wait()
		}},
		{"several watchers, and one that has stopped", func(t *testing.T, s kv.Store) {
			a, b := newRecorder(), newRecorder()
			stopA, stopB := s.Watch(a.tell), s.Watch(b.tell)
			defer stopB()
			appendTo(t, s, 1, "x")
			a.await(1, 1)
			b.await(1, 1)
			stopA()
			n := len(a.all())
			appendTo(t, s, 1, "y")
			b.await(1, 2)
			if len(a.all()) != n {
				t.Error("a stopped watcher was called")
			}
		}},
	}
}

func wantBoundsAtLeast(t testing.TB, s kv.Store, h kv.Head) {
	t.Helper()
	records, err := s.ReadLog(t.Context(), h.Log, h.Sequence, 1)
	if err != nil || len(records) != 1 || records[0].Position != h {
		t.Errorf("told of %+v, read %+v, %v", h, records, err)
	}
	_, head, err := s.Bounds(t.Context(), h.Log)
	if err != nil || head.Sequence < h.Sequence {
		t.Errorf("told of %+v, the bounds end at %+v, %v", h, head, err)
	}
}
