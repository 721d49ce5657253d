package kvtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/kv"
)

// plannedKeys is how many keys a writer has.
const plannedKeys = 8

// planned is one write of a writer's commit.
type planned struct {
	key   string
	value []byte // nil for a delete
}

// plan says what the n-th commit of a writer does, so that a check can tell what
// its keys must hold after any number of commits.
func plan(seed uint64, actor int, n uint64) []planned {
	rnd := rand.New(rand.NewPCG(seed, uint64(actor)<<40|n))
	writes := make([]planned, 1+rnd.IntN(4))
	for i := range writes {
		writes[i].key = fmt.Sprintf("w/%d/%d", actor, rnd.IntN(plannedKeys))
		if rnd.IntN(4) > 0 {
			writes[i].value = bytes.Repeat(fmt.Appendf(nil, "%d.%d ", actor, n), 1+rnd.IntN(80))
		}
	}
	return writes
}

func progressKey(actor int) []byte { return fmt.Appendf(nil, "p/%d", actor) }
func sequenceKey(actor int) []byte { return fmt.Appendf(nil, "s/%d", actor) }

// progressBatch holds what every commit of an actor has: its progress, a record
// in the global log, and a key with that record's sequence.
func progressBatch(actor int, n uint64) *kv.Batch {
	b := &kv.Batch{}
	a := b.Append(globalLog, fmt.Appendf(nil, "%d %d", actor, n))
	b.Set(progressKey(actor), strconv.AppendUint(nil, n, 10))
	b.Set(sequenceKey(actor), make([]byte, 8), kv.Fill{Append: a, Field: kv.Sequence})
	return b
}

func (r *round) writerBatch(actor int, n uint64) *kv.Batch {
	b := progressBatch(actor, n)
	for _, w := range plan(r.seed, actor, n) {
		if w.value == nil {
			b.Delete([]byte(w.key))
		} else {
			b.Set([]byte(w.key), w.value)
		}
	}
	if n%3 == 0 {
		b.Append(kv.LogID(1+actor), strconv.AppendUint(nil, n, 10))
	}
	return b
}

func (r *round) over() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// work opens the store and runs all actors until the round has had its cuts.
func (r *round) work() error {
	s, err := r.Open(r.disk)
	if err != nil {
		return err
	}
	r.history.opened(s)
	stopWatch := s.Watch(r.history.hear)
	ctx := context.Background()
	jobs := []func(context.Context, kv.Store) error{
		r.writeRelaxed, r.writeFiles, r.count, r.count, r.trim, r.read, r.read,
	}
	for w := range strictWriters {
		jobs = append(jobs, func(ctx context.Context, s kv.Store) error { return r.writeStrict(ctx, s, w) })
	}
	errs := make([]error, len(jobs))
	var running sync.WaitGroup
	for i, job := range jobs {
		running.Go(func() { errs[i] = job(ctx, s) })
	}
	running.Wait()
	stopWatch()
	return errors.Join(append(errs, s.Close())...)
}

func (r *round) commit(ctx context.Context, s kv.Store, actor int, n uint64, b *kv.Batch) error {
	r.history.issue(actor, n)
	p, err := s.Commit(ctx, b)
	if err == nil {
		r.history.ack(actor, n, p)
	}
	return err
}

func (r *round) writeStrict(ctx context.Context, s kv.Store, actor int) error {
	for n := uint64(1); !r.over(); n++ {
		if err := r.commit(ctx, s, actor, n, r.writerBatch(actor, n)); err != nil {
			return err
		}
	}
	return nil
}

// relaxedAtOnce bounds the relaxed batches under way.
const relaxedAtOnce = 20

func (r *round) writeRelaxed(ctx context.Context, s kv.Store) error {
	tokens := make(chan error, relaxedAtOnce)
	for range relaxedAtOnce {
		tokens <- nil
	}
	var err error
	for n := uint64(1); err == nil && !r.over(); n++ {
		if err = <-tokens; err != nil {
			break
		}
		r.history.issue(relaxedWriter, n)
		err = s.CommitRelaxed(ctx, r.writerBatch(relaxedWriter, n), func(p []kv.Position, err error) {
			if err == nil {
				r.history.ack(relaxedWriter, n, p)
			}
			tokens <- err
		})
	}
	return err
}

func (r *round) count(ctx context.Context, s kv.Store) error {
	for !r.over() {
		seen, err := s.Get(ctx, progressKey(counter))
		if err != nil {
			return err
		}
		n := progress(seen) + 1
		b := progressBatch(counter, n)
		b.Require(progressKey(counter), seen)
		if err := r.commit(ctx, s, counter, n, b); err != nil && !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
	return nil
}

// keepRecords is how many records of the global log a trim leaves.
const keepRecords = 30

func (r *round) trim(ctx context.Context, s kv.Store) error {
	for r.pause() {
		first, head, err := s.Bounds(ctx, globalLog)
		if err != nil {
			return err
		}
		var b kv.Batch
		if head.Sequence < first+2*keepRecords {
			continue
		}
		before := head.Sequence - keepRecords
		b.Trim(globalLog, before)
		b.Set(progressKey(trimmer), strconv.AppendUint(nil, before, 10))
		if err := r.commit(ctx, s, trimmer, before, &b); err != nil {
			return err
		}
	}
	return nil
}

const filesFolder = "files"

func fileName(n uint64) string { return fmt.Sprintf("%s/%d", filesFolder, n) }
func fileKey(n uint64) []byte  { return fmt.Appendf(nil, "f/%d", n) }

// filesKept is how many files are in use at a time.
const filesKept = 5

// writeFiles keeps bytes outside of the store, as objects do: a file is durable
// before the commit that names it, and goes once no durable state names it.
func (r *round) writeFiles(ctx context.Context, s kv.Store) error {
	if err := r.disk.MkdirAll(filesFolder, 0o700); err != nil {
		return err
	}
	if err := syncFolder(r.disk, "/"); err != nil {
		return err
	}
	unused := make(chan uint64, 1000)
	var collecting sync.WaitGroup
	var collectErr error
	collecting.Go(func() { collectErr = r.collect(ctx, s, unused) })
	var err error
	for n := uint64(1); err == nil && !r.over(); n++ {
		if err = r.writeFile(n); err != nil {
			break
		}
		b := progressBatch(fileWriter, n)
		b.Set(fileKey(n), []byte("used"))
		if n > filesKept {
			b.Delete(fileKey(n - filesKept))
			unused <- n - filesKept // the collector finds out itself when it may act
		}
		err = r.commit(ctx, s, fileWriter, n, b)
	}
	close(unused)
	collecting.Wait()
	return errors.Join(err, collectErr)
}

func (r *round) writeFile(n uint64) error {
	f, err := r.disk.Create(fileName(n), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(strconv.AppendUint(nil, n, 10))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), syncFolder(r.disk, filesFolder))
}

func syncFolder(fs vfs.FS, name string) error {
	d, err := fs.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// collect removes a file once its key reads as absent. It does not sync the
// removal: a file too many is no harm.
func (r *round) collect(ctx context.Context, s kv.Store, unused <-chan uint64) error {
	reader := choose(r.Collector, s)
	for n := range unused {
		for r.pause() {
			item, err := reader.Get(ctx, fileKey(n))
			if err != nil {
				return err
			}
			if !item.Exists() {
				if err := r.disk.Remove(fileName(n)); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

func choose(by func(kv.Store) kv.Reader, s kv.Store) kv.Reader {
	if by == nil {
		return s
	}
	return by(s)
}

// read looks at everything that can be looked at, and remembers it.
func (r *round) read(ctx context.Context, s kv.Store) error {
	reader := choose(r.Readers, s)
	for r.pause() {
		for a := range actors {
			item, err := reader.Get(ctx, progressKey(a))
			if err != nil {
				return err
			}
			r.history.see(a, progress(item))
		}
		a := 0
		for e, err := range reader.Scan(ctx, kv.Range{Start: []byte("p/"), End: []byte("p0")}) {
			if err != nil {
				return err
			}
			a = int(e.Key[2] - '0')
			r.history.see(a, progress(e.Item))
		}
		_, head, err := s.Bounds(ctx, globalLog)
		if err != nil {
			return err
		}
		records, err := s.ReadLog(ctx, globalLog, max(head.Sequence, 1), 10)
		if err != nil && !errors.Is(err, kv.ErrTrimmed) {
			return err
		}
		r.history.hear([]kv.Position{head})
		for _, rec := range records {
			r.history.hear([]kv.Position{rec.Position})
		}
		r.history.reads.Add(1)
	}
	return nil
}

// progress is the number that a progress key holds.
func progress(item kv.Item) uint64 {
	n, err := strconv.ParseUint(string(item.Value), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func sequenceOf(item kv.Item) uint64 {
	if len(item.Value) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(item.Value)
}
