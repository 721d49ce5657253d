package pebble

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Defaults of Options.
const (
	// DefaultMemTableBytes makes a quarter of a memtable larger than two of
	// the largest batches.
	DefaultMemTableBytes = 64 << 20
	// DefaultCacheBytes is the block cache.
	DefaultCacheBytes = 256 << 20
	// DefaultBallastBytes is enough for a rotation of the write-ahead log, a
	// manifest and the trims and acknowledgements of a full disk.
	DefaultBallastBytes = 64 << 20
)

// Options of a store. Only Dir is required.
type Options struct {
	// Dir is the store's folder. It is made if it is missing.
	Dir string
	// FS holds every file of the store; the default is the machine's.
	FS vfs.FS
	// Logger gets errors and stalls; the default drops them.
	Logger *slog.Logger
	// Now is the clock of stamps; the default is time.Now.
	Now func() time.Time
	// ReserveBytes is the free space below which Admit refuses. 0 means
	// DefaultReserve of the disk's size, 1 as good as none.
	ReserveBytes uint64
	// BallastBytes is the size of the file that is given up when the disk is
	// nearly full. 0 means DefaultBallastBytes, below 0 none.
	BallastBytes int64
	// CacheBytes is the size of the block cache. 0 means DefaultCacheBytes.
	CacheBytes int64
	// MemTableBytes is the size of a memtable; several can be in use. 0 means
	// DefaultMemTableBytes. A store that takes batches of kv.MaxBatchBytes
	// needs the default.
	MemTableBytes uint64
	// OnFatal, if not nil, is called once when the store fails, before anyone
	// is answered. It must not call the store.
	OnFatal func(error)
	// OnGroup, if not nil, is called by the committer after each group of
	// batches, before those who wait are answered. It must not block.
	OnGroup func(Group)
}

// Group tells of batches that were committed together.
type Group struct {
	// Committed is how many became durable; relaxed ones are among them.
	Committed int
	// Conflicts is how many were refused with kv.ErrConflict.
	Conflicts int
	// Sync is how long the synced write took; 0 if there was nothing to write.
	Sync time.Duration
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.BallastBytes == 0 {
		o.BallastBytes = DefaultBallastBytes
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = DefaultMemTableBytes
	}
	return o
}

// formatMajorVersion is the newest of Pebble v2.1. From FormatWALSyncChunks on,
// damage to synced log data is an error and not taken for the log's end.
const formatMajorVersion = pebble.FormatValueSeparation

const (
	memTables = 4
	// l0StopWrites bounds how many files a read can meet in L0; beyond it
	// commits wait for compaction.
	l0StopWrites = 24
	bloomBits    = 10
	// blockBytes holds a few small records: a larger block would make a Get of
	// one of them read and decompress more.
	blockBytes      = 8 << 10
	indexBlockBytes = 256 << 10
	levelBaseBytes  = 64 << 20
	bytesPerSync    = 1 << 20
	// trimFlushDelay is how soon the space of trimmed records is given back.
	trimFlushDelay = 10 * time.Second
)

func (o Options) pebble(l *listener) *pebble.Options {
	p := &pebble.Options{
		FS:                          o.FS,
		Logger:                      l,
		EventListener:               l.events(),
		FormatMajorVersion:          formatMajorVersion,
		CacheSize:                   o.CacheBytes,
		MemTableSize:                o.MemTableBytes,
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       l0StopWrites,
		LBaseMaxBytes:               levelBaseBytes,
		BytesPerSync:                bytesPerSync,
		FlushDelayDeleteRange:       trimFlushDelay,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
	}
	p.TargetFileSizes[0] = 4 << 20
	p.FlushSplitBytes = p.TargetFileSizes[0]
	p.Experimental.ReadSamplingMultiplier = -1 // reads never cause compactions
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
		p.Levels[i].BlockSize = blockBytes
		p.Levels[i].IndexBlockSize = indexBlockBytes
	}
	p.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	return p
}
