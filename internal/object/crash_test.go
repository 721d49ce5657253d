package object_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	return s, nil
}

// op is one change that a writer asked for.
type op struct {
	id   string // the request's id, which its event carries
	key  string
	body string // empty for a delete
	noop bool   // a delete of a missing key: its event may be lost
}

// history is what the writers know at one moment.
type history struct {
	// ops are all changes of a key that were begun, in order; settled is how
	// many of them were acknowledged.
	ops     map[string][]op
	settled map[string]int
	// delivered are the events that the deliverer has given back.
	delivered map[string]bool
}

func newHistory() history {
	return history{map[string][]op{}, map[string]int{}, map[string]bool{}}
}

// log is the history as it grows.
type log struct {
	mu sync.Mutex
	history
}

func (l *log) start(o op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	earlier := l.ops[o.key]
	o.noop = o.body == "" && (len(earlier) == 0 || earlier[len(earlier)-1].body == "")
	l.ops[o.key] = append(earlier, o)
}

func (l *log) settle(o op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settled[o.key] = len(l.ops[o.key])
}

// latest is the body of a key that only the caller changes.
func (l *log) latest(key string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ops := l.ops[key]; len(ops) > 0 {
		return ops[len(ops)-1].body
	}
	return ""
}

func (l *log) deliver(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delivered[id] = true
}

func (l *log) copy() history {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := newHistory()
	for key, ops := range l.ops {
		h.ops[key] = ops[:len(ops):len(ops)] // only ever appended to
	}
	maps.Copy(h.settled, l.settled)
	maps.Copy(h.delivered, l.delivered)
	return h
}

// cut is a power cut: what was known before it, and what had begun by the time
// it was over.
type cut struct{ before, after history }

// allows reports whether a key may hold body ("" for nothing): the result of the
// last change that was acknowledged before, or of a later one.
func (c cut) allows(key, body string) bool {
	settled := c.before.settled[key]
	if settled == 0 && body == "" {
		return true
	}
	for _, o := range c.after.ops[key][max(settled-1, 0):] {
		if o.body == body {
			return true
		}
	}
	return false
}

// acknowledged are the changes that were acknowledged before the cut.
func (c cut) acknowledged() []op {
	var out []op
	for key, n := range c.before.settled {
		out = append(out, c.before.ops[key][:n]...)
	}
	return out
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
)

// run explores points and returns how many it explored and what it found.
func runCrash(t *testing.T, points int, seed uint64, f fault) (explored int, violations []string) {
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
	s.ForgetAtOnce()
	s.AllowSmallParts()

	var (
		l      = &log{history: newHistory()}
		check  = newChecker(ctx)
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
		r := rand.New(rand.NewPCG(seed, uint64(w)+10))
		writers.Go(func() {
			for n := 0; left.Load() > 0; n++ {
				if err := change(ctx, s, l, r, f, w, n); err != nil {
					t.Errorf("writer %d: %v", w, err)
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

// change does one random change of the writer's own keys.
func change(ctx context.Context, s *site, l *log, r *rand.Rand, f fault, writer, n int) error {
	o := op{id: fmt.Sprintf("w%d-%d", writer, n), key: fmt.Sprintf("w%d/k%d", writer, r.IntN(crashKeys))}
	source := fmt.Sprintf("w%d/k%d", writer, r.IntN(crashKeys))
	var act func() error
	req := event.Request{ID: o.id}
	switch r.IntN(9) {
	case 0:
		act = func() error {
			return s.Delete(ctx, object.DeleteInput{Bucket: crashBucket, Key: o.key, Request: req})
		}
	case 1, 2:
		o.body = o.id + strings.Repeat("L", 40<<10) // stored as a blob
	case 3, 4:
		if o.body = l.latest(source); o.body == "" {
			return nil
		}
		act = func() error {
			in := copyInput(crashBucket+"/"+source, crashBucket+"/"+o.key)
			in.Replace, in.Request = true, req
			_, err := s.Copy(ctx, in)
			if f == forgetUsers {
				s.ForgetUsers(ctx, crashBucket, o.key)
			}
			return err
		}
	case 5, 6:
		o.body = crashParts + o.id + strings.Repeat("P", crashPart*(1+r.IntN(3)))
		act = func() error { return uploadParts(ctx, s, r, o, req) }
	case 7:
		// Given up before completion, so that no change begins.
		return abortParts(ctx, s, o.key)
	default:
		o.body = o.id
	}
	l.start(o)
	if f == eagerDelete {
		s.DropBytes(ctx, crashBucket, o.key)
	}
	if act == nil {
		act = func() error {
			in := putInput(crashBucket, o.key, o.body)
			in.Request = req
			_, err := s.Put(ctx, in)
			return err
		}
	}
	if err := act(); err != nil {
		return err
	}
	l.settle(o)
	return nil
}

const (
	// crashParts begins the bodies that are uploaded in parts of crashPart bytes.
	crashParts = "in parts: "
	crashPart  = 300
)

// splitParts cuts a body that is uploaded in parts.
func splitParts(body string) []string {
	var parts []string
	for len(body) > 0 {
		n := min(crashPart, len(body))
		parts, body = append(parts, body[:n]), body[n:]
	}
	return parts
}

// crashETag is the ETag that a body has by the way in which it is uploaded.
func crashETag(body string) string {
	if strings.HasPrefix(body, crashParts) {
		return multipartETag(splitParts(body)...)
	}
	return etag(body)
}

// uploadParts uploads a body in parts, one of them twice and at times one that
// is left out, and completes it.
func uploadParts(ctx context.Context, s *site, r *rand.Rand, o op, req event.Request) error {
	u, err := s.create(ctx, o.key)
	if err != nil {
		return err
	}
	var list []object.CompletedPart
	for i, part := range splitParts(o.body) {
		if i == 0 {
			if _, err := s.part(ctx, u, 1, "replaced"); err != nil {
				return err
			}
		}
		p, err := s.part(ctx, u, 2*i+1, part)
		if err != nil {
			return err
		}
		list = append(list, p)
	}
	if r.IntN(2) == 0 {
		if _, err := s.part(ctx, u, 2, "left out"); err != nil {
			return err
		}
	}
	_, err = s.CompleteUpload(ctx, object.CompleteInput{UploadInput: u, Parts: list, Request: req})
	return err
}

func abortParts(ctx context.Context, s *site, key string) error {
	u, err := s.create(ctx, key)
	if err != nil {
		return err
	}
	if _, err := s.part(ctx, u, 1, "given up"); err != nil {
		return err
	}
	return s.AbortUpload(ctx, u)
}

// deliver acknowledges events as a target does.
func deliver(ctx context.Context, s *site, l *log) {
	after := [journal.Partitions]uint64{}
	for ctx.Err() == nil {
		for p := range uint16(journal.Partitions) {
			entries, err := s.journal.Pending(ctx, crashConsumer, p, after[p], 3)
			if err != nil {
				return
			}
			for _, e := range entries {
				after[p] = e.Sequence
				l.deliver(e.Record.Request.ID)
				if s.journal.Ack(ctx, crashConsumer, []journal.At{e.At()}, int64(e.Bytes)) != nil {
					return
				}
			}
		}
		pause(ctx)
	}
}

func collect(ctx context.Context, s *site) {
	for ctx.Err() == nil {
		if _, err := s.Collect(ctx); err != nil {
			return
		}
		pause(ctx)
	}
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Millisecond):
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

func (c *checker) add(fs *crashfs.FS, of cut, where string) {
	c.jobs <- func() {
		found := checkDisk(c.ctx, fs, of)
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

// checkDisk opens what a power cut left and says what is wrong with it.
func checkDisk(ctx context.Context, fs *crashfs.FS, of cut) (found []string) {
	s, err := crashSite(ctx, fs)
	if err != nil {
		return []string{fmt.Sprintf("it cannot be opened: %v", err)}
	}
	defer func() {
		if err := s.store.Close(); err != nil {
			found = append(found, fmt.Sprintf("it cannot be closed: %v", err))
		}
	}()
	bad := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	last, err := replay(ctx, s)
	if err != nil {
		return []string{err.Error()}
	}
	listed, err := s.List(ctx, object.ListInput{Bucket: crashBucket, MaxKeys: 1000})
	if err != nil {
		return []string{err.Error()}
	}
	present := map[string]bool{}
	for _, o := range listed.Objects {
		present[o.Key] = true
	}
	for w := range crashWriters {
		for k := range crashKeys {
			key := fmt.Sprintf("w%d/k%d", w, k)
			body, err := s.get(ctx, crashBucket, key)
			if err != nil && !errors.Is(err, object.ErrNoSuchKey) {
				bad("%s cannot be read: %v", key, err)
				continue
			}
			if !of.allows(key, body) {
				bad("%s holds %.12q, which is older than the last acknowledged", key, body)
			}
			if (body != "") != present[key] {
				bad("%s is listed: %v, read: %.12q", key, present[key], body)
			}
			if rec := last[key]; (rec == nil || rec.Name == event.ObjectRemovedDelete) != (body == "") ||
				(body != "" && rec.ETag != crashETag(body)) {
				bad("%s holds %.12q, its last event is %+v", key, body, rec)
			}
		}
	}
	pending, err := pendingIDs(ctx, s)
	if err != nil {
		return append(found, err.Error())
	}
	// Whatever the collector was doing, it can go on, and harms nothing.
	before, err := contents(ctx, s)
	if err != nil {
		return append(found, err.Error())
	}
	s.CollectAtOnce()
	s.ForgetAtOnce()
	if _, err := s.Collect(ctx); err != nil {
		bad("nothing can be collected: %v", err)
	}
	if after, err := contents(ctx, s); err != nil || !maps.Equal(before, after) {
		bad("collecting changed what is there: %v", err)
	}
	if n, err := leftovers(ctx, s); err != nil || n > 0 {
		bad("%d rows of uploads belong to nothing: %v", n, err)
	}
	for _, o := range of.acknowledged() {
		if !o.noop && !pending[o.id] && !of.after.delivered[o.id] {
			bad("the event of %s (%s) is lost", o.id, o.key)
		}
	}
	return found
}

// contents reads every object.
func contents(ctx context.Context, s *site) (map[string]string, error) {
	all := map[string]string{}
	listed, err := s.List(ctx, object.ListInput{Bucket: crashBucket, MaxKeys: 1000})
	for _, o := range listed.Objects {
		if all[o.Key], err = s.get(ctx, crashBucket, o.Key); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Key, err)
		}
	}
	return all, err
}

// leftovers aborts what uploads are under way, collects, and counts the rows of
// uploads that then belong to no object.
func leftovers(ctx context.Context, s *site) (int, error) {
	page, err := s.ListUploads(ctx, object.ListUploadsInput{Bucket: crashBucket, MaxUploads: 1000})
	if err != nil {
		return 0, err
	}
	for _, u := range page.Uploads {
		if err := s.AbortUpload(ctx, object.UploadInput{Bucket: crashBucket, Key: u.Key, UploadID: u.UploadID}); err != nil {
			return 0, err
		}
	}
	if _, err := s.Collect(ctx); err != nil {
		return 0, err
	}
	used, err := s.UsedParts(ctx, crashBucket)
	if err != nil {
		return 0, err
	}
	parts, uploads, open, done, garbage, err := s.PartRows(ctx)
	return parts - used + uploads + open + done + garbage, err
}

// replay reads the whole journal and returns each key's last mutation.
func replay(ctx context.Context, s *site) (map[string]*event.Record, error) {
	last := map[string]*event.Record{}
	for p := range uint16(journal.MutationPartitions) {
		entries, err := s.journal.Read(ctx, p, 1, 1_000_000)
		if err != nil {
			return nil, err
		}
		stamp := uint64(0)
		for i, e := range entries {
			if e.Sequence != uint64(i)+1 || e.Stamp <= stamp {
				return nil, fmt.Errorf("partition %d: record %d has sequence %d, stamp %d after %d", p, i, e.Sequence, e.Stamp, stamp)
			}
			stamp = e.Stamp
			last[e.Record.Key] = e.Record
		}
	}
	return last, nil
}

func pendingIDs(ctx context.Context, s *site) (map[string]bool, error) {
	ids := map[string]bool{}
	for p := range uint16(journal.Partitions) {
		entries, err := s.journal.Pending(ctx, crashConsumer, p, 0, 1_000_000)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			ids[e.Record.Request.ID] = true
		}
	}
	return ids, nil
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
		n, found := runCrash(t, min(crashRound, points-explored), seed+round, noFault)
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
	for name, f := range map[string]fault{"folders not synced": unsyncedFolders, "bytes removed too early": eagerDelete, "users not recorded": forgetUsers} {
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
