package pebble

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/carillon-s3/carillon/internal/kv"
)

func openTest(t *testing.T, o Options) *Store {
	t.Helper()
	o.Dir, o.CacheBytes = "store", 1<<20
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t *testing.T, s *Store, key string, value []byte) {
	t.Helper()
	var b kv.Batch
	b.Set([]byte(key), value)
	if _, err := s.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
}

// TestRecentNeverHidesAWrite compares with a map that forgets nothing.
func TestRecentNeverHidesAWrite(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	const from, limit = kv.Version(100), 50
	r := newRecent(from, limit)
	last := map[string]kv.Version{}
	needless, checks := 0, 0
	for version := from + 1; version < from+5000; version++ {
		key := fmt.Sprint(rnd.IntN(200))
		r.note([]byte(key), version)
		last[key] = version
		r.turn(version)
		asked := fmt.Sprint(rnd.IntN(200))
		since := max(from, version-kv.Version(rnd.IntN(40)))
		unchanged := r.unchanged([]byte(asked), since)
		if unchanged && last[asked] > since {
			t.Fatalf("key %s was written by %d, and is unchanged since %d", asked, last[asked], since)
		}
		checks++
		if !unchanged && last[asked] <= since {
			needless++
		}
	}
	if needless > 0 {
		t.Errorf("%d of %d checks within a generation were needless conflicts", needless, checks)
	}
	if r.unchanged([]byte("never written"), from) {
		t.Error("what is older than both generations is taken for unchanged")
	}
	if len(r.now)+len(r.old) > 2*limit {
		t.Errorf("%d keys are kept", len(r.now)+len(r.old))
	}
}

// TestOldRequirementConflicts checks that a requirement that outlived the
// committer's memory is a conflict, and holds when it is read again.
func TestOldRequirementConflicts(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{FS: vfs.NewMem()})
	s.recent = newRecent(s.version, 10) // no commit is under way
	put(t, s, "k", []byte("v"))
	seen, err := s.Get(t.Context(), []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		put(t, s, fmt.Sprint("other ", i), nil)
	}
	var b kv.Batch
	b.Require([]byte("k"), seen)
	if _, err := s.Commit(t.Context(), &b); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("Commit: %v; want ErrConflict", err)
	}
	b = kv.Batch{}
	if seen, err = s.Get(t.Context(), []byte("k")); err != nil {
		t.Fatal(err)
	}
	b.Require([]byte("k"), seen)
	if _, err := s.Commit(t.Context(), &b); err != nil {
		t.Errorf("read again: %v", err)
	}
}

// hold stops the committer after its next append, until the test lets go.
func hold(t *testing.T, s *Store) (letGo func()) {
	t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	stop := s.Watch(func([]kv.Head) {
		if once.CompareAndSwap(false, true) {
			close(held)
			<-release
		}
	})
	var b kv.Batch
	b.Append(99, nil)
	if _, err := s.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	<-held
	return func() {
		close(release)
		stop()
	}
}

func TestCancelledBeforeItsTurn(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{FS: vfs.NewMem()})
	letGo := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := make(chan error, 1)
	go func() {
		var b kv.Batch
		b.Set([]byte("k"), nil)
		_, err := s.Commit(ctx, &b)
		cancelled <- err
	}()
	for waiting := 0; waiting == 0; {
		s.queue.mu.Lock()
		waiting = len(s.queue.waiting)
		s.queue.mu.Unlock()
	}
	cancel()
	if err := <-cancelled; !errors.Is(err, context.Canceled) {
		t.Errorf("Commit: %v", err)
	}
	letGo()
	put(t, s, "other", nil)
	if it, err := s.Get(t.Context(), []byte("k")); err != nil || it.Exists() {
		t.Errorf("a cancelled commit happened: %+v, %v", it, err)
	}
}

func TestRelaxedCommitsAreBounded(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{FS: vfs.NewMem()})
	letGo := hold(t, s)
	var b kv.Batch
	b.Set([]byte("k"), make([]byte, 1<<20))
	ctx, cancel := context.WithCancel(t.Context())
	taken := 0
	for ; taken < 2*maxRelaxedBytes>>20; taken++ {
		if !s.relaxed.TryAcquire(2 << 20) {
			break
		}
		s.relaxed.Release(2 << 20)
		if err := s.CommitRelaxed(ctx, &b, nil); err != nil {
			t.Fatal(err)
		}
	}
	if taken == 0 || taken > maxRelaxedBytes>>20 {
		t.Errorf("%d batches of 1 MiB wait", taken)
	}
	full := make(chan error, 1)
	large := kv.Batch{}
	large.Set([]byte("k"), make([]byte, 2<<20))
	go func() { full <- s.CommitRelaxed(ctx, &large, nil) }()
	select {
	case err := <-full:
		t.Errorf("it did not block: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	cancel()
	if err := <-full; !errors.Is(err, context.Canceled) {
		t.Errorf("blocked, and cancelled: %v", err)
	}
	letGo()
	if err := s.CommitRelaxed(t.Context(), &large, nil); err != nil {
		t.Errorf("after the backlog: %v", err)
	}
}

func TestGroupsAreBounded(t *testing.T) {
	t.Parallel()
	var q queue
	q.wake = make(chan struct{}, 1)
	for range groupRequests + 10 {
		q.push(&request{bytes: 1})
	}
	if g, _, _ := q.take(); len(g) != groupRequests {
		t.Errorf("a group of %d", len(g))
	}
	q.take()
	for _, size := range []int{kv.MaxBatchBytes, groupBytes, 1, groupBytes} {
		q.push(&request{bytes: size})
	}
	var sizes []int
	for g, _, _ := q.take(); len(g) > 0; g, _, _ = q.take() {
		sizes = append(sizes, len(g))
	}
	if fmt.Sprint(sizes) != "[1 1 1 1]" {
		t.Errorf("groups of %v", sizes)
	}
	if 4*(groupBytes+kv.MaxBatchBytes) > DefaultMemTableBytes {
		t.Error("a group can exceed a quarter of a memtable")
	}
}

func TestCloseWithAForgottenView(t *testing.T) {
	t.Parallel()
	s, err := Open(Options{FS: vfs.NewMem(), Dir: "store", CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.patience = time.Millisecond
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "View") {
		t.Errorf("Close: %v", err)
	}
	if _, err := v.Get(t.Context(), []byte("k")); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("a view of a closed store: %v", err)
	}
	v.Close()
}

// TestDamageIsNoticed flips bits of a table: a read of it fails, and so does the
// store.
func TestDamageIsNoticed(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	open := func() *Store {
		s, err := Open(Options{FS: fs, Dir: "store", CacheBytes: 1 << 20, BallastBytes: -1})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	rnd := rand.NewChaCha8([32]byte{})
	value := make([]byte, 1000)
	for i := range 100 {
		_, _ = rnd.Read(value)
		put(t, s, fmt.Sprintf("k%03d", i), value)
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("store/db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			data, err := fs.UnsafeGetFileDataBuffer("store/db/" + name)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 0x10
		}
	}
	s = open()
	if it, err := s.Get(t.Context(), []byte("k000")); err != nil || !it.Exists() {
		t.Fatalf("what is not damaged: %+v, %v", it, err)
	}
	for _, err = range s.Scan(t.Context(), kv.Range{}) {
		if err != nil {
			break
		}
	}
	if err == nil {
		t.Fatal("damage was not noticed")
	}
	<-s.Failed()
	if err := s.Err(); !errors.Is(err, kv.ErrFailed) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Err: %v", err)
	}
}

func TestSpace(t *testing.T) {
	t.Parallel()
	const reserve, ballast = 1 << 20, 256 << 10
	fs := vfs.NewMem()
	free := func(n uint64) { fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: n, TotalBytes: 1 << 40}) }
	free(10 << 20)
	s := openTest(t, Options{FS: fs, ReserveBytes: reserve, BallastBytes: ballast})
	for _, c := range []struct {
		free            uint64
		admits, ballast bool
	}{
		{10 << 20, true, true},
		{reserve, true, true},
		{reserve - 1, false, true},
		{reserve + 1, false, true}, // not yet enough
		{reserve + reserve/8, true, true},
		{ballast, false, true},
		{ballast - 1, false, false},
		{reserve - 1, false, false},
		{2 * reserve, true, true}, // made again
	} {
		free(c.free)
		s.space.look(nil)
		if err := s.Admit(); (err == nil) != c.admits || err != nil && !errors.Is(err, kv.ErrNoSpace) {
			t.Errorf("%d free: Admit: %v", c.free, err)
		}
		info, err := fs.Stat("store/ballast")
		if (err == nil) != c.ballast || err == nil && info.Size() != ballast {
			t.Errorf("%d free: the ballast: %v, %v", c.free, info, err)
		}
		if seen, ok := s.Space(); !ok || seen != (Space{Free: c.free, Total: 1 << 40, Reserve: reserve}) {
			t.Errorf("%d free: Space: %+v, %v", c.free, seen, ok)
		}
		put(t, s, "k", nil) // commits go on in any case
	}
}

// TestLargeReserve: an operator's large reserve does not ask for a large part of
// itself on top of it.
func TestLargeReserve(t *testing.T) {
	t.Parallel()
	const reserve = 1 << 40
	fs := vfs.NewMem()
	s := openTest(t, Options{FS: fs, ReserveBytes: reserve, BallastBytes: -1})
	for _, c := range []struct {
		free   uint64
		admits bool
	}{
		{reserve - 1, false},
		{reserve + maxReserve/8 - 1, false},
		{reserve + maxReserve/8, true},
	} {
		fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: c.free, TotalBytes: 1 << 42})
		s.space.look(nil)
		if err := s.Admit(); (err == nil) != c.admits {
			t.Errorf("%d free: Admit: %v", c.free, err)
		}
	}
}

// TestFullDiskWhileFlushing checks that a flush without room does not end the
// store, and that the ballast makes room.
func TestFullDiskWhileFlushing(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 40, TotalBytes: 1 << 40})
	var full atomic.Bool
	gone := make(chan struct{})
	var removed sync.Once
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch {
		case op.Kind == errorfs.OpRemove && strings.HasSuffix(op.Path, ballastFile):
			full.Store(false)
			removed.Do(func() { close(gone) })
		case full.Load() && op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".sst"):
			return syscall.ENOSPC
		}
		return nil
	}))
	s := openTest(t, Options{FS: fs, BallastBytes: 64 << 10, MemTableBytes: 64 << 10})
	s.space.look(nil)
	full.Store(true)
	for i := range 500 {
		put(t, s, fmt.Sprintf("k%03d", i), make([]byte, 1000))
	}
	<-gone
	if err := s.Err(); err != nil {
		t.Fatalf("the store has failed: %v", err)
	}
	if err := s.Admit(); !errors.Is(err, kv.ErrNoSpace) {
		t.Errorf("Admit: %v; want ErrNoSpace", err)
	}
	s.space.look(nil)
	if err := s.Admit(); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
