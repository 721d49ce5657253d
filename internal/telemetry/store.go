package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Commits counts what the committer of the metadata store does. It is safe for
// concurrent use.
type Commits struct {
	sync, size prometheus.Observer
	conflicts  prometheus.Counter
}

// syncSeconds are the bounds of a synced write: a tenth of a millisecond on a
// disk with a protected cache, tens of milliseconds on a plain one.
func syncSeconds() []float64 {
	return []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
}

func newCommits(d *declarations) *Commits {
	return &Commits{
		sync: d.histogram(Storage, "carillon_kv_sync_duration_seconds",
			"How long a synced write of a group of commits took; its count is the number of syncs.", syncSeconds()),
		size: d.histogram(Storage, "carillon_kv_group_commits",
			"How many commits shared one sync.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}),
		conflicts: d.counter(Storage, "carillon_kv_conflicts_total",
			"Commits that were refused because what they had read had changed; each is decided again."),
	}
}

// Synced tells of a group of commits that one sync made durable.
func (c *Commits) Synced(took time.Duration, commits int) {
	c.sync.Observe(took.Seconds())
	c.size.Observe(float64(commits))
}

// Conflicts tells of commits that were refused.
func (c *Commits) Conflicts(n int) { c.conflicts.Add(float64(n)) }

// StoreState is how the metadata store and its disk are at the moment.
type StoreState struct {
	// Failed says that the store gave a final error and serves nothing more.
	Failed bool
	// Admitting says that growing mutations are accepted.
	Admitting bool
	// FreeBytes and TotalBytes are of the disk, for its ordinary users;
	// ReserveBytes is the free space below which mutations are refused.
	FreeBytes, TotalBytes, ReserveBytes uint64
	// Engine is nil if nothing is known of it.
	Engine *EngineState
}

// EngineState are the figures of Pebble.
type EngineState struct {
	CompactionDebtBytes       uint64
	Compactions, Flushes      int64
	L0Files, L0Sublevels      int64
	ReadAmplification         int
	MemTableBytes             uint64
	MemTables                 int64
	CacheBytes                int64
	CacheHits, CacheMisses    int64
	DiskBytes, WALBytes       uint64
	WriteStalls               int64
	WriteStalled              bool
	OpenSnapshots, Tombstones int64
}

func declareStore(d *declarations, c Config) {
	g := func(name, help string) asked { return d.asked(Storage, Gauge, name, help) }
	failed := g("carillon_store_failed", "1 once the metadata store has failed for good; the process ends soon after.")
	admitting := g("carillon_admitting_writes", "1 while growing mutations (PUT) are accepted; 0 below the reserve of free space.")
	free := g("carillon_disk_free_bytes", "Free space of the disk that holds the data, for ordinary users.")
	total := g("carillon_disk_total_bytes", "Size of that disk.")
	reserve := g("carillon_disk_reserve_bytes", "Free space below which growing mutations are refused.")
	health := g("minio_cluster_health_status", "1 while writes work, else 0.")
	usableFree := g("minio_cluster_capacity_usable_free_bytes", "Free space of the disk that holds the data.")
	usableTotal := g("minio_cluster_capacity_usable_total_bytes", "Size of that disk.")
	engine := declareEngine(d)
	if c.Store == nil {
		return
	}
	d.collect(Storage, func(scrape chan<- prometheus.Metric) {
		s, ok := c.Store()
		if !ok {
			return
		}
		failed.send(scrape, oneIf(s.Failed))
		admitting.send(scrape, oneIf(s.Admitting))
		health.send(scrape, oneIf(s.Admitting && !s.Failed))
		reserve.send(scrape, float64(s.ReserveBytes))
		for _, m := range []asked{free, usableFree} {
			m.send(scrape, float64(s.FreeBytes))
		}
		for _, m := range []asked{total, usableTotal} {
			m.send(scrape, float64(s.TotalBytes))
		}
		if s.Engine != nil {
			engine(scrape, s.Engine)
		}
	})
}

func declareEngine(d *declarations) func(chan<- prometheus.Metric, *EngineState) {
	type row struct {
		asked
		value func(*EngineState) float64
	}
	var rows []row
	add := func(kind Kind, name, help string, value func(*EngineState) float64) {
		rows = append(rows, row{d.asked(Storage, kind, "carillon_pebble_"+name, help), value})
	}
	add(Gauge, "compaction_debt_bytes", "Bytes that compactions must still rewrite; if it only grows, the disk is too slow for the load.",
		func(e *EngineState) float64 { return float64(e.CompactionDebtBytes) })
	add(Counter, "compactions_total", "Compactions done.", func(e *EngineState) float64 { return float64(e.Compactions) })
	add(Counter, "flushes_total", "Memtables written out.", func(e *EngineState) float64 { return float64(e.Flushes) })
	add(Gauge, "l0_files", "Files in level 0.", func(e *EngineState) float64 { return float64(e.L0Files) })
	add(Gauge, "l0_sublevels", "Layers of level 0 that a read may meet; at 24 commits wait.", func(e *EngineState) float64 { return float64(e.L0Sublevels) })
	add(Gauge, "read_amplification", "Layers that a read may meet.", func(e *EngineState) float64 { return float64(e.ReadAmplification) })
	add(Gauge, "memtable_bytes", "Memory of memtables.", func(e *EngineState) float64 { return float64(e.MemTableBytes) })
	add(Gauge, "memtables", "Memtables; at 4 commits wait for a flush.", func(e *EngineState) float64 { return float64(e.MemTables) })
	add(Gauge, "cache_bytes", "Bytes in the block cache.", func(e *EngineState) float64 { return float64(e.CacheBytes) })
	add(Counter, "cache_hits_total", "Blocks found in the cache.", func(e *EngineState) float64 { return float64(e.CacheHits) })
	add(Counter, "cache_misses_total", "Blocks read from files.", func(e *EngineState) float64 { return float64(e.CacheMisses) })
	add(Gauge, "disk_bytes", "Bytes of all files of the metadata store.", func(e *EngineState) float64 { return float64(e.DiskBytes) })
	add(Gauge, "wal_bytes", "Live bytes of the write-ahead log.", func(e *EngineState) float64 { return float64(e.WALBytes) })
	add(Counter, "write_stalls_total", "Times that commits had to wait for flushes or compactions.", func(e *EngineState) float64 { return float64(e.WriteStalls) })
	add(Gauge, "write_stalled", "1 while commits wait for flushes or compactions.", func(e *EngineState) float64 { return oneIf(e.WriteStalled) })
	add(Gauge, "snapshots", "Snapshots held open by readers.", func(e *EngineState) float64 { return float64(e.OpenSnapshots) })
	add(Gauge, "tombstones", "Deletions that compactions have not removed yet.", func(e *EngineState) float64 { return float64(e.Tombstones) })
	return func(scrape chan<- prometheus.Metric, e *EngineState) {
		for _, r := range rows {
			r.send(scrape, r.value(e))
		}
	}
}

// JournalState is what the journal keeps.
type JournalState struct {
	Partitions     int
	Records, Bytes int64
	// Oldest is when the oldest record was committed; zero if there is none.
	Oldest time.Time
}

func declareJournal(d *declarations, c Config) {
	g := func(name, help string) asked { return d.asked(Storage, Gauge, name, help) }
	partitions := g("carillon_journal_partitions", "Logs that records are spread over.")
	records := g("carillon_journal_records", "Records that the journal keeps.")
	bytes := g("carillon_journal_bytes", "Bytes of those records, estimated from the newest of each partition.")
	oldest := g("carillon_journal_oldest_record_age_seconds", "Age of the oldest record: how far back a listener can resume and events can be replayed.")
	if c.Journal == nil {
		return
	}
	d.collect(Storage, func(scrape chan<- prometheus.Metric) {
		j, ok := c.Journal()
		if !ok {
			return
		}
		partitions.send(scrape, float64(j.Partitions))
		records.send(scrape, float64(j.Records))
		bytes.send(scrape, float64(j.Bytes))
		oldest.send(scrape, age(j.Oldest, c.Now()))
	})
}
