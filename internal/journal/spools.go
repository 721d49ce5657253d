package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
)

// spools are the spools of all consumers: those that records are moved to, and
// those that outbox entries still point to.
type spools struct {
	store kv.Store
	log   *slog.Logger
	// folders is nil where no spool can be opened.
	folders SpoolFolders

	// trimming is held through Trim, which alone changes spools.
	trimming sync.Mutex

	mu    sync.Mutex // guards what follows, and the fields of spool
	dirs  map[string]string
	byID  map[uint64]*spool
	fails map[string]*spoolFailure
}

// spool is one spool that the metadata store knows of.
type spool struct {
	id     SpoolIdentity
	dir    string
	folder SpoolFolder
	// segments are those committed.
	segments map[uint64]*spoolSegment
	// misplaced says why the folder is not the spool's; empty if it is.
	misplaced string
	problem   string
	since     time.Time
}

type spoolSegment struct {
	// end is the size that the metadata store knows to be durable.
	end int64
	// witness is the key of a row that points to the segment, or did lately.
	witness []byte
	// bad says what is wrong with it; found by reading it, or by its size.
	bad    string
	byRead bool
}

// spoolFailure is why a consumer's records cannot be written to its spool.
type spoolFailure struct {
	err    string
	since  time.Time
	paused bool // until the next Trim
}

// spoolValue is the stored form of a spool.
type spoolValue struct {
	Consumer string `cbor:"1,keyasint"`
	Dir      string `cbor:"2,keyasint"`
}

// segmentValue is the stored form of a segment.
type segmentValue struct {
	End int64 `cbor:"1,keyasint"`
}

const (
	spoolVersion   = 1
	segmentVersion = 1
)

func newSpools(store kv.Store) *spools {
	return &spools{
		store: store, log: slog.New(slog.DiscardHandler),
		dirs: map[string]string{}, byID: map[uint64]*spool{}, fails: map[string]*spoolFailure{},
	}
}

func spoolKey(id uint64) []byte { return binary.BigEndian.AppendUint64([]byte(prefixSpool), id) }

func segmentKey(id, segment uint64) []byte {
	return binary.BigEndian.AppendUint64(spoolKey(id), segment)
}

// OpenSpools opens the spools that outbox entries point to, and takes events
// back into the outbox that were listed as gaps because their spool was away.
// Whatever is wrong with a folder is logged, and no error. It is called once,
// before anything reads the outbox. log gets each change of a spool's state.
func (j *Journal) OpenSpools(ctx context.Context, folders SpoolFolders, log *slog.Logger) error {
	s := j.spools
	s.folders, s.log = folders, log
	prefix := []byte(prefixSpool)
	for e, err := range s.store.Scan(ctx, kv.Range{Start: prefix, End: kv.PrefixEnd(prefix)}) {
		if err != nil {
			return fmt.Errorf("list spools: %w", err)
		}
		if err := s.load(e); err != nil {
			return err
		}
	}
	for _, sp := range s.all() {
		if err := s.check(ctx, sp); err != nil {
			return fmt.Errorf("check the spool of %s: %w", sp.id.Consumer, err)
		}
		s.dropOrphans(sp)
	}
	return j.takeBack(ctx)
}

// CloseSpools closes the files that are open. Nothing is lost without it.
func (j *Journal) CloseSpools() {
	j.spools.trimming.Lock()
	defer j.spools.trimming.Unlock()
	for _, sp := range j.spools.all() {
		sp.folder.Seal()
	}
}

// load takes in one row. Those of segments follow the one of their spool.
func (s *spools) load(e kv.Entry) error {
	fields := e.Key[len(prefixSpool):]
	switch len(fields) {
	case 8:
		var v spoolValue
		if err := decode(spoolVersion, e.Item.Value, &v); err != nil {
			return fmt.Errorf("spool %x: %w", fields, err)
		}
		s.add(SpoolIdentity{binary.BigEndian.Uint64(fields), s.store.Epoch(), v.Consumer}, v.Dir)
		return nil
	case 16:
		var v segmentValue
		if err := decode(segmentVersion, e.Item.Value, &v); err != nil {
			return fmt.Errorf("spool %x: %w", fields, err)
		}
		if sp := s.byID[binary.BigEndian.Uint64(fields)]; sp != nil {
			sp.segments[binary.BigEndian.Uint64(fields[8:])] = &spoolSegment{end: v.End}
			return nil
		}
	}
	return fmt.Errorf("%w: row %q of spools", errStored, e.Key)
}

func (s *spools) add(id SpoolIdentity, dir string) *spool {
	sp := &spool{id: id, dir: dir, folder: s.folders.Folder(dir, id), segments: map[uint64]*spoolSegment{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[id.ID] = sp
	return sp
}

// all returns the spools in an order that lasts.
func (s *spools) all() []*spool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.byID), func(a, b *spool) int {
		if a.id.ID < b.id.ID {
			return -1
		}
		return 1
	})
}

// SpoolTo says where the records of consumers go that Trim removes and that are
// still wanted: the folder of each consumer's spool. Those of others go into
// their outbox entries. What was spooled before stays where it is, and is read
// there until it is acknowledged.
func (j *Journal) SpoolTo(dirs map[string]string) {
	s := j.spools
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirs = maps.Clone(dirs)
	for consumer := range s.fails {
		if s.dirs[consumer] == "" {
			delete(s.fails, consumer)
		}
	}
}

// SpoolStatus tells how a consumer's spool is; false if it has none.
func (j *Journal) SpoolStatus(consumer string) (SpoolStatus, bool) {
	s := j.spools
	s.mu.Lock()
	defer s.mu.Unlock()
	out := SpoolStatus{Dir: s.dirs[consumer]}
	for _, sp := range s.byID {
		if sp.id.Consumer != consumer {
			continue
		}
		if out.Dir == "" {
			out.Dir = sp.dir
		}
		if sp.problem != "" && (out.Problem == "" || sp.since.Before(out.Since)) {
			out.Problem, out.Since = sp.dir+": "+sp.problem, sp.since
		}
		for _, seg := range sp.segments {
			out.Segments++
			out.Bytes += seg.end
		}
	}
	if f := s.fails[consumer]; f != nil {
		out.Unwritable = f.err
		if out.Problem == "" {
			out.Since = f.since
		}
	}
	return out, out.Dir != ""
}

// writer returns the spool that a consumer's records go to; nil if it has none.
func (s *spools) writer(ctx context.Context, consumer string) (*spool, error) {
	s.mu.Lock()
	dir := s.dirs[consumer]
	s.mu.Unlock()
	if dir == "" || s.folders == nil {
		return nil, nil
	}
	sp, inUse := s.inFolder(consumer, dir)
	if sp != nil {
		return sp, nil
	}
	id, err := s.folders.Identity(dir)
	switch {
	case err == nil:
		return s.adopt(ctx, dir, consumer, id)
	case !errors.Is(err, ErrNoSpool):
		return nil, err
	case inUse:
		// If its volume is only away, a new spool would be made below the mount,
		// and be hidden when it returns.
		return nil, fmt.Errorf("%w, and events of the spool that was in it are not settled", err)
	}
	id = SpoolIdentity{ID: rand.Uint64(), Epoch: s.store.Epoch(), Consumer: consumer} //nolint:gosec // names a spool, guards nothing
	if err := s.folders.Create(dir, id); err != nil {
		return nil, err
	}
	return s.register(ctx, dir, id)
}

// inFolder returns the consumer's spool that is in dir. inUse says that one is
// not that should be.
func (s *spools) inFolder(consumer, dir string) (_ *spool, inUse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sp := range s.byID {
		if sp.id.Consumer != consumer || sp.dir != dir {
			continue
		}
		if sp.misplaced == "" {
			return sp, false
		}
		inUse = inUse || len(sp.segments) > 0
	}
	return nil, inUse
}

// adopt uses the spool in dir, which a crash separated from its row when it was
// made or given up: without a row, nothing points to what it holds. Any other is
// not ours.
func (s *spools) adopt(ctx context.Context, dir, consumer string, id SpoolIdentity) (*spool, error) {
	if id.Consumer != consumer || id.Epoch != s.store.Epoch() {
		return nil, &SpoolLoss{Reason: foreignSpool(id)}
	}
	sp, err := s.register(ctx, dir, id)
	if err == nil {
		s.dropOrphans(sp)
	}
	return sp, err
}

func foreignSpool(id SpoolIdentity) string {
	return fmt.Sprintf("the folder holds another spool (%016x of %s)", id.ID, id.Consumer)
}

// register writes down that there is a spool in dir.
func (s *spools) register(ctx context.Context, dir string, id SpoolIdentity) (*spool, error) {
	value, err := encode(spoolVersion, spoolValue{id.Consumer, dir})
	if err != nil {
		return nil, err
	}
	var b kv.Batch
	b.Set(spoolKey(id.ID), value)
	if _, err := s.store.Commit(ctx, &b); err != nil {
		return nil, fmt.Errorf("register a spool: %w", err)
	}
	return s.add(id, dir), nil
}
