package object_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carillon-s3/carillon/internal/crashfs"
	"github.com/carillon-s3/carillon/internal/object"
)

// crashRun is one server that lives several times on one disk.
type crashRun struct {
	t     *testing.T
	seed  uint64
	fault fault
	// forgetful is as in runCrash.
	forgetful bool
	check     *checker
	random    *lockedRand
}

// runCrash explores points and returns how many it explored and what it found.
// If forgetful, completed uploads are forgotten as soon as the collector runs;
// otherwise they must be there for a repeated completion.
func runCrash(t *testing.T, points int, seed uint64, f fault, forgetful bool) (explored int, violations []string) {
	t.Helper()
	r := &crashRun{
		t: t, seed: seed, fault: f, forgetful: forgetful,
		check:  newChecker(t.Context(), f, forgetful),
		random: &lockedRand{r: rand.New(rand.NewPCG(seed, 1))},
	}
	disk := remains{fs: crashfs.New(), known: newHistory()}
	for life := range crashLives {
		share := points / (crashLives - life)
		points -= share
		left, ok := r.live(life, disk, share)
		if !ok {
			break
		}
		if life+1 < crashLives {
			if disk.known, ok = r.recall(left); !ok {
				break
			}
			disk.fs = left.fs
		}
	}
	return r.check.wait()
}

// remains is a disk, and what the writers know of it.
type remains struct {
	fs    *crashfs.FS
	known history
	// cut is how a power cut made it.
	cut cut
}

// live runs the server on a disk until so many points were explored, and returns
// what the last of them left. From the first write of its start on, the power can
// fail.
func (r *crashRun) live(life int, disk remains, points int) (left remains, ok bool) {
	r.t.Helper()
	l, fs := &log{history: disk.known}, disk.fs
	if r.fault == unsyncedFolders {
		fs.DropSyncs(func(path string) bool { return strings.HasPrefix(path, "/blobs") && !strings.Contains(path, "-") })
	}
	var todo atomic.Int64
	todo.Store(int64(points))
	last := make(chan remains, 1)
	explore := func(p crashfs.Point) {
		// About a third of the points, so that a run meets every kind of them.
		if r.random.IntN(3) != 0 {
			return
		}
		n := todo.Add(-1)
		if n < 0 {
			return
		}
		before := l.copy()
		outcomes := crashfs.Outcomes(r.seed + uint64(p.N))
		outcome := outcomes[r.random.IntN(len(outcomes))]
		found := fs.Crash(outcome)
		c := cut{before, l.copy()}
		if n == 0 {
			last <- remains{fs: found.Crash(outcome), cut: c}
		}
		r.check.add(found, c, r.random.IntN(cutSweeps) == 0, fmt.Sprintf("life %d, point %d, before %s of %s", life, p.N, p.Op, p.Name))
	}
	if life > 0 {
		fs.OnPoint(explore)
	}
	ctx := r.t.Context()
	s, err := crashSite(ctx, fs)
	if err != nil {
		r.failed(err)
		return left, false
	}
	defer func() { _ = s.store.Close() }()
	if life == 0 {
		for _, bucket := range crashBuckets() {
			s.mustBucket(r.t, bucket)
			s.watchAll(r.t, bucket)
		}
		for w := range crashWriters {
			s.setVersioning(r.t, versionBucket(w), object.VersioningEnabled)
			if err := s.SetDocument(ctx, versionBucket(w), object.LifecycleDocument, &object.Document{}); err != nil {
				r.failed(err)
			}
			if lockedWriter(w) {
				if err := s.SetLockConfig(ctx, versionBucket(w), object.LockConfig{}); err != nil {
					r.failed(err)
				}
			}
		}
		fs.OnPoint(explore)
	}
	s.CollectAtOnce()
	if r.forgetful {
		s.ForgetAtOnce()
	}
	r.work(s, life, l, &todo)
	fs.OnPoint(nil)
	if todo.Load() > 0 { // the fault was met
		return left, false
	}
	return <-last, true
}

// work changes, collects, sweeps and delivers until no point is left to explore.
func (r *crashRun) work(s *site, life int, l *log, todo *atomic.Int64) {
	ctx := r.t.Context()
	work, stop := context.WithCancel(ctx)
	defer stop()
	var background, writers sync.WaitGroup
	background.Go(func() { deliver(work, s, l) })
	background.Go(func() { collect(work, s) })
	background.Go(func() {
		for work.Err() == nil {
			if err := r.fault.sweep(work, s); err != nil && work.Err() == nil {
				r.failed(err)
			}
			pause(work, sweepEvery)
		}
	})
	for w := range crashWriters {
		writer := &crashWriter{
			site: s, log: l, fault: r.fault, life: life, number: w, forgetful: r.forgetful,
			random: rand.New(rand.NewPCG(r.seed+uint64(life)<<32, uint64(w)+10)),
		}
		writer.versions = &versionWriter{crashWriter: writer, bucket: versionBucket(w)}
		writers.Go(func() {
			for todo.Load() > 0 && !r.enough() {
				if err := writer.change(ctx); err != nil {
					r.failed(fmt.Errorf("writer %d: %w", w, err))
					return
				}
			}
		})
	}
	writers.Wait()
	stop()
	background.Wait()
}

// enough says that a fault was noticed.
func (r *crashRun) enough() bool { return r.fault != noFault && r.check.noticed() }

// failed reports what must not happen unless a fault is being met, maybe before
// the suite meets it.
func (r *crashRun) failed(err error) {
	if r.fault == noFault {
		r.t.Error(err)
	}
}

// recall settles what became of the changes that a power cut met: those whose
// event is on the disk happened. It looks at a copy.
func (r *crashRun) recall(left remains) (history, bool) {
	ctx := r.t.Context()
	s, err := crashSite(ctx, left.fs.Crash(crashfs.Outcome{UnsyncedPercent: 100, Names: crashfs.Kept}))
	if err != nil {
		r.failed(err)
		return history{}, false
	}
	defer func() { _ = s.store.Close() }()
	told, err := replay(ctx, s)
	if err != nil {
		r.failed(err)
		return history{}, false
	}
	known := newHistory()
	maps.Copy(known.delivered, left.cut.after.delivered)
	for key, ops := range left.cut.after.ops {
		for _, o := range ops {
			if told.events[o.event()] {
				known.ops[key] = append(known.ops[key], o)
				known.settled[key]++
			}
		}
	}
	return known, true
}

// lockedRand is a source of chance for several goroutines.
type lockedRand struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (l *lockedRand) IntN(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.IntN(n)
}
