// Package crashfs is a file system in memory for tests that pull the plug. It
// counts every operation that changes something as a crash point, and at any of
// them gives a copy of itself as a power cut would have left it.
//
// Contents are kept by Pebble's crashable MemFS: a copy has what was synced, and
// of the rest as many blocks as asked. Names are kept here. MemFS never lets a
// removal or a rename survive that no directory sync made durable, which is the
// dangerous direction: whoever removes a file too early is not found out. Here
// every change of a name that is not synced yet can be lost or kept.
//
//	fs := crashfs.New()
//	fs.OnPoint(func(p crashfs.Point) {
//		for _, o := range crashfs.Outcomes(uint64(p.N)) {
//			after := fs.Crash(o)
//			... // open the store on after, and compare with what was promised
//		}
//	})
//	... // run the workload on fs
//
// Nothing but tests imports it.
package crashfs

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Names says what becomes of the changes of names (creations, removals, renames,
// links, new folders) whose folder was not synced after them.
type Names int

// Outcomes.
const (
	// Lost: none of them survives.
	Lost Names = iota
	// Kept: all of them survive, in order. The contents of a kept file may
	// still be lost.
	Kept
	// Some: the first of them survive, how many is left to chance. That is what
	// the journals of today's file systems do: none lets a change of a name
	// overtake an earlier one. A rename survives as a whole, unless the sync of
	// one of two folders has made half of it durable.
	Some
)

// String implements fmt.Stringer.
func (n Names) String() string { return [...]string{"lost", "kept", "in part"}[n] }

// Outcome chooses among the states that a power cut can leave.
type Outcome struct {
	// UnsyncedPercent is the chance of every unsynced block of 4 KiB to
	// survive; at 0 none does, at 100 all do.
	UnsyncedPercent int
	Names           Names
	// Seed makes what is left to chance repeatable.
	Seed uint64
}

// Outcomes are those worth exploring at a point.
func Outcomes(seed uint64) []Outcome {
	return []Outcome{
		{UnsyncedPercent: 0, Names: Lost, Seed: seed},
		{UnsyncedPercent: 0, Names: Kept, Seed: seed},
		{UnsyncedPercent: 50, Names: Lost, Seed: seed},
		{UnsyncedPercent: 50, Names: Some, Seed: seed},
		{UnsyncedPercent: 100, Names: Lost, Seed: seed},
		{UnsyncedPercent: 100, Names: Kept, Seed: seed},
	}
}

// Point is an operation that is about to change the disk.
type Point struct {
	// N counts the points of an FS from 1.
	N int64
	// Op is the operation, Name what it is done to.
	Op, Name string
}

// FS is a vfs.FS. It is safe for concurrent use.
type FS struct {
	points atomic.Int64
	hook   atomic.Pointer[func(Point)]
	drop   atomic.Pointer[func(string) bool]

	// mu is held for reading while contents change, and for writing while
	// names change or a copy is made.
	mu       sync.RWMutex
	contents *vfs.MemFS // one file per node, named by its number
	root     *node
	next     int
	pending  []*change
	removals int // since contents was last swept
	locks    map[string]bool
}

var _ vfs.FS = (*FS)(nil)

// New returns an empty file system.
func New() *FS {
	return &FS{contents: vfs.NewCrashableMem(), root: newFolder(), locks: map[string]bool{}}
}

// OnPoint has fn called before each operation that changes the disk, in the
// goroutine of the operation and with no lock held: Crash within fn is the power
// cut just before. nil ends it.
func (f *FS) OnPoint(fn func(Point)) {
	if fn == nil {
		f.hook.Store(nil)
		return
	}
	f.hook.Store(&fn)
}

// Points is the number of points so far.
func (f *FS) Points() int64 { return f.points.Load() }

// DropSyncs makes syncs of files that lie chooses do nothing and report
// success, as a disk with a volatile cache does, or an engine that does not ask
// for them. It is there for negative controls. nil ends it.
func (f *FS) DropSyncs(lie func(path string) bool) {
	if lie == nil {
		f.drop.Store(nil)
		return
	}
	f.drop.Store(&lie)
}

func (f *FS) dropped(path string) bool {
	lie := f.drop.Load()
	return lie != nil && (*lie)(path)
}

// point is called by every changing operation before it takes effect.
func (f *FS) point(op, name string) {
	n := f.points.Add(1)
	if hook := f.hook.Load(); hook != nil {
		(*hook)(Point{n, op, name})
	}
}

// Crash returns the disk as a power cut at this moment could have left it, with
// nothing locked. All that it holds is synced, and it has crash points of its
// own, so that a recovery can be cut off too. The FS itself goes on.
func (f *FS) Crash(o Outcome) *FS {
	rnd := rand.New(rand.NewPCG(o.Seed, 0)) //nolint:gosec // repeatable on purpose
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sweep()
	after := &FS{
		contents: f.contents.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: o.UnsyncedPercent, RNG: rnd}),
		root:     newFolder(),
		next:     f.next,
		locks:    map[string]bool{},
	}
	f.survivors(o.Names, rnd).copyTree(f.root, after.root)
	return after
}

// contentName is the name of a node's file in contents.
func contentName(id int) string { return "/" + strconv.Itoa(id) }
