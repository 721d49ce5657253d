package spool_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/notify/spool"
)

const (
	hook  = "1:webhook"
	other = "2:webhook"
)

// site is a journal with a spool on the machine's disk.
type site struct {
	t       *testing.T
	store   *memory.Store
	fs      *failingFS
	journal *journal.Journal
	alarms  *alarms
	dir     string
	added   int
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, store: memory.New(), fs: &failingFS{FS: vfs.Default}, dir: filepath.Join(t.TempDir(), "queue", "carillon-webhook-1")}
	t.Cleanup(func() { _ = s.store.Close() })
	s.open()
	return s
}

// open opens the journal, as the start of a server does.
func (s *site) open() {
	s.t.Helper()
	if s.journal != nil {
		s.journal.CloseSpools()
	}
	s.alarms = &alarms{}
	var err error
	if s.journal, err = journal.Open(s.t.Context(), s.store); err != nil {
		s.t.Fatal(err)
	}
	folders := spool.New(spool.Options{FS: s.fs, SegmentBytes: 256})
	if err := s.journal.OpenSpools(s.t.Context(), folders, slog.New(s.alarms)); err != nil {
		s.t.Fatal(err)
	}
	if err := s.journal.CountAll(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.journal.SpoolTo(map[string]string{hook: s.dir})
}

// add commits n events of one key.
func (s *site) add(n int, consumers ...string) {
	s.t.Helper()
	for range n {
		s.added++
		var b kv.Batch
		rec := &event.Record{Name: event.ObjectCreatedPut, Bucket: "b", BucketID: 7, Key: "k", Size: int64(s.added)}
		added, err := s.journal.Add(&b, rec, consumers)
		if err != nil {
			s.t.Fatal(err)
		}
		positions, err := s.store.Commit(s.t.Context(), &b)
		if err != nil {
			s.t.Fatal(err)
		}
		s.journal.Committed(added, positions)
	}
}

// partition is where the events of add are.
func partition() uint16 { return journal.PartitionOf(7, "k") }

func (s *site) trim() {
	s.t.Helper()
	if _, err := s.journal.Trim(s.t.Context(), journal.Window{Bytes: 1 << 30}, time.Now().Add(time.Hour)); err != nil {
		s.t.Fatal(err)
	}
}

// pending returns the sizes of a consumer's events, which number them.
func (s *site) pending(consumer string) (sizes []int64) {
	s.t.Helper()
	after := uint64(0)
	for {
		entries, _, err := s.journal.Pending(s.t.Context(), consumer, partition(), after, 7)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(entries) == 0 {
			return sizes
		}
		for _, e := range entries {
			sizes = append(sizes, e.Record.Size)
			after = e.Sequence
		}
	}
}

func (s *site) gaps(consumer string) (gaps []journal.Gap) {
	s.t.Helper()
	var behind *journal.At
	for {
		page, err := s.journal.Gaps(s.t.Context(), consumer, behind, 3)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(page) == 0 {
			return gaps
		}
		gaps = append(gaps, page...)
		behind = &gaps[len(gaps)-1].At
	}
}

// ackAll acknowledges what is pending, durably.
func (s *site) ackAll(consumer string) {
	s.t.Helper()
	entries, _, err := s.journal.Pending(s.t.Context(), consumer, partition(), 0, 1<<20)
	if err != nil {
		s.t.Fatal(err)
	}
	var at []journal.At
	bytes := int64(0)
	for _, e := range entries {
		at = append(at, e.At())
		bytes += int64(e.Bytes)
	}
	if err := s.journal.Ack(s.t.Context(), consumer, at, bytes); err != nil {
		s.t.Fatal(err)
	}
	var b kv.Batch
	b.Delete([]byte("nothing"))
	if _, err := s.store.Commit(s.t.Context(), &b); err != nil { // relaxed commits come before it
		s.t.Fatal(err)
	}
}

func (s *site) segments(dir string) []string {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

func (s *site) status() journal.SpoolStatus {
	s.t.Helper()
	status, ok := s.journal.SpoolStatus(hook)
	if !ok {
		s.t.Fatal("the consumer has no spool")
	}
	return status
}

func (s *site) wantPending(consumer string, want []int64) {
	s.t.Helper()
	if got := s.pending(consumer); !slices.Equal(got, want) {
		s.t.Errorf("pending of %s: %v, want %v", consumer, got, want)
	}
}

// upTo are the numbers from first to last.
func upTo(first, last int64) (all []int64) {
	for n := first; n <= last; n++ {
		all = append(all, n)
	}
	return all
}

// failingFS fails what changes files, once told to.
type failingFS struct {
	vfs.FS
	err atomic.Pointer[error]
}

func (f *failingFS) fail(err error) {
	if err == nil {
		f.err.Store(nil)
		return
	}
	f.err.Store(&err)
}

func (f *failingFS) failure() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *failingFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.failure(); errors.Is(err, syscall.EROFS) {
		return nil, err
	}
	file, err := f.FS.Create(name, c)
	return &failingFile{file, f}, err
}

// Open fails as a bad disk does.
func (f *failingFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if err := f.failure(); errors.Is(err, syscall.EIO) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return f.FS.Open(name, o...)
}

type failingFile struct {
	vfs.File
	fs *failingFS
}

func (f *failingFile) Write(p []byte) (int, error) {
	if err := f.fs.failure(); err != nil {
		n, _ := f.File.Write(p[:len(p)/2]) // as a full disk does
		return n, err
	}
	return f.File.Write(p)
}

func TestSpooledEventsComeInOrderAndFreeTheirSpace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(40, hook)
	s.trim()
	s.add(20, hook)
	s.wantPending(hook, upTo(1, 60)) // of the spool, and of the log
	s.trim()
	s.add(5, hook)
	s.trim()
	if n := len(s.segments(s.dir)); n < 3 {
		t.Errorf("%d segments, want several", n)
	}
	if status := s.status(); status.Segments != len(s.segments(s.dir)) || status.Bytes == 0 || status.Problem != "" || status.Unwritable != "" {
		t.Errorf("status %+v", status)
	}
	s.open() // a restart
	s.wantPending(hook, upTo(1, 65))
	s.add(1, hook)
	s.trim()
	s.wantPending(hook, upTo(1, 66))
	s.ackAll(hook)
	s.trim()
	if left := s.segments(s.dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if got := s.alarms.all(); len(got) > 0 {
		t.Errorf("alarms: %q", got)
	}
}

func TestDamageIsReportedOnceAndListed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		harm    func(t *testing.T, s *site)
		problem string // in log and status
		reason  string // of each gap
		lost    int    // at least
	}{
		"emptied": {
			func(t *testing.T, s *site) { removeAll(t, filepath.Join(s.dir, "*")) },
			"missing or empty", "missing or empty", 39,
		},
		"folder gone": {
			func(t *testing.T, s *site) { must(t, os.RemoveAll(s.dir)) },
			"missing or empty", "missing or empty", 39,
		},
		"a file in its place": {
			func(t *testing.T, s *site) {
				must(t, os.RemoveAll(s.dir))
				must(t, os.WriteFile(s.dir, nil, 0o600))
			},
			"missing or empty", "missing or empty", 39,
		},
		"swapped": {
			func(t *testing.T, s *site) {
				foreign := newSite(t)
				foreign.add(40, hook)
				foreign.trim()
				must(t, os.RemoveAll(s.dir))
				must(t, os.CopyFS(s.dir, os.DirFS(foreign.dir)))
			},
			"holds another spool", "holds another spool", 39,
		},
		"a segment missing": {
			func(t *testing.T, s *site) { must(t, os.Remove(s.segments(s.dir)[1])) },
			"a segment is missing", "a segment is missing", 3,
		},
		"a segment cut off": {
			func(t *testing.T, s *site) { must(t, os.Truncate(s.segments(s.dir)[1], 200)) },
			"shorter", "shorter", 2,
		},
		"a segment empty": {
			func(t *testing.T, s *site) { must(t, os.Truncate(s.segments(s.dir)[0], 0)) },
			"shorter", "shorter", 3,
		},
		"a record damaged": {
			func(t *testing.T, s *site) { flip(t, s.segments(s.dir)[1], 60) },
			"a record is damaged", "a record is damaged", 1,
		},
		"a segment's header damaged": {
			func(t *testing.T, s *site) { flip(t, s.segments(s.dir)[1], 20) },
			"a segment is damaged", "a segment is damaged", 3,
		},
		"a segment copied over another": {
			func(t *testing.T, s *site) {
				names := s.segments(s.dir)
				data, err := os.ReadFile(names[2])
				must(t, err)
				must(t, os.WriteFile(names[1], data, 0o600))
			},
			"a segment is another one", "a segment is another one", 3,
		},
	}
	for name, tt := range tests {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %v", name, restart), func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				for range 8 {
					s.add(5, hook)
					s.trim()
				}
				s.add(5, hook) // the log has them, and the one before
				tt.harm(t, s)
				if restart {
					s.open()
				}
				got := s.pending(hook)
				gaps := s.gaps(hook)
				if len(gaps) < tt.lost || len(got)+len(gaps) != 45 || got[len(got)-1] != 45 {
					t.Errorf("%d pending, %d listed as lost, want at least %d: %v", len(got), len(gaps), tt.lost, got)
				}
				if b, err := s.journal.Backlog(t.Context(), hook); err != nil || b.Entries != int64(len(got)) || b.Dropped != int64(len(gaps)) {
					t.Errorf("backlog %+v, %v; want %d entries and %d dropped", b, err, len(got), len(gaps))
				}
				for _, g := range gaps {
					if !strings.Contains(g.Reason, tt.reason) || g.Partition != partition() || g.First.IsZero() || g.Count != 1 {
						t.Errorf("gap %+v, want the reason %q", g, tt.reason)
					}
				}
				s.pending(hook)
				s.trim()
				s.trim()
				alarms := s.alarms.all()
				alarms = slices.DeleteFunc(alarms, func(text string) bool { return strings.Contains(text, "cannot be written") })
				if len(alarms) != 1 || !strings.Contains(alarms[0], tt.problem) {
					t.Errorf("alarms %q, want one with %q", alarms, tt.problem)
				}
				if status := s.status(); !strings.Contains(status.Problem, tt.problem) || status.Since.IsZero() {
					t.Errorf("status %+v, want the problem %q", status, tt.problem)
				}
				// The lane flows on.
				s.add(5, hook)
				s.trim()
				if got := s.pending(hook); got[len(got)-1] != 50 {
					t.Errorf("what came later is not pending: %v", got)
				}
			})
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func removeAll(t *testing.T, pattern string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	must(t, err)
	for _, name := range names {
		must(t, os.Remove(name))
	}
}

// flip changes one bit of a file.
func flip(t *testing.T, name string, offset int64) {
	t.Helper()
	data, err := os.ReadFile(name)
	must(t, err)
	data[offset] ^= 1
	must(t, os.WriteFile(name, data, 0o600))
}

func TestLostEventIsTakenFromAnotherOutbox(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(10, hook, other)
	s.add(10, hook)
	s.trim()
	must(t, os.RemoveAll(s.dir))
	s.wantPending(hook, append(upTo(1, 10), 20))
	if n := len(s.gaps(hook)); n != 9 {
		t.Errorf("%d gaps, want those that no other consumer has: 9", n)
	}
	// They are in the outbox now, whatever becomes of the other.
	s.ackAll(other)
	s.open()
	s.wantPending(hook, append(upTo(1, 10), 20))
}

func TestLostEventTakenFromAReplayIsNoReplay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(2, hook)
	all := func(*event.Record) (bool, error) { return true, nil }
	if _, err := s.journal.Replay(t.Context(), other, journal.Range{Sequences: &journal.Sequences{Partition: partition(), First: 1, Last: 1}}, nil, all); err != nil {
		t.Fatal(err)
	}
	s.trim()
	must(t, os.RemoveAll(s.dir))
	got, _, err := s.journal.Pending(t.Context(), hook, partition(), 0, 1)
	if err != nil || len(got) != 1 || got[0].Record.Size != 1 || got[0].Record.Replay {
		t.Errorf("pending %+v, %v; want the first event, as it was", got, err)
	}
}

func TestEventAcknowledgedMeanwhileIsNoGap(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(10, hook)
	s.trim()
	s.ackAll(hook)
	must(t, os.RemoveAll(s.dir))
	s.trim()
	if gaps := s.gaps(hook); len(gaps) > 0 {
		t.Errorf("gaps %v", gaps)
	}
	if got := s.alarms.all(); len(got) > 0 {
		t.Errorf("alarms %q: nothing was in it", got)
	}
	s.add(10, hook)
	s.trim() // makes the folder anew
	s.wantPending(hook, upTo(11, 20))
	if len(s.segments(s.dir)) == 0 {
		t.Error("the spool is not used again")
	}
}

func TestSpoolThatComesBackGivesItsEventsBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(40, hook)
	s.trim()
	must(t, os.Rename(s.dir, s.dir+".away"))
	s.open()
	s.wantPending(hook, []int64{40})
	s.add(5, hook)
	s.trim()
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a new spool was made in the place of one that may return: %v", err)
	}
	if status := s.status(); status.Unwritable == "" {
		t.Errorf("status %+v does not say that the spool is not used", status)
	}
	must(t, os.Rename(s.dir+".away", s.dir))
	s.open()
	s.wantPending(hook, upTo(1, 45))
	if gaps := s.gaps(hook); len(gaps) > 0 {
		t.Errorf("gaps %v", gaps)
	}
	s.add(5, hook)
	s.trim()
	s.wantPending(hook, upTo(1, 50))
	if status := s.status(); status.Unwritable != "" || status.Problem != "" {
		t.Errorf("status %+v of a spool that is whole", status)
	}
}

// TestDroppedGapsAreForgotten: once an operator has dropped the gaps of a spool
// that is lost, another is made in its place, and one that returns after all
// brings nothing back.
func TestDroppedGapsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.add(40, hook)
	s.trim()
	must(t, os.Rename(s.dir, s.dir+".away"))
	s.open()
	s.wantPending(hook, []int64{40})
	s.trim()
	s.dropGaps(hook)
	for range 2 { // one pass finds the first, the next the last
		s.trim()
	}
	s.add(20, hook)
	s.trim()
	if len(s.segments(s.dir)) == 0 {
		t.Error("no new spool was made")
	}
	if status := s.status(); status.Problem != "" || status.Unwritable != "" {
		t.Errorf("status %+v", status)
	}
	s.open()
	s.wantPending(hook, upTo(40, 60))
}

// dropGaps drops a consumer's gaps as an operator does.
func (s *site) dropGaps(consumer string) {
	s.t.Helper()
	var behind *journal.At
	for {
		step, err := s.journal.DropGaps(s.t.Context(), consumer, journal.Selection{}, behind)
		must(s.t, err)
		if behind = step.Next; behind == nil {
			return
		}
	}
}

func TestForeignFolderIsLeftAlone(t *testing.T) {
	t.Parallel()
	foreign := newSite(t)
	foreign.add(40, hook)
	foreign.trim()
	s := newSite(t)
	s.dir = foreign.dir
	s.open()
	s.add(10, hook)
	s.trim()
	s.wantPending(hook, upTo(1, 10))
	if status := s.status(); !strings.Contains(status.Unwritable, "another spool") {
		t.Errorf("status %+v", status)
	}
	s.ackAll(hook)
	s.trim()
	foreign.open()
	foreign.wantPending(hook, upTo(1, 40))
}

func TestSpoolThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"full": syscall.ENOSPC, "read-only": syscall.EROFS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.add(10, hook)
			s.trim()
			s.fs.fail(failure)
			for range 3 {
				s.add(10, hook)
				s.trim()
			}
			// 9 in the spool, 30 in the outbox, 1 in the log.
			s.wantPending(hook, upTo(1, 40))
			if status := s.status(); !strings.Contains(status.Unwritable, failure.Error()) || status.Problem != "" {
				t.Errorf("status %+v, want %v", status, failure)
			}
			if got := s.alarms.all(); len(got) != 1 || !strings.Contains(got[0], failure.Error()) {
				t.Errorf("alarms %q, want one with %v", got, failure)
			}
			s.fs.fail(nil)
			s.add(10, hook)
			s.trim()
			s.wantPending(hook, upTo(1, 50))
			if status := s.status(); status.Unwritable != "" {
				t.Errorf("status %+v once it can be written", status)
			}
			s.open()
			s.wantPending(hook, upTo(1, 50))
			if gaps := s.gaps(hook); len(gaps) > 0 {
				t.Errorf("gaps %v", gaps)
			}
			s.ackAll(hook)
			s.trim()
			if left := s.segments(s.dir); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// TestErrorOfTheDiskIsNoLoss: what cannot be read now waits, with what comes
// behind it, and what is before it goes out.
func TestErrorOfTheDiskIsNoLoss(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fs.fail(syscall.ENOSPC)
	s.add(10, hook)
	s.trim() // into the outbox
	s.fs.fail(nil)
	s.add(10, hook)
	s.trim() // into the spool
	s.add(10, hook)
	s.fs.fail(syscall.EIO)
	got, _, err := s.journal.Pending(t.Context(), hook, partition(), 0, 100)
	if err != nil || len(got) != 9 {
		t.Errorf("%d events, %v; want the 9 before the spool", len(got), err)
	}
	for range 2 {
		if got, _, err := s.journal.Pending(t.Context(), hook, partition(), 9, 100); len(got) > 0 || !errors.Is(err, syscall.EIO) {
			t.Errorf("%d events, %v; want the error", len(got), err)
		}
	}
	s.trim()
	if status := s.status(); !strings.Contains(status.Problem, syscall.EIO.Error()) {
		t.Errorf("status %+v", status)
	}
	s.fs.fail(nil)
	s.trim()
	s.wantPending(hook, upTo(1, 30))
	if gaps := s.gaps(hook); len(gaps) > 0 {
		t.Errorf("gaps %v", gaps)
	}
	if status := s.status(); status.Problem != "" {
		t.Errorf("status %+v once it can be read", status)
	}
}

func TestQueueDirChangedWhileEventsWait(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]string{"another folder": "next", "none": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			old := s.dir
			s.add(20, hook)
			s.trim()
			if s.dir = ""; next != "" {
				s.dir = filepath.Join(filepath.Dir(old), next, "carillon-webhook-1")
			}
			s.journal.SpoolTo(map[string]string{hook: s.dir})
			s.add(20, hook)
			s.trim()
			s.wantPending(hook, upTo(1, 40))
			s.open()
			s.wantPending(hook, upTo(1, 40))
			s.ackAll(hook)
			s.trim()
			if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the old folder is still there: %v", err)
			}
			// Back again, as if nothing had been.
			s.dir = old
			s.journal.SpoolTo(map[string]string{hook: s.dir})
			s.add(20, hook)
			s.trim()
			s.wantPending(hook, upTo(41, 60))
			if len(s.segments(old)) == 0 {
				t.Error("the old folder is not used again")
			}
			if got := s.alarms.all(); len(got) > 0 {
				t.Errorf("alarms: %q", got)
			}
		})
	}
}
