package object_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/blob/file"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
	"github.com/carillon-s3/carillon/internal/object"
)

// The crash suite runs writers, a collector and a deliverer on a disk that
// loses power at sampled writes, opens what each power cut leaves, and checks
// that every acknowledged change and its event are there together, and every
// other is wholly there or wholly absent. Each server lives twice: the second
// life begins on a disk that a power cut of the first one left, and sweeps it
// while it works. After every cut a sweep and the collector leave exactly the
// bytes that objects are made of.
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
	crashRound = 250
	crashLives = 2
	// cutSweeps is how many of the checks also cut off their own sweep, one in so
	// many, and maxCuts at how many of its writes.
	cutSweeps     = 4
	maxCuts       = 4
	sweepEvery    = 20 * time.Millisecond
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
	// noSweep: what former processes left behind is not removed.
	noSweep
	// sweepUsed, sweepParts and sweepLiving: it is removed along with what has a
	// user row, what a row of a part names, and what this process is writing.
	sweepUsed
	sweepParts
	sweepLiving
	// forgetOlder: the version that was the latest is not kept.
	forgetOlder
)

// sweep removes what former processes left behind, as well as the fault lets it.
func (f fault) sweep(ctx context.Context, s *site) error {
	how := object.SweepWell
	switch f {
	case noSweep:
		return nil
	case sweepUsed:
		how = object.IgnoreUsers
	case sweepParts:
		how = object.IgnoreParts
	case sweepLiving:
		how = object.IgnoreLiving
	}
	_, err := s.SweepBadly(ctx, how)
	return err
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
		"leftovers not swept": noSweep, "objects swept": sweepUsed, "parts swept": sweepParts,
		"bodies swept that are being written": sweepLiving,
		"older versions not kept":             forgetOlder,
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
