package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/blob"
)

// Crash says how to run the crash suite.
type Crash struct {
	// Open opens the engine on fs. The suite gives each opening its own
	// incarnation.
	Open func(fs vfs.FS, incarnation uint64) (blob.Store, error)
	// Points is how many crashes to try: half a millisecond each.
	Points int
	// Seed chooses the work and the outcomes; the same seed tries the same.
	Seed uint64
}

// RunCrash pulls the plug after every single operation on the file system,
// with none, some and all of what was not synced still reaching the disk, and
// opens the store on what is left: every committed reference must be whole, and
// nothing else may read as if it were. Then it makes sure that it would have
// noticed, with engines whose syncs are taken away.
func RunCrash(t *testing.T, c Crash) {
	t.Run("committed contents survive", func(t *testing.T) {
		t.Parallel()
		tried, err := c.run(t.Context(), honest)
		if err != nil {
			t.Fatalf("seed %d, after %d crashes: %v", c.Seed, tried, err)
		}
		t.Logf("seed %d: %d crashes", c.Seed, tried)
	})
	for lie, name := range map[lie]string{
		noFileSync:   "without the file's sync",
		noFolderSync: "without the folder's sync",
	} {
		t.Run("control "+name, func(t *testing.T) {
			t.Parallel()
			tried, err := c.run(t.Context(), lie)
			if !errors.Is(err, errLost) {
				t.Fatalf("seed %d: %d crashes passed %s (%v): the suite is blind", c.Seed, tried, name, err)
			}
		})
	}
}

var (
	errLost = errors.New("committed contents are lost")
	// errEnough ends a run that has tried its crashes.
	errEnough = errors.New("enough crashes")
)

// crashRun is one process after another on one disk, each ended by the plug.
type crashRun struct {
	Crash
	lie         lie
	random      *rand.Rand
	tried       int
	incarnation uint64
	// live are the committed references that were not deleted.
	live map[blob.Ref][]byte
	// written has the digests of all contents that any process began to write.
	written   map[[sha256.Size]byte]bool
	violation error
}

// run returns how many crashes it tried and the first violation.
func (c Crash) run(ctx context.Context, lie lie) (int, error) {
	r := &crashRun{
		Crash: c, lie: lie, random: rand.New(rand.NewPCG(c.Seed, uint64(lie))),
		live: map[blob.Ref][]byte{}, written: map[[sha256.Size]byte]bool{},
	}
	for disks := 0; r.tried < c.Points; disks++ {
		if err := r.disk(ctx, disks); err != nil {
			return r.tried, err
		}
	}
	return r.tried, nil
}

// diskPoints is how many crashes one disk sees, over several processes. What
// they leave behind makes every further crash slower.
const diskPoints = 1000

// disk runs processes on a new disk. The first has its first opening crashed
// too; the others are spared the many operations of that.
func (r *crashRun) disk(ctx context.Context, number int) error {
	disk := vfs.NewCrashableMem()
	clear(r.live)
	if number > 0 || r.lie != honest {
		r.incarnation++
		s, err := r.Open(disk, r.incarnation)
		if err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	for stop := min(r.tried+diskPoints, r.Points); r.tried < stop; {
		r.incarnation++
		disk = r.process(ctx, disk)
		if r.violation != nil {
			return r.violation
		}
	}
	return nil
}

// process opens a store on disk and works until its time is up; it returns what
// one of the crashes on the way has left.
func (r *crashRun) process(ctx context.Context, disk *vfs.MemFS) (left *vfs.MemFS) {
	var survivors map[blob.Ref][]byte
	crashes := 0
	last := 50 + r.random.IntN(500)
	fs := &crashFS{FS: disk}
	fs.after = func() error {
		if r.violation != nil {
			return errEnough
		}
		for _, percent := range []int{0, 50, 100} {
			clone := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: r.random})
			if err := r.check(ctx, clone); err != nil {
				r.violation = fmt.Errorf("%d %% of what was not synced was kept: %w", percent, err)
				return errEnough
			}
			crashes++
			r.tried++
		}
		if crashes < last && r.tried < r.Points {
			return nil
		}
		percent := []int{0, 50, 100}[r.random.IntN(3)]
		left = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: r.random})
		survivors = r.live
		return errEnough
	}
	err := r.work(ctx, fs)
	if !errors.Is(err, errEnough) && r.violation == nil {
		r.violation = fmt.Errorf("the store failed by itself: %w", err)
	}
	r.live = survivors
	return left
}

// work commits, aborts and deletes until the file system ends it.
func (r *crashRun) work(ctx context.Context, fs *crashFS) error {
	s, err := r.Open(fs, r.incarnation)
	if err != nil {
		return err
	}
	fs.lie = r.lie // about contents, not about the store's own files
	for {
		if err := r.step(ctx, s); err != nil {
			return err
		}
	}
}

const maxLive = 4 // bounds what every check reads

func (r *crashRun) step(ctx context.Context, s blob.Store) error {
	for ref := range r.live {
		if len(r.live) < maxLive {
			break
		}
		delete(r.live, ref)
		if err := s.Delete(ctx, ref); err != nil {
			return err
		}
	}
	data := contents(r.random.Uint64(), r.size())
	r.written[sha256.Sum256(data)] = true
	w, err := s.Create(ctx)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if r.random.IntN(5) == 0 {
		return w.Abort()
	}
	ref, err := w.Commit()
	if err != nil {
		return err
	}
	r.live[ref] = data
	return nil
}

// size is mostly small, sometimes several blocks or writes.
func (r *crashRun) size() int {
	switch r.random.IntN(40) {
	case 0:
		return 0
	case 1:
		return unit
	case 2, 3:
		return r.random.IntN(6 * unit)
	default:
		return r.random.IntN(3000)
	}
}

// othersEvery is the share of crashes after which the whole store is read.
const othersEvery = 8

// check opens the store on what a crash has left and compares.
func (r *crashRun) check(ctx context.Context, disk vfs.FS) error {
	s, err := r.Open(disk, r.incarnation+1)
	if err != nil {
		return fmt.Errorf("open after the crash: %w", err)
	}
	defer s.Close() //nolint:errcheck // nothing is at stake any more
	for ref, want := range r.live {
		if got, err := readAll(ctx, s, ref, len(want)); err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("%s: got %d of %d bytes, %w: %w", ref, len(got), len(want), err, errLost)
		}
	}
	if r.random.IntN(othersEvery) == 0 {
		if err := r.checkOthers(ctx, s); err != nil {
			return err
		}
	}
	ref, err := write(ctx, s, []byte("life goes on"), 5)
	if err != nil {
		return fmt.Errorf("write after the crash: %w", err)
	}
	if _, used := r.live[ref]; used {
		return fmt.Errorf("reference %s was used again", ref)
	}
	return nil
}

// checkOthers looks at what was not committed, or deleted: it may be there
// whole, or be known as damaged, or be gone.
func (r *crashRun) checkOthers(ctx context.Context, s blob.Store) error {
	for info, err := range s.Walk(ctx) {
		if _, ok := r.live[info.Ref]; ok {
			continue
		}
		if errors.Is(err, blob.ErrCorrupt) {
			continue
		}
		if err != nil {
			return fmt.Errorf("walk: %w", err)
		}
		got, err := readAll(ctx, s, info.Ref, int(info.Size))
		switch {
		case errors.Is(err, blob.ErrCorrupt):
		case err != nil:
			return fmt.Errorf("%s: %w", info.Ref, err)
		case !r.written[sha256.Sum256(got)]:
			return fmt.Errorf("%s reads as %d bytes that nobody wrote", info.Ref, len(got))
		}
	}
	return nil
}

func readAll(ctx context.Context, s blob.Store, ref blob.Ref, size int) ([]byte, error) {
	rd, err := s.Open(ctx, ref, 0, int64(size))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(rd)
	return data, errors.Join(err, rd.Close())
}
