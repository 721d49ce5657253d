package object_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/carillon-s3/carillon/internal/crashfs"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/object"
)

// checker opens and checks disks after their crash, two at a time.
type checker struct {
	ctx       context.Context
	fault     fault
	forgetful bool
	jobs      chan func()
	wg        sync.WaitGroup

	mu         sync.Mutex
	explored   int
	violations []string
}

func newChecker(ctx context.Context, f fault, forgetful bool) *checker {
	c := &checker{ctx: ctx, fault: f, forgetful: forgetful, jobs: make(chan func(), 4)}
	for range 2 {
		c.wg.Go(func() {
			for job := range c.jobs {
				job()
			}
		})
	}
	return c
}

// add has a disk checked. If cutSweep, its sweep is cut off as well.
func (c *checker) add(fs *crashfs.FS, of cut, cutSweep bool, where string) {
	c.jobs <- func() {
		found, cuts := c.disk(fs, of, cutSweep)
		for _, again := range cuts {
			more, _ := c.disk(again, of, false)
			for _, v := range more {
				found = append(found, "and again during the sweep: "+v)
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.explored += 1 + len(cuts)
		for _, v := range found {
			c.violations = append(c.violations, where+": "+v)
		}
	}
}

// noticed reports whether anything was found so far.
func (c *checker) noticed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.violations) > 0
}

func (c *checker) wait() (int, []string) {
	close(c.jobs)
	c.wg.Wait()
	return c.explored, c.violations
}

// disk opens what a power cut left and says what is wrong with it. If cutSweep,
// it also returns disks that a second cut leaves during the sweep.
func (c *checker) disk(fs *crashfs.FS, of cut, cutSweep bool) (found []string, cuts []*crashfs.FS) {
	s, err := crashSite(c.ctx, fs)
	if err != nil {
		return []string{fmt.Sprintf("it cannot be opened: %v", err)}, nil
	}
	d := &disk{site: s, of: of, fault: c.fault}
	sweeping := &cutter{fs: fs}
	if cutSweep {
		d.duringSweep = sweeping.during
	}
	err = d.check(c.ctx, c.forgetful)
	if err := errors.Join(err, s.store.Close()); err != nil {
		d.bad("it cannot be checked to the end: %v", err)
	}
	return d.found, sweeping.cuts
}

// cutter keeps what a power cut would leave at some writes of an action.
type cutter struct {
	fs   *crashfs.FS
	mu   sync.Mutex
	over bool
	cuts []*crashfs.FS
}

// during carries out act. When it returns, cuts does not grow any more.
func (c *cutter) during(act func()) {
	c.fs.OnPoint(func(p crashfs.Point) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.over && len(c.cuts) < maxCuts {
			outcomes := crashfs.Outcomes(uint64(p.N))
			c.cuts = append(c.cuts, c.fs.Crash(outcomes[int(p.N)%len(outcomes)]))
		}
	})
	act()
	c.fs.OnPoint(nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// disk is what a power cut left, opened.
type disk struct {
	*site
	of    cut
	fault fault
	found []string
	// duringSweep may be nil.
	duringSweep func(sweep func())
}

func (d *disk) bad(format string, args ...any) {
	d.found = append(d.found, fmt.Sprintf(format, args...))
}

func (d *disk) check(ctx context.Context, forgetful bool) error {
	told, err := replay(ctx, d.site)
	if err != nil {
		return err
	}
	pending, err := pendingEvents(ctx, d.site)
	if err != nil {
		return err
	}
	for _, o := range d.of.acknowledged() {
		if !o.noop && !pending[o.event()] && !d.of.after.delivered[o.event()] {
			d.bad("the event of %s is lost", o.event())
		}
	}
	if err := d.objects(ctx, told); err != nil {
		return err
	}
	if err := d.sweep(ctx); err != nil {
		return err
	}
	if err := d.versions(ctx, told); err != nil {
		return err
	}
	if !forgetful {
		if err := d.completions(ctx, told); err != nil {
			return err
		}
	}
	return d.collection(ctx)
}

// objects looks at every key: what it holds, whether it is listed, and whether
// its last event says the same.
func (d *disk) objects(ctx context.Context, told replayed) error {
	listed, err := d.List(ctx, object.ListInput{Bucket: crashBucket, MaxKeys: 1000})
	if err != nil {
		return err
	}
	present := map[string]bool{}
	for _, o := range listed.Objects {
		present[o.Key] = true
	}
	for w := range crashWriters {
		for k := range crashKeys {
			key := fmt.Sprintf("w%d/k%d", w, k)
			body, err := d.get(ctx, crashBucket, key)
			if err != nil && !errors.Is(err, object.ErrNoSuchKey) {
				d.bad("%s cannot be read: %v", key, err)
				continue
			}
			if !d.of.allows(key, body) {
				d.bad("%s holds %.12q, which is older than the last acknowledged", key, body)
			}
			if (body != "") != present[key] {
				d.bad("%s is listed: %v, read: %.12q", key, present[key], body)
			}
			if rec := told.last[key]; (rec == nil || rec.Name == event.ObjectRemovedDelete) != (body == "") ||
				(body != "" && rec.ETag != crashETag(body)) {
				d.bad("%s holds %.12q, its last event is %+v", key, body, rec)
			}
		}
	}
	return nil
}

// sweep removes what the ended process left behind: that changes no object.
func (d *disk) sweep(ctx context.Context) error {
	before, err := contents(ctx, d.site)
	if err != nil {
		return err
	}
	sweep := func() {
		if err := d.fault.sweep(ctx, d.site); err != nil {
			d.bad("nothing can be swept: %v", err)
		}
	}
	if d.duringSweep != nil {
		d.duringSweep(sweep)
	} else {
		sweep()
	}
	if after, err := contents(ctx, d.site); err != nil || !maps.Equal(before, after) {
		d.bad("sweeping changed what is there: %v", err)
	}
	return nil
}

// bytesLeft compares the stored bytes with those that objects are made of.
func (d *disk) bytesLeft(ctx context.Context) error {
	used, err := d.Referenced(ctx)
	if err != nil {
		return err
	}
	for info, err := range d.blobs.Refs(ctx) {
		if err != nil {
			return err
		}
		if !used[info.Ref] {
			d.bad("the bytes %s belong to nothing and are left", info.Ref)
		}
		delete(used, info.Ref)
	}
	for ref := range used {
		d.bad("the bytes %s are gone, and an object is made of them", ref)
	}
	return nil
}

// completions asks again for the completion of every upload whose parts were
// acknowledged: as clients do that got no answer, or lost it. One that had
// happened answers the same and changes nothing; another happens now.
func (d *disk) completions(ctx context.Context, told replayed) error {
	want, err := contents(ctx, d.site)
	if err != nil {
		return err
	}
	events := len(told.events)
	for key, ops := range d.of.before.ops {
		for i, o := range ops {
			if o.upload == nil {
				continue
			}
			in := *o.upload
			in.Request.ID = again + o.id
			info, err := d.CompleteUpload(ctx, in)
			if err != nil || info.ETag != crashETag(o.body) {
				d.bad("completing %s again (change %d of its key, of which %d were acknowledged): ETag %q, %v",
					o.event(), i, d.of.before.settled[key], info.ETag, err)
				continue
			}
			if !told.events[o.event()] {
				want[key] = o.body
				events++
			}
		}
	}
	got, err := contents(ctx, d.site)
	if err != nil || !maps.Equal(got, want) {
		d.bad("completing uploads again changed what is there: %v", err)
	}
	after, err := replay(ctx, d.site)
	if err == nil && len(after.events) != events {
		d.bad("completing uploads again raised %d events, want %d", len(after.events)-len(told.events), events-len(told.events))
	}
	return err
}

// collection collects: whatever the collector was doing, it can go on, and harms
// nothing.
func (d *disk) collection(ctx context.Context) error {
	before, err := allContents(ctx, d.site)
	if err != nil {
		return err
	}
	d.CollectAtOnce()
	d.ForgetAtOnce()
	if _, err := d.Collect(ctx); err != nil {
		d.bad("nothing can be collected: %v", err)
	}
	if after, err := allContents(ctx, d.site); err != nil || !maps.Equal(before, after) {
		d.bad("collecting changed what is there: %v", err)
	}
	if n, err := leftovers(ctx, d.site); err != nil || n > 0 {
		d.bad("%d rows of uploads belong to nothing: %v", n, err)
	}
	return d.bytesLeft(ctx)
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
	for _, bucket := range crashBuckets() {
		page, err := s.ListUploads(ctx, object.ListUploadsInput{Bucket: bucket, MaxUploads: 1000})
		if err != nil {
			return 0, err
		}
		for _, u := range page.Uploads {
			if err := s.AbortUpload(ctx, object.UploadInput{Bucket: bucket, Key: u.Key, UploadID: u.UploadID}); err != nil {
				return 0, err
			}
		}
	}
	if _, err := s.Collect(ctx); err != nil {
		return 0, err
	}
	used := 0
	for _, bucket := range crashBuckets() {
		n, err := s.UsedParts(ctx, bucket)
		if err != nil {
			return 0, err
		}
		used += n
	}
	parts, uploads, open, done, garbage, err := s.PartRows(ctx)
	return parts - used + uploads + open + done + garbage, err
}

// replayed is what the journal says.
type replayed struct {
	// last are each key's last mutation, events all of them.
	last   map[string]*event.Record
	events map[string]bool
}

// replay reads the whole journal. No event may be there twice.
func replay(ctx context.Context, s *site) (replayed, error) {
	t := replayed{map[string]*event.Record{}, map[string]bool{}}
	for p := range uint16(journal.MutationPartitions) {
		entries, err := s.journal.Read(ctx, p, 1, 1_000_000)
		if err != nil {
			return t, err
		}
		stamp := uint64(0)
		for i, e := range entries {
			if e.Sequence != uint64(i)+1 || e.Stamp <= stamp {
				return t, fmt.Errorf("partition %d: record %d has sequence %d, stamp %d after %d", p, i, e.Sequence, e.Stamp, stamp)
			}
			stamp = e.Stamp
			if t.events[eventOf(e.Record)] {
				return t, fmt.Errorf("partition %d: record %d tells %s again", p, i, eventOf(e.Record))
			}
			t.last[e.Record.Key], t.events[eventOf(e.Record)] = e.Record, true
		}
	}
	return t, nil
}

func pendingEvents(ctx context.Context, s *site) (map[string]bool, error) {
	events := map[string]bool{}
	for p := range uint16(journal.Partitions) {
		entries, _, err := s.journal.Pending(ctx, crashConsumer, p, 0, 1_000_000)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			events[eventOf(e.Record)] = true
		}
	}
	return events, nil
}
