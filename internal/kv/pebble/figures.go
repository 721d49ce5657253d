package pebble

// Figures are what an operator needs to know of Pebble, at one moment.
type Figures struct {
	// CompactionDebt is what compactions must still rewrite, in bytes.
	CompactionDebt       uint64
	Compactions, Flushes int64
	L0Files, L0Sublevels int64
	// ReadAmplification is how many layers a read may meet.
	ReadAmplification int
	MemTableBytes     uint64
	MemTables         int64
	CacheBytes        int64
	// CacheHits and CacheMisses count blocks asked of the cache since the start.
	CacheHits, CacheMisses int64
	// DiskBytes are those of all files, WALBytes of the log that is still needed.
	DiskBytes, WALBytes uint64
	// Stalls counts the times that commits had to wait for flushes or
	// compactions, Stalled says that they do now.
	Stalls  int64
	Stalled bool
	// Snapshots are those that are open, Tombstones the deletions in files.
	Snapshots, Tombstones int64
}

// Figures reads Pebble's counters, in some microseconds; but it waits for a sync
// of Pebble's list of files, if one is under way. false: the store has failed or
// is closed.
func (s *Store) Figures() (Figures, bool) {
	// A lease keeps Close away. After a failure Pebble may hold its locks for
	// ever, and must not be asked.
	d, err := s.lease()
	if err != nil {
		return Figures{}, false
	}
	defer d.release()
	m := s.db.Metrics()
	return Figures{
		CompactionDebt: m.Compact.EstimatedDebt, Compactions: m.Compact.Count, Flushes: m.Flush.Count,
		L0Files: m.Levels[0].TablesCount, L0Sublevels: int64(m.Levels[0].Sublevels), ReadAmplification: m.ReadAmp(),
		MemTableBytes: m.MemTable.Size, MemTables: m.MemTable.Count,
		CacheBytes: m.BlockCache.Size, CacheHits: m.BlockCache.Hits, CacheMisses: m.BlockCache.Misses,
		DiskBytes: m.DiskSpaceUsage(), WALBytes: m.WAL.Size,
		Stalls: s.stalls.Load(), Stalled: s.stalled.Load(),
		Snapshots: int64(m.Snapshots.Count), Tombstones: int64(m.Keys.TombstoneCount), //nolint:gosec // counts
	}, true
}

// Space is what the disk of the store has, in bytes.
type Space struct {
	// Free is for ordinary users.
	Free, Total uint64
	// Reserve is the free space below which Admit refuses.
	Reserve uint64
}

// Space returns what was last seen of the disk, at most some seconds ago. false:
// the file system does not tell.
func (s *Store) Space() (Space, bool) {
	if seen := s.space.seen.Load(); seen != nil {
		return *seen, true
	}
	return Space{}, false
}
