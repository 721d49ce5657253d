package object_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/blob/file"
	"github.com/carillon-s3/carillon/internal/crashfs"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
	"github.com/carillon-s3/carillon/internal/object"
)

// The crash suite runs writers, a collector and a deliverer on a disk that
// loses power at sampled writes, opens what each power cut leaves, and checks
// that every acknowledged change and its event are there together, and every
// other is wholly there or wholly absent.
//
// CARILLON_CRASH_POINTS is how many points it explores.
// CARILLON_CRASH_SEED repeats a run, as far as background compactions allow.

const (
	crashWriters = 4
	crashKeys    = 5 // of each writer
	crashDefault = 2000
	crashShare   = 10
	// crashRound is how many points share a disk: checking one replays its whole
	// journal.
	crashRound    = 250
	crashBucket   = "bucket"
	crashConsumer = "1:webhook"
)

// crashSite opens a site on a disk.
func crashSite(ctx context.Context, fs vfs.FS) (*site, error) {
	store, err := pebble.Open(pebble.Options{
		Dir: "/meta", FS: fs, BallastBytes: -1, ReserveBytes: 1,
		// Small, so that flushes and compactions happen within the workload.
		MemTableBytes: 256 << 10, CacheBytes: 1 << 20,
	})
	if err != nil {
		return nil, err
	}
	s := &site{store: store}
	fail := func(err error) (*site, error) { return nil, errors.Join(err, store.Close()) }
	if s.journal, err = journal.Open(ctx, store); err != nil {
		return fail(err)
	}
	s.blobs, err = file.Open(file.Options{Dir: "/blobs", FS: fs, Incarnation: store.Incarnation()})
	if err != nil {
		return fail(err)
	}
	s.Service, err = object.Open(ctx, object.Config{
		Store: store, Blobs: s.blobs, Journal: s.journal,
		KnownTarget: func(event.TargetID) bool { return true },
	})
	if err != nil {
		return fail(err)
	}
	s.AllowSmallParts()
	return s, nil
}

// fault is how a negative control breaks the server; the suite must notice.
type fault int

const (
	noFault fault = iota
	// unsyncedFolders: the folders of blobs are not synced.
	unsyncedFolders
	// eagerDelete: stored bytes are removed when an overwrite begins, before it
	// is durable.
	eagerDelete
	// forgetUsers: the users of a copy's bytes are not recorded.
	forgetUsers
	// forgetUploads: completed uploads are forgotten at once.
	forgetUploads
)

// runCrash explores points and returns how many it explored and what it found.
// If forgetful, completed uploads are forgotten as soon as the collector runs;
// otherwise they must be there for a repeated completion.
func runCrash(t *testing.T, points int, seed uint64, f fault, forgetful bool) (explored int, violations []string) {
	t.Helper()
	fs := crashfs.New()
	if f == unsyncedFolders {
		fs.DropSyncs(func(path string) bool { return strings.HasPrefix(path, "/blobs") && !strings.Contains(path, "-") })
	}
	ctx := t.Context()
	s, err := crashSite(ctx, fs)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.store.Close() }()
	s.mustBucket(t, crashBucket)
	s.watchAll(t, crashBucket)
	s.CollectAtOnce()
	if forgetful {
		s.ForgetAtOnce()
	}

	var (
		l      = &log{history: newHistory()}
		check  = newChecker(ctx, forgetful)
		random = &lockedRand{r: rand.New(rand.NewPCG(seed, 1))}
		left   atomic.Int64
	)
	left.Store(int64(points))
	fs.OnPoint(func(p crashfs.Point) {
		// About a third of the points, so that a run meets every kind of them.
		if random.IntN(3) != 0 || left.Add(-1) < 0 {
			return
		}
		before := l.copy()
		outcomes := crashfs.Outcomes(seed + uint64(p.N))
		found := fs.Crash(outcomes[random.IntN(len(outcomes))])
		check.add(found, cut{before, l.copy()}, fmt.Sprintf("point %d, before %s of %s", p.N, p.Op, p.Name))
	})
	work, stop := context.WithCancel(ctx)
	defer stop()
	var background sync.WaitGroup
	background.Go(func() { deliver(work, s, l) })
	background.Go(func() { collect(work, s) })
	var writers sync.WaitGroup
	for w := range crashWriters {
		writer := &crashWriter{
			site: s, log: l, fault: f, number: w, forgetful: forgetful,
			random: rand.New(rand.NewPCG(seed, uint64(w)+10)),
		}
		writers.Go(func() {
			for left.Load() > 0 {
				if err := writer.change(ctx); err != nil {
					if f == noFault { // else it met the fault before the suite did
						t.Errorf("writer %d: %v", w, err)
					}
					return
				}
			}
		})
	}
	writers.Wait()
	stop()
	background.Wait()
	fs.OnPoint(nil)
	return check.wait()
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

func crashParameters(t *testing.T) (points int, seed uint64) {
	t.Helper()
	points, seed = crashDefault, rand.Uint64()
	if v := os.Getenv("CARILLON_CRASH_POINTS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		points = n
	}
	if v := os.Getenv("CARILLON_CRASH_SEED"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	return points, seed
}

func TestCrashLosesNoObjectAndNoEvent(t *testing.T) {
	points, seed := crashParameters(t)
	start := time.Now()
	explored, violations := 0, []string(nil)
	for round := uint64(0); explored < points && len(violations) == 0; round++ {
		n, found := runCrash(t, min(crashRound, points-explored), seed+round, noFault, round%2 == 1)
		explored += n
		for _, v := range found {
			violations = append(violations, fmt.Sprintf("round %d: %s", round, v))
		}
	}
	t.Logf("crash suite (object): %d points, %d violations, seed %d, %.1f s",
		explored, len(violations), seed, time.Since(start).Seconds())
	for i, v := range violations {
		if i == 10 {
			break
		}
		t.Error(v)
	}
	if len(violations) == 0 && explored < points {
		t.Errorf("explored %d points of %d", explored, points)
	}
}

func TestCrashSuiteNoticesFaults(t *testing.T) {
	const points = 400
	for name, f := range map[string]fault{
		"folders not synced": unsyncedFolders, "bytes removed too early": eagerDelete,
		"users not recorded": forgetUsers, "completions not remembered": forgetUploads,
	} {
		t.Run(name, func(t *testing.T) {
			_, violations := runCrash(t, points, rand.Uint64(), f, false)
			if len(violations) == 0 {
				t.Error("the suite noticed nothing")
			} else {
				t.Logf("%d violations, such as: %s", len(violations), violations[0])
			}
		})
	}
}
