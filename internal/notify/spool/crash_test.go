package spool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/crashfs"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
	"github.com/carillon-s3/carillon/internal/notify/spool"
)

// The crash suite runs writers, a deliverer and a trimmer whose window holds
// next to nothing, so that events pass through spools, on a disk that loses
// power at sampled writes. It opens what each power cut leaves and checks that
// every acknowledged event is there or was delivered, that all of them can be
// read, in order, and that nothing of the spools is missing or left over.
//
// CARILLON_CRASH_POINTS is how many points it explores.
// CARILLON_CRASH_SEED repeats a run, as far as background compactions allow.

const (
	crashWriters  = 3
	crashKeys     = 4 // of each writer
	crashDefault  = 2000
	crashRound    = 250 // points that share a disk
	crashConsumer = "1:webhook"
	crashOther    = "2:webhook"
	crashSegment  = 2 << 10
)

// crashDirs are the folders that the consumer's spool moves between; the empty
// one is none.
var crashDirs = []string{"/queue/carillon-webhook-1", "/elsewhere/carillon-webhook-1", ""}

// crashSite is a journal with spools on a disk.
type crashSite struct {
	store   *pebble.Store
	journal *journal.Journal
	alarms  *alarms
}

func openCrashSite(ctx context.Context, fs vfs.FS) (*crashSite, error) {
	store, err := pebble.Open(pebble.Options{
		Dir: "/meta", FS: fs, BallastBytes: -1, ReserveBytes: 1,
		// Small, so that flushes and compactions happen within the workload.
		MemTableBytes: 256 << 10, CacheBytes: 1 << 20,
	})
	if err != nil {
		return nil, err
	}
	s := &crashSite{store: store, alarms: &alarms{}}
	fail := func(err error) (*crashSite, error) { return nil, errors.Join(err, store.Close()) }
	if s.journal, err = journal.Open(ctx, store); err != nil {
		return fail(err)
	}
	folders := spool.New(spool.Options{FS: fs, SegmentBytes: crashSegment})
	if err := s.journal.OpenSpools(ctx, folders, slog.New(s.alarms)); err != nil {
		return fail(err)
	}
	s.spoolTo(crashDirs[0])
	return s, nil
}

func (s *crashSite) spoolTo(dir string) {
	s.journal.SpoolTo(map[string]string{crashConsumer: dir, crashOther: "/queue/carillon-webhook-2"})
}

// trim leaves the last record of each partition in the log.
func (s *crashSite) trim(ctx context.Context) error {
	_, err := s.journal.Trim(ctx, journal.Window{Bytes: 1 << 30}, time.Now().Add(time.Hour))
	return err
}

// alarms is a slog.Handler that remembers what is wrong.
type alarms struct {
	mu   sync.Mutex
	text []string
}

func (a *alarms) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (a *alarms) WithAttrs([]slog.Attr) slog.Handler           { return a }
func (a *alarms) WithGroup(string) slog.Handler                { return a }

func (a *alarms) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(attr slog.Attr) bool {
		text += " " + attr.String()
		return true
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.text = append(a.text, text)
	return nil
}

func (a *alarms) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.text...)
}

// crashLog is what the writers and the deliverer know.
type crashLog struct {
	mu        sync.Mutex
	acked     []string // ids of events whose commit returned, as they did
	delivered map[string]bool
}

func (l *crashLog) ack(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked = append(l.acked, id)
}

func (l *crashLog) deliver(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delivered[id] = true
}

// promised are the events acknowledged so far.
func (l *crashLog) promised() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked[:len(l.acked):len(l.acked)]
}

// missing are those of ids that were not delivered by now and are not in got.
func (l *crashLog) missing(ids []string, got map[string]bool) (missing []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		if !l.delivered[id] && !got[id] {
			missing = append(missing, id)
		}
	}
	return missing
}

// fault is how a negative control breaks the spool; the suite must notice.
type fault int

const (
	noFault fault = iota
	// unsyncedSegments: segments are not synced before the commit.
	unsyncedSegments
	// unsyncedFolder: the names of segments are not synced.
	unsyncedFolder
	// eagerDrop: segments go when their events are acknowledged, before that is
	// durable.
	eagerDrop
)

func inSpool(name string) bool {
	return strings.HasPrefix(name, "/queue/") || strings.HasPrefix(name, "/elsewhere/")
}

// runCrash explores points and returns how many it explored and what it found.
func runCrash(t *testing.T, points int, seed uint64, f fault) (explored int, violations []string) {
	t.Helper()
	fs := crashfs.New()
	switch f {
	case unsyncedSegments:
		fs.DropSyncs(func(name string) bool { return inSpool(name) && strings.HasSuffix(name, ".log") })
	case unsyncedFolder:
		fs.DropSyncs(func(name string) bool { return inSpool(name) && !strings.Contains(path.Base(name), ".") })
	}
	ctx := t.Context()
	s, err := openCrashSite(ctx, fs)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.store.Close() }()
	var (
		l      = &crashLog{delivered: map[string]bool{}}
		check  = newChecker(ctx)
		random = &lockedRand{r: rand.New(rand.NewPCG(seed, 1))}
		left   atomic.Int64
	)
	left.Store(int64(points))
	fs.OnPoint(func(p crashfs.Point) {
		// Most writes are those of the metadata store, which has its own suite:
		// of these a tenth, of the spool's a third.
		n := 10
		if inSpool(p.Name) {
			n = 3
		}
		if random.IntN(n) != 0 || left.Add(-1) < 0 {
			return
		}
		promised := l.promised()
		outcomes := crashfs.Outcomes(seed + uint64(p.N))
		found := fs.Crash(outcomes[random.IntN(len(outcomes))])
		// A third is cut off again while it recovers.
		again := max(int64(random.IntN(90)-60), 0)
		check.add(found, l, promised, again, fmt.Sprintf("point %d, before %s of %s", p.N, p.Op, p.Name))
	})
	// Rounds, so that on a busy machine too every few events meet a trim.
	delivery := deliverer{site: s, log: l, fs: fs, fault: f}
	for round := 0; left.Load() > 0 && !t.Failed(); round++ {
		var work sync.WaitGroup
		do := func(what string, act func() error) {
			work.Go(func() {
				if err := act(); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		for w := range crashWriters {
			do("write", func() error { return record(ctx, s, l, w, round) })
		}
		do("deliver", func() error { return delivery.run(ctx, round) })
		do("trim", func() error {
			if round%8 == 7 {
				s.spoolTo(crashDirs[random.IntN(len(crashDirs))])
			}
			return s.trim(ctx)
		})
		work.Wait()
	}
	fs.OnPoint(nil)
	if f == noFault {
		for _, text := range s.alarms.all() {
			t.Errorf("alarm without a crash: %s", text)
		}
	}
	return check.wait()
}

// record commits an event of each of a writer's keys.
func record(ctx context.Context, s *crashSite, l *crashLog, writer, round int) error {
	for k := range crashKeys {
		id := fmt.Sprintf("w%d-%d-%d", writer, k, round)
		rec := &event.Record{
			Name: event.ObjectCreatedPut, Bucket: "b", BucketID: 7, Key: crashKey(writer, k),
			Size: int64(round), Request: event.Request{ID: id},
		}
		var b kv.Batch
		if _, err := s.journal.Add(&b, rec, []string{crashConsumer, crashOther}); err != nil {
			return err
		}
		if _, err := s.store.Commit(ctx, &b); err != nil {
			return err
		}
		l.ack(id)
	}
	return nil
}

func crashKey(writer, k int) string { return fmt.Sprintf("w%d/k%d", writer, k) }

// crashPartitions are those of the writers' keys.
func crashPartitions() []uint16 {
	var all []uint16
	for w := range crashWriters {
		for k := range crashKeys {
			all = append(all, journal.PartitionOf(7, crashKey(w, k)))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// deliverer acknowledges events of the first consumer as a target does that is
// away now and then. The second consumer's are acknowledged before, all the
// time, so that they come to no other's rescue.
type deliverer struct {
	site  *crashSite
	log   *crashLog
	fs    *crashfs.FS
	fault fault
	after [journal.Partitions]uint64
}

func (d *deliverer) run(ctx context.Context, round int) error {
	const cycle, away = 16, 10
	for _, p := range crashPartitions() {
		others, _, err := d.site.journal.Pending(ctx, crashOther, p, 0, 64)
		if err == nil {
			err = acknowledge(ctx, d.site, crashOther, others)
		}
		if err != nil {
			return err
		}
		if round%cycle < away {
			continue
		}
		entries, _, err := d.site.journal.Pending(ctx, crashConsumer, p, d.after[p], 8)
		if err != nil {
			return err
		}
		for _, e := range entries {
			d.after[p] = e.Sequence
			d.log.deliver(e.Record.Request.ID)
		}
		if err := acknowledge(ctx, d.site, crashConsumer, entries); err != nil {
			return err
		}
		if d.fault == eagerDrop && len(entries) > 0 {
			dropFirstSegment(d.fs)
		}
	}
	return nil
}

func acknowledge(ctx context.Context, s *crashSite, consumer string, entries []journal.Entry) error {
	var at []journal.At
	for _, e := range entries {
		at = append(at, e.At())
	}
	return s.journal.Ack(ctx, consumer, at, 0)
}

// dropFirstSegment removes the oldest segment of a spool, as one would who
// counts acknowledgements in memory.
func dropFirstSegment(fs *crashfs.FS) {
	names, err := fs.List(crashDirs[0])
	if err != nil {
		return
	}
	first := ""
	for _, name := range names {
		if strings.HasSuffix(name, ".log") && (first == "" || name < first) {
			first = name
		}
	}
	if first != "" {
		_ = fs.Remove(path.Join(crashDirs[0], first))
	}
}

// checker opens and checks disks after their crash, two at a time.
type checker struct {
	ctx  context.Context
	jobs chan func()
	wg   sync.WaitGroup

	mu         sync.Mutex
	explored   int
	violations []string
}

func newChecker(ctx context.Context) *checker {
	c := &checker{ctx: ctx, jobs: make(chan func(), 4)}
	for range 2 {
		c.wg.Go(func() {
			for job := range c.jobs {
				job()
			}
		})
	}
	return c
}

func (c *checker) add(fs *crashfs.FS, l *crashLog, promised []string, again int64, where string) {
	c.jobs <- func() {
		found := checkDisk(c.ctx, fs, l, promised, again)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.explored++
		for _, v := range found {
			c.violations = append(c.violations, where+": "+v)
		}
	}
}

func (c *checker) wait() (int, []string) {
	close(c.jobs)
	c.wg.Wait()
	return c.explored, c.violations
}

// secondCut cuts the power at a write of a recovery.
type secondCut struct {
	fs *crashfs.FS
	at int64

	mu   sync.Mutex
	done bool
	left *crashfs.FS
}

func (c *secondCut) point(p crashfs.Point) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.N == c.at && !c.done {
		outcomes := crashfs.Outcomes(uint64(c.at))
		c.left = c.fs.Crash(outcomes[c.at%int64(len(outcomes))])
	}
}

// over ends it, before anything is delivered, and returns what the cut left.
func (c *secondCut) over() *crashfs.FS {
	c.fs.OnPoint(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = true
	return c.left
}

// checkDisk opens what a power cut left and says what is wrong with it. again, if
// not 0, is the write of its recovery at which the power is cut once more; what
// that leaves is checked too.
func checkDisk(ctx context.Context, fs *crashfs.FS, l *crashLog, promised []string, again int64) (found []string) {
	recovery := &secondCut{fs: fs, at: again}
	fs.OnPoint(recovery.point)
	s, err := openCrashSite(ctx, fs)
	if err != nil {
		return []string{fmt.Sprintf("it cannot be opened: %v", err)}
	}
	defer func() {
		s.journal.CloseSpools()
		if err := s.store.Close(); err != nil {
			found = append(found, fmt.Sprintf("it cannot be closed: %v", err))
		}
	}()
	bad := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	got, err := readAll(ctx, s, crashConsumer)
	if err != nil {
		return []string{err.Error()}
	}
	if missing := l.missing(promised, got); len(missing) > 0 {
		bad("%d events are lost, such as %s", len(missing), missing[0])
	}
	// What goes on from here loses nothing either, and leaves nothing behind.
	if err := s.trim(ctx); err != nil {
		return append(found, err.Error())
	}
	if second := recovery.over(); second != nil {
		for _, v := range checkDisk(ctx, second, l, promised, 0) {
			bad("and again at point %d: %s", again, v)
		}
	}
	rest, err := readAll(ctx, s, crashConsumer)
	if err != nil {
		return append(found, err.Error())
	}
	if len(rest) != len(got) {
		bad("%d events were pending, after trimming %d", len(got), len(rest))
	}
	if err := drain(ctx, s); err != nil {
		return append(found, err.Error())
	}
	for _, text := range s.alarms.all() {
		bad("alarm: %s", text)
	}
	for _, dir := range []string{crashDirs[0], crashDirs[1], "/queue/carillon-webhook-2"} {
		names, err := fs.List(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			bad("%v", err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".log") {
				bad("%s/%s is left, and nothing points to it", dir, name)
			}
		}
	}
	return found
}

// readAll reads a consumer's outbox and checks its order.
func readAll(ctx context.Context, s *crashSite, consumer string) (map[string]bool, error) {
	ids := map[string]bool{}
	last := map[string]int64{}
	for _, p := range crashPartitions() {
		entries, _, err := s.journal.Pending(ctx, consumer, p, 0, 1_000_000)
		if err != nil {
			return nil, err
		}
		sequence := uint64(0)
		for _, e := range entries {
			if e.Sequence <= sequence {
				return nil, fmt.Errorf("partition %d: %d comes after %d", p, e.Sequence, sequence)
			}
			sequence = e.Sequence
			// Each writer's numbers rise, and each key has one writer.
			if e.Record.Size < last[e.Record.Key] {
				return nil, fmt.Errorf("%s: %d comes after %d", e.Record.Key, e.Record.Size, last[e.Record.Key])
			}
			last[e.Record.Key] = e.Record.Size
			ids[e.Record.Request.ID] = true
		}
	}
	gaps, err := s.journal.Gaps(ctx, consumer, nil, 1)
	if err == nil && len(gaps) > 0 {
		err = fmt.Errorf("an event is listed as lost: %+v", gaps[0])
	}
	return ids, err
}

// drain acknowledges everything, waits until that is durable, and trims.
func drain(ctx context.Context, s *crashSite) error {
	for _, consumer := range []string{crashConsumer, crashOther} {
		for _, p := range crashPartitions() {
			entries, _, err := s.journal.Pending(ctx, consumer, p, 0, 1_000_000)
			if err != nil {
				return err
			}
			if err := acknowledge(ctx, s, consumer, entries); err != nil {
				return err
			}
		}
	}
	// Relaxed commits keep their order with the others.
	var b kv.Batch
	b.Delete([]byte("nothing"))
	if _, err := s.store.Commit(ctx, &b); err != nil {
		return err
	}
	return s.trim(ctx)
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

func TestCrashLosesNoSpooledEvent(t *testing.T) {
	points, seed := crashParameters(t)
	start := time.Now()
	explored, violations := 0, []string(nil)
	for round := uint64(0); explored < points && len(violations) == 0 && !t.Failed(); round++ {
		n, found := runCrash(t, min(crashRound, points-explored), seed+round, noFault)
		explored += n
		for _, v := range found {
			violations = append(violations, fmt.Sprintf("round %d: %s", round, v))
		}
	}
	t.Logf("crash suite (spool): %d points, %d violations, seed %d, %.1f s",
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
		"segments not synced": unsyncedSegments, "folder not synced": unsyncedFolder, "segments dropped too early": eagerDrop,
	} {
		t.Run(name, func(t *testing.T) {
			_, violations := runCrash(t, points, rand.Uint64(), f)
			if len(violations) == 0 {
				t.Error("the suite noticed nothing")
			} else {
				t.Logf("%d violations, such as: %s", len(violations), violations[0])
			}
		})
	}
}
