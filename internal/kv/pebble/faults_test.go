package pebble_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
)

// A fault ends the process that meets it, so each is met by a child: this test
// binary, started again with these variables.
const (
	faultVariable = "CARILLON_TEST_FAULT"
	indexVariable = "CARILLON_TEST_FAULT_INDEX"
	dirVariable   = "CARILLON_TEST_FAULT_DIR"
)

// How a child ends.
const (
	exitUnharmed = 0
	exitRuntime  = 2 // Pebble panicked with its locks held, which Go does not survive
	exitFailed   = 3 // the store failed, as it should
	exitNotOpen  = 4 // the store could not be opened, as it should not
	exitWrong    = 5 // the store broke its contract; stderr says how
)

// fault is an operation that fails once, and succeeds when it is tried again.
type fault struct {
	name    string
	err     error
	hits    func(errorfs.Op) bool
	indexes []int
}

func file(kind errorfs.OpKind, part string) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool {
		same := op.Kind == kind || kind == errorfs.OpFileSync && op.Kind == errorfs.OpFileSyncData
		return same && strings.Contains(op.Path, part)
	}
}

func faults() []fault {
	return []fault{
		{"log sync", syscall.EIO, file(errorfs.OpFileSync, ".log"), []int{0, 1, 7, 60}},
		{"log write", syscall.EIO, file(errorfs.OpFileWrite, ".log"), []int{0, 1, 7, 60}},
		{"log create", syscall.EIO, file(errorfs.OpCreate, ".log"), []int{0, 1}},
		{"log reuse", syscall.EIO, file(errorfs.OpReuseForWrite, ".log"), []int{0, 1}},
		{"disk full at the log", syscall.ENOSPC, file(errorfs.OpFileWrite, ".log"), []int{3, 40}},
		{"manifest sync", syscall.EIO, file(errorfs.OpFileSync, "MANIFEST"), []int{0, 1, 2, 3}},
		{"manifest write", syscall.EIO, file(errorfs.OpFileWrite, "MANIFEST"), []int{0, 1, 2, 3}},
		{"manifest create", syscall.EIO, file(errorfs.OpCreate, "MANIFEST"), []int{0}},
		{"table sync", syscall.EIO, file(errorfs.OpFileSync, ".sst"), []int{0, 2}},
		{"table write", syscall.EIO, file(errorfs.OpFileWrite, ".sst"), []int{0, 5}},
		{"table create", syscall.EIO, file(errorfs.OpCreate, ".sst"), []int{0, 2}},
		{"table read", syscall.EIO, file(errorfs.OpFileReadAt, ".sst"), []int{0, 9}},
		{"format sync", syscall.EIO, file(errorfs.OpFileSync, "FORMAT"), []int{0, 1}},
		{"format rename", syscall.EIO, file(errorfs.OpRename, "FORMAT"), []int{0, 1}},
		{"folder", syscall.EIO, file(errorfs.OpMkdirAll, ""), []int{0, 1}},
	}
}

func TestMain(m *testing.M) {
	if os.Getenv(faultVariable) != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		for _, index := range f.indexes {
			t.Run(fmt.Sprintf("%s %d", f.name, index), func(t *testing.T) {
				t.Parallel()
				meetFault(t, f, index)
			})
		}
	}
}

// childPatience ends a child that hangs, which is a fault of the store.
const childPatience = 2 * time.Minute

// meetFault has a child meet the fault, and looks at what it left.
func meetFault(t *testing.T, f fault, index int) {
	dir := t.TempDir() + "/new/folder"
	ctx, cancel := context.WithTimeout(t.Context(), childPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0]) //nolint:gosec // this binary
	cmd.Env = append(os.Environ(), faultVariable+"="+f.name, indexVariable+"="+strconv.Itoa(index), dirVariable+"="+dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() == exitWrong || exit.ExitCode() < 0 {
		t.Fatalf("the child ended with %v, not as one whose store failed:\n%s", err, stderr.String())
	}
	acked, issued := tally(t, &stdout)
	s, err := pebble.Open(small(nil, dir))
	if err != nil {
		t.Fatalf("opening what is left: %v", err)
	}
	defer s.Close()
	_, head, err := s.Bounds(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for e, err := range s.Scan(t.Context(), kv.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		there[string(e.Key)] = true
	}
	for name := range acked {
		if !there[name] {
			t.Errorf("%s was acknowledged and is gone", name)
		}
	}
	for name := range there {
		if !issued[name] {
			t.Errorf("%s is there and was never handed over", name)
		}
	}
	if head.Sequence != uint64(len(there)) {
		t.Errorf("%d commits left %d log records", len(there), head.Sequence)
	}
	t.Logf("exit %d, %d acknowledged, %d there, %d handed over", exit.ExitCode(), len(acked), len(there), len(issued))
}

// tally reads the child's lines: "issued NAME" and "acked NAME".
func tally(t *testing.T, out *bytes.Buffer) (acked, issued map[string]bool) {
	t.Helper()
	acked, issued = map[string]bool{}, map[string]bool{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, name, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "acked":
			acked[name] = true
		case "issued":
			issued[name] = true
		default:
			t.Fatalf("the child says %q", lines.Text())
		}
	}
	return acked, issued
}

// once injects a fault at the index-th operation that it hits.
type once struct {
	fault
	index int64
	count atomic.Int64
}

// String implements errorfs.Injector.
func (o *once) String() string { return o.name }

// MaybeError implements errorfs.Injector.
func (o *once) MaybeError(op errorfs.Op) error {
	if o.hits(op) && o.count.Add(1) == o.index+1 {
		return o.err
	}
	return nil
}

// childCommits ends a child that its fault does not reach.
const childCommits = 3000

func child() int {
	inject := &once{}
	for _, f := range faults() {
		if f.name == os.Getenv(faultVariable) {
			inject.fault = f
		}
	}
	var err error
	if inject.index, err = strconv.ParseInt(os.Getenv(indexVariable), 10, 64); err != nil || inject.name == "" {
		fmt.Fprintln(os.Stderr, "no such fault:", err)
		return exitWrong
	}
	o := small(errorfs.Wrap(vfs.Default, inject), os.Getenv(dirVariable))
	o.MemTableBytes = 64 << 10
	w := &faultWriters{}
	o.OnFatal = func(error) { w.fatal.Add(1) }
	s, err := pebble.Open(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitNotOpen
	}
	w.store = s
	w.run()
	select {
	case <-s.Failed():
	default:
		fmt.Fprintln(os.Stderr, "it serves on after", inject.count.Load(), "operations that can be hit")
		return exitUnharmed
	}
	return w.afterwards()
}

// faultWriters commit until the store fails.
type faultWriters struct {
	store *pebble.Store
	mu    sync.Mutex // keeps lines apart
	wrong atomic.Bool
	fatal atomic.Int64 // calls of OnFatal
}

func (w *faultWriters) say(out *os.File, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = fmt.Fprintf(out, format+"\n", args...)
}

func (w *faultWriters) complain(format string, args ...any) {
	w.wrong.Store(true)
	w.say(os.Stderr, format, args...)
}

func (w *faultWriters) run() {
	var next atomic.Int64
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for n := next.Add(1); n <= childCommits; n = next.Add(1) {
				if !w.commit(fmt.Sprintf("k%06d", n)) {
					return
				}
			}
		})
	}
	running.Wait()
}

func (w *faultWriters) commit(name string) bool {
	var b kv.Batch
	b.Set([]byte(name), make([]byte, 500))
	b.Append(1, []byte(name))
	failed := w.store.Err() != nil
	w.say(os.Stdout, "issued %s", name)
	_, err := w.store.Commit(context.Background(), &b)
	switch {
	case err == nil && failed:
		w.complain("a commit after the failure got nil")
	case err == nil:
		w.say(os.Stdout, "acked %s", name)
	case !errors.Is(err, kv.ErrUnsure) && !errors.Is(err, kv.ErrFailed):
		w.complain("Commit: %v", err)
	}
	return err == nil
}

// afterwards checks that a failed store serves nothing.
func (w *faultWriters) afterwards() int {
	ctx := context.Background()
	var b kv.Batch
	b.Set([]byte("late"), nil)
	_, commitErr := w.store.Commit(ctx, &b)
	_, getErr := w.store.Get(ctx, []byte("k000001"))
	_, viewErr := w.store.View(ctx)
	_, logErr := w.store.ReadLog(ctx, 1, 1, 1)
	_, _, boundsErr := w.store.Bounds(ctx, 1)
	var scanErr error
	for _, err := range w.store.Scan(ctx, kv.Range{}) {
		scanErr = err
	}
	for name, err := range map[string]error{
		"Commit": commitErr, "CommitRelaxed": w.store.CommitRelaxed(ctx, &b, nil), "Get": getErr, "View": viewErr,
		"ReadLog": logErr, "Bounds": boundsErr, "Scan": scanErr, "Admit": w.store.Admit(), "Err": w.store.Err(),
		"Close": w.store.Close(),
	} {
		if !errors.Is(err, kv.ErrFailed) {
			w.complain("%s after the failure: %v", name, err)
		}
	}
	if n := w.fatal.Load(); n != 1 {
		w.complain("OnFatal was called %d times", n)
	}
	if w.wrong.Load() {
		return exitWrong
	}
	return exitFailed
}
