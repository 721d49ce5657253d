package pebble

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/carillon-s3/carillon/internal/kv"
)

const (
	ballastFile = "ballast"
	ballastTemp = "ballast.tmp"
	// ballastChunk is small enough for the writing to stop soon at Close.
	ballastChunk = 1 << 20
	// spacePeriod is short enough for the default reserve not to be used up
	// between two looks at the fastest disks.
	spacePeriod = time.Second
	// hysteresisPart of the reserve, or of maxReserve if that is less, must be
	// free on top of it before mutations are accepted again.
	hysteresisPart = 8
)

// Bounds of DefaultReserve.
const (
	minReserve  = 256 << 20
	maxReserve  = 10 << 30
	reservePart = 20
)

// DefaultReserve is the free space that is kept on a disk of total bytes: a
// twentieth, since compactions write their result before they remove what it
// replaces; at least four memtables, which may have to be flushed; at most what
// the largest compactions need.
func DefaultReserve(total uint64) uint64 {
	return max(minReserve, min(total/reservePart, maxReserve))
}

// space watches the free space of the store's disk and keeps the ballast.
type space struct {
	options *Options
	low     atomic.Bool
	seen    atomic.Pointer[Space]
	mu      sync.Mutex // guards the ballast file
	logged  bool       // that ballast can't be kept; under mu
}

func newSpace(o *Options) *space { return &space{options: o} }

func (s *space) admit() error {
	if s.low.Load() {
		return fmt.Errorf("%w: delete objects, or give the disk of %s more room", kv.ErrNoSpace, s.options.Dir)
	}
	return nil
}

// poll looks at the disk until stop is closed.
func (s *space) poll(stop <-chan struct{}) {
	ticker := time.NewTicker(spacePeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.look(stop)
		case <-stop:
			return
		}
	}
}

// beforeOpen makes room for the files that opening writes.
func (s *space) beforeOpen() {
	usage, err := s.options.FS.GetDiskUsage(s.options.Dir)
	if err != nil {
		return
	}
	s.judge(usage)
	if usage.AvailBytes < s.critical() {
		s.drop()
	}
}

// look reads the free space once and acts on it.
func (s *space) look(stop <-chan struct{}) {
	usage, err := s.options.FS.GetDiskUsage(s.options.Dir)
	if err != nil {
		if !errors.Is(err, vfs.ErrUnsupported) {
			s.options.Logger.Warn("the free space of the disk cannot be read", "dir", s.options.Dir, "error", err)
		}
		return
	}
	reserve := s.judge(usage)
	switch {
	case usage.AvailBytes < s.critical():
		s.drop()
	case usage.AvailBytes > enough(reserve)+s.critical():
		if err := s.keep(stop); err != nil {
			s.complain(err)
		}
	}
}

// judge decides whether mutations are accepted, and returns the reserve.
func (s *space) judge(usage vfs.DiskUsage) uint64 {
	reserve := s.options.ReserveBytes
	if reserve == 0 {
		reserve = DefaultReserve(usage.TotalBytes)
	}
	low := s.low.Load()
	switch {
	case !low && usage.AvailBytes < reserve:
		s.low.Store(true)
		s.options.Logger.Error("free space is below the reserve: writes are refused",
			"dir", s.options.Dir, "free", usage.AvailBytes, "reserve", reserve)
	case low && usage.AvailBytes >= enough(reserve):
		s.low.Store(false)
		s.options.Logger.Info("there is free space again: writes are accepted",
			"dir", s.options.Dir, "free", usage.AvailBytes, "reserve", reserve)
	}
	s.seen.Store(&Space{Free: usage.AvailBytes, Total: usage.TotalBytes, Reserve: reserve})
	return reserve
}

// enough is the free space from which mutations are accepted again.
func enough(reserve uint64) uint64 {
	return reserve + min(reserve, maxReserve)/hysteresisPart
}

// critical is the free space below which the ballast is given up.
func (s *space) critical() uint64 { return uint64(max(s.options.BallastBytes, 0)) }

// full is called when a write found no room.
func (s *space) full() {
	if !s.low.Swap(true) {
		s.options.Logger.Error("the disk is full: writes are refused", "dir", s.options.Dir)
	}
	s.drop()
}

// drop removes the ballast, so that acknowledgements and trims can commit.
func (s *space) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	fs := s.options.FS
	err := fs.Remove(fs.PathJoin(s.options.Dir, ballastFile))
	switch {
	case err == nil:
		s.options.Logger.Warn("the disk is nearly full: the ballast file was given up", "dir", s.options.Dir)
	case !errors.Is(err, os.ErrNotExist):
		s.options.Logger.Error("the ballast file could not be removed", "dir", s.options.Dir, "error", err)
	}
}

// keep makes the ballast unless it is there. Its contents are random, because
// some file systems store nothing for zeros.
func (s *space) keep(stop <-chan struct{}) error {
	if s.options.BallastBytes <= 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fs := s.options.FS
	name := fs.PathJoin(s.options.Dir, ballastFile)
	if _, err := fs.Stat(name); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	temp := fs.PathJoin(s.options.Dir, ballastTemp)
	err := s.fill(temp, stop)
	if err == nil {
		err = fs.Rename(temp, name)
	}
	if err != nil {
		_ = fs.Remove(temp) // the next attempt replaces it
	}
	return err
}

var errStopped = errors.New("stopped")

func (s *space) fill(name string, stop <-chan struct{}) (err error) {
	file, err := s.options.FS.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	random := rand.NewChaCha8([32]byte{})
	chunk := make([]byte, ballastChunk)
	for left := s.options.BallastBytes; left > 0; left -= int64(len(chunk)) {
		select {
		case <-stop:
			return errStopped
		default:
		}
		chunk = chunk[:min(int64(len(chunk)), left)]
		_, _ = random.Read(chunk) // never fails, by its contract
		if _, err := file.Write(chunk); err != nil {
			return err
		}
	}
	return file.Sync()
}

// complain logs once that the ballast cannot be kept.
func (s *space) complain(err error) {
	if errors.Is(err, errStopped) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.logged {
		s.logged = true
		s.options.Logger.Warn("the ballast file cannot be made", "dir", s.options.Dir, "error", err)
	}
}
