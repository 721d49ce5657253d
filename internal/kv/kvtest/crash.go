package kvtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/crashfs"
	"github.com/carillon-s3/carillon/internal/kv"
)

// Crash runs a workload on a disk that can lose power, takes what a power cut
// would have left at many points of it, opens the store on that, and checks all
// that was promised or seen before.
type Crash struct {
	// Open opens the store on fs.
	Open func(fs vfs.FS) (kv.Store, error)
	// Points is how many cuts are explored.
	Points int
	// Seed drives the workload and the cuts. Goroutines of the engine make a
	// run not wholly repeatable.
	Seed uint64

	// Enough violations end the run, since it has nothing more to tell; 0 means
	// 20.
	Enough int

	// What follows is for negative controls, which the suite must notice.

	// Disk changes a new disk.
	Disk func(*crashfs.FS)
	// Readers and Collector choose where those actors of the workload read; the
	// default is the store.
	Readers, Collector func(kv.Store) kv.Reader
}

// Report is the outcome of a Crash.
type Report struct {
	Points     int
	Rounds     int
	Violations []string
	Seed       uint64
	Took       time.Duration
}

// String implements fmt.Stringer.
func (r Report) String() string {
	return fmt.Sprintf("%d cuts in %d rounds, %d violations, %.1f s (%.0f cuts/s); about the same again with %s=%d",
		r.Points, r.Rounds, len(r.Violations), r.Took.Seconds(), float64(r.Points)/r.Took.Seconds(), seedVariable, r.Seed)
}

const (
	// pointsVariable sets how many cuts RunCrash explores.
	pointsVariable = "CARILLON_CRASH_POINTS"
	defaultPoints  = 3000
	// roundPoints is the length of a workload before a new disk is begun.
	roundPoints   = 400
	defaultEnough = 20
)

// RunCrash is the crash suite for an engine that keeps its files in a vfs.FS.
// CARILLON_CRASH_POINTS sets the number of cuts.
func RunCrash(t *testing.T, open func(fs vfs.FS) (kv.Store, error)) {
	t.Helper()
	points := defaultPoints
	if v := os.Getenv(pointsVariable); v != "" {
		var err error
		if points, err = strconv.Atoi(v); err != nil {
			t.Fatalf("%s: %v", pointsVariable, err)
		}
	}
	r := Crash{Open: open, Points: points, Seed: seed(t)}.Run(t)
	t.Log(r)
	for _, v := range r.Violations {
		t.Error(v)
	}
	if r.Points < points {
		t.Errorf("%d cuts were asked for", points)
	}
}

// Run explores c.Points cuts, or fewer where enough is found to be wrong.
func (c Crash) Run(t testing.TB) Report {
	t.Helper()
	began := time.Now()
	report := Report{Seed: c.Seed}
	if c.Enough == 0 {
		c.Enough = defaultEnough
	}
	for report.Points < c.Points && len(report.Violations) < c.Enough {
		r := newRound(c, c.Seed+uint64(report.Rounds), min(roundPoints, c.Points-report.Points))
		if err := r.run(); err != nil {
			t.Fatalf("the workload itself failed: %v", err)
		}
		report.Rounds++
		report.Points += r.explored
		report.Violations = append(report.Violations, r.violations...)
	}
	report.Took = time.Since(began)
	return report
}

// round is one disk with its workload and its cuts.
type round struct {
	Crash
	seed    uint64
	disk    *crashfs.FS
	history history

	cutMu sync.Mutex // orders the cuts, and guards what is left to chance
	rnd   *rand.Rand
	left  int
	jobs  chan job

	foundMu    sync.Mutex
	explored   int
	violations []string

	stop chan struct{} // closed when the round has had its cuts
	tick chan struct{} // has a value, now and then, when something happened
}

// job is a disk as a cut left it, with what was promised before the cut and what
// can at most be there.
type job struct {
	disk       *crashfs.FS
	least      promises
	most       promises
	where      string
	secondCut  int // a point of the recovery at which the power goes again; 0 for none
	secondSeed uint64
}

func newRound(c Crash, seed uint64, points int) *round {
	r := &round{
		Crash: c,
		seed:  seed,
		disk:  crashfs.New(),
		rnd:   rand.New(rand.NewPCG(seed, 2)),
		left:  points,
		jobs:  make(chan job, runtime.GOMAXPROCS(0)),
		stop:  make(chan struct{}),
		tick:  make(chan struct{}, lookers),
	}
	if c.Disk != nil {
		c.Disk(r.disk)
	}
	return r
}

func (r *round) run() error {
	var checkers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		checkers.Go(func() {
			for j := range r.jobs {
				r.check(j)
			}
		})
	}
	r.disk.OnPoint(r.cut)
	err := r.work()
	r.disk.OnPoint(nil)
	close(r.jobs)
	checkers.Wait()
	return err
}

// cut is called at every point.
func (r *round) cut(p crashfs.Point) {
	select {
	case <-r.stop:
		return
	default:
	}
	r.cutMu.Lock()
	linger := p.Op == "sync" && r.rnd.IntN(4) == 0
	r.cutMu.Unlock()
	r.rouse()
	if linger {
		r.awaitReaders()
	}
	r.cutMu.Lock()
	defer r.cutMu.Unlock()
	if r.left == 0 {
		return
	}
	outcomes := crashfs.Outcomes(r.seed<<20 + uint64(p.N))
	o := outcomes[r.rnd.IntN(len(outcomes))]
	j := job{where: fmt.Sprintf("point %d, before %s of %s, %d %% of the unsynced kept, names %s", p.N, p.Op, p.Name, o.UnsyncedPercent, o.Names)}
	if r.rnd.IntN(8) == 0 {
		j.secondCut, j.secondSeed = 1+r.rnd.IntN(40), r.rnd.Uint64()
	}
	j.least = r.history.promised()
	j.disk = r.disk.Crash(o)
	j.most = r.history.promised()
	r.jobs <- j
	if r.left--; r.left == 0 {
		close(r.stop)
	}
}

// lookers is how many actors wait for ticks.
const lookers = 4

func (r *round) rouse() {
	for range lookers {
		select {
		case r.tick <- struct{}{}:
		default:
			return
		}
	}
}

// pause waits for something to happen, and reports whether the round goes on.
func (r *round) pause() bool {
	select {
	case <-r.tick:
		return true
	case <-r.stop:
		return false
	}
}

// lingerAtMost bounds how long a cut waits for readers to come by.
const lingerAtMost = 2 * time.Millisecond

// awaitReaders lets the readers look at a state that is not durable yet, if the
// engine shows it.
func (r *round) awaitReaders() {
	from := r.history.reads.Load()
	for until := time.Now().Add(lingerAtMost); r.history.reads.Load() < from+3 && time.Now().Before(until); {
		r.rouse()
		runtime.Gosched()
	}
}

func (r *round) found(where string, violations []string) {
	r.foundMu.Lock()
	defer r.foundMu.Unlock()
	r.explored++
	for _, v := range violations {
		r.violations = append(r.violations, where+": "+v)
	}
}
