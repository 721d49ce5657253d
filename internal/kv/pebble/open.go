package pebble

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/semaphore"

	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	lockFile = "LOCK"
	dbFolder = "db"
)

// Open opens the store in o.Dir, and formats the folder if it is missing or
// empty. When it returns, the new incarnation is durable.
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	s, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("opening the store in %s: %w", o.Dir, err)
	}
	return s, nil
}

func open(o Options) (_ *Store, err error) {
	if err := makeDir(o.FS, o.Dir); err != nil {
		return nil, err
	}
	lock, err := o.FS.Lock(o.FS.PathJoin(o.Dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("%w: stop the process that uses it, or choose another folder (%w)", ErrInUse, err)
	}
	s := newStore(o, lock)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.abandon())
		}
	}()
	format, err := loadFormat(o)
	if err != nil {
		return nil, err
	}
	if s.epoch, err = format.epoch(); err != nil {
		return nil, err
	}
	s.space.beforeOpen()
	if err := s.recover(format.Ready); err != nil {
		return nil, err
	}
	if !format.Ready {
		format.Ready = true
		if err := writeFormat(o.FS, o.Dir, *format); err != nil {
			return nil, err
		}
	}
	s.start()
	return s, nil
}

func newStore(o Options, lock io.Closer) *Store {
	s := &Store{
		options:  o,
		lock:     lock,
		logs:     map[kv.LogID]*logState{},
		failed:   make(chan struct{}),
		stop:     make(chan struct{}),
		relaxed:  semaphore.NewWeighted(maxRelaxedBytes),
		patience: closePatience,
	}
	s.queue.wake = make(chan struct{}, 1)
	s.space = newSpace(&s.options)
	return s
}

// abandon undoes a failed Open. A store that failed keeps its lock, since
// Pebble's goroutines may still run.
func (s *Store) abandon() error {
	if s.isFailed() {
		return nil
	}
	var err error
	if d := s.durable.Swap(nil); d != nil {
		d.release()
	}
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, s.lock.Close())
}

// loadFormat reads the format record, or writes the first one in a folder that
// holds nothing else of a store.
func loadFormat(o Options) (*Format, error) {
	format, err := readFormat(o.FS, o.Dir)
	if format != nil || err != nil {
		return format, err
	}
	names, err := o.FS.List(o.Dir)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n string) bool {
		return n == lockFile || n == formatTemp || n == "lost+found"
	})
	if len(names) > 0 {
		slices.Sort(names)
		return nil, fmt.Errorf("%w: it holds %q but no file %s; choose an empty folder, or restore that file from a backup",
			ErrNotAStore, names[0], formatFile)
	}
	var epoch [8]byte
	_, _ = rand.Read(epoch[:]) // never fails, by its contract
	f := Format{
		Version:   formatVersion,
		MinReader: minimumReader,
		Epoch:     fmt.Sprintf("%016x", epoch),
		Created:   o.Now().UTC(),
	}
	return &f, writeFormat(o.FS, o.Dir, f)
}

// recover opens Pebble's files and reads the state that they hold. It does so in
// a goroutine of its own, because one in which Pebble meets a fatal error never
// comes back.
func (s *Store) recover(mustExist bool) error {
	done := make(chan error, 1)
	go func() { done <- s.recoverState(mustExist) }()
	select {
	case err := <-done:
		return err
	case <-s.failed:
		return s.Err()
	}
}

// recoverState opens Pebble, raises the incarnation, reads the heads of the logs
// and publishes the first durable snapshot.
func (s *Store) recoverState(mustExist bool) error {
	o := s.options.pebble(&listener{store: s})
	o.ErrorIfNotExists = mustExist
	db, err := pebble.Open(s.options.FS.PathJoin(s.options.Dir, dbFolder), o)
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return fmt.Errorf("%w: its folder %s is missing or empty; restore it from a backup", ErrNotAStore, dbFolder)
	}
	if err != nil {
		return err
	}
	s.db = db
	if err := s.raiseIncarnation(); err != nil {
		return err
	}
	if err := s.recoverLogs(); err != nil {
		return err
	}
	// Versions of different openings never compare as equal or later.
	s.version = kv.Version(s.incarnation << counterBits)
	s.recent = newRecent(s.version, recentKeys)
	s.publish()
	return nil
}

func (s *Store) raiseIncarnation() error {
	last, err := s.readIncarnation()
	if err != nil {
		return err
	}
	if last >= maxIncarnation {
		return fmt.Errorf("%w: incarnation %d", errCorrupt, last)
	}
	s.incarnation = last + 1
	b := s.db.NewBatch()
	if err := b.Set([]byte{prefixMeta}, binary.BigEndian.AppendUint64(nil, s.incarnation), nil); err != nil {
		return err
	}
	return s.applyGuarded(b)
}

func (s *Store) readIncarnation() (uint64, error) {
	value, closer, err := s.db.Get([]byte{prefixMeta})
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = closer.Close() }() // only gives a block back
	if len(value) != 8 {
		return 0, fmt.Errorf("%w: incarnation of %d bytes", errCorrupt, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

// start runs the goroutines that Close ends.
func (s *Store) start() {
	s.committing.Go(s.commitLoop)
	s.watching.Go(s.answerOnFailure)
	s.watching.Go(func() { s.space.poll(s.stop) })
}

// makeDir makes dir and its parents, and syncs each folder that got a new one.
func makeDir(fs vfs.FS, dir string) error {
	var missing []string
	for d := dir; ; d = fs.PathDir(d) {
		if _, err := fs.Stat(d); err == nil {
			break
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		missing = append(missing, d)
		if fs.PathDir(d) == d {
			break
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range missing {
		if err := syncDir(fs, fs.PathDir(d)); err != nil {
			return err
		}
	}
	return nil
}
