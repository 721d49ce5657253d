package server

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/api/sts"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
	"github.com/carillon-s3/carillon/internal/notify"
	"github.com/carillon-s3/carillon/internal/telemetry"
)

// Ages at which what a scrape shows is asked for again. Each source also bounds
// itself to a share of the time; see latest.
const (
	targetsFresh = time.Second
	engineFresh  = time.Second
	journalFresh = 15 * time.Second
	// overviewTimeout bounds what reads the outboxes in the background of a
	// scrape.
	overviewTimeout = 10 * time.Second
)

// known is what scrapes have asked for last.
type known struct {
	targets latest[[]notify.Status]
	engine  latest[pebble.Figures]
	journal latest[journal.Extent]
}

// newMetrics declares the metrics. Their sources are asked by scrapes, which
// come when everything is open.
func (s *site) newMetrics(address net.Addr) *telemetry.Metrics {
	endpoint := s.endpoint(address)
	if _, host, ok := strings.Cut(endpoint, "://"); ok {
		endpoint = strings.TrimRight(host, "/")
	}
	s.known.targets.fresh, s.known.engine.fresh, s.known.journal.fresh = targetsFresh, engineFresh, journalFresh
	return telemetry.New(telemetry.Config{
		Server: endpoint, Version: Version(), Operations: slices.Concat(s3api.Operations(), sts.Operations()),
		Targets: s.targetStates, Store: s.storeState, Journal: s.journalState, Buckets: s.bucketStates,
	})
}

func (s *site) observeRequest(o s3api.Observation) {
	s.metrics.Requests.Observe(telemetry.Request{
		Operation: o.Operation, Status: o.Status, Duration: o.Duration, FirstByte: o.FirstByte,
		Received: o.Received, Sent: o.Sent,
	})
	s.logRequest(&o)
}

func (s *site) observeSession(o sts.Observation) {
	s.metrics.Requests.Observe(telemetry.Request{
		Operation: o.Operation, Status: o.Status, Duration: o.Duration, FirstByte: o.Duration,
		Received: o.Received, Sent: o.Sent,
	})
}

func (s *site) observeTarget(id event.TargetID) notify.Observer {
	return s.metrics.Targets.Of(id.ID, id.Type)
}

func (s *site) observeGroup(g pebble.Group) {
	if g.Sync > 0 {
		s.metrics.Commits.Synced(g.Sync, g.Committed)
	}
	if g.Conflicts > 0 {
		s.metrics.Commits.Conflicts(g.Conflicts)
	}
}

func (s *site) targetStates() []telemetry.TargetState {
	statuses, _ := s.known.targets.get(func() ([]notify.Status, bool) {
		ctx, cancel := context.WithTimeout(context.Background(), overviewTimeout)
		defer cancel()
		return s.dispatcher.Overview(ctx), true
	})
	out := make([]telemetry.TargetState, len(statuses))
	for i, t := range statuses {
		out[i] = telemetry.TargetState{
			ID: t.Target.ID, Name: t.Target.Type, State: string(t.State),
			Events: t.Backlog.Entries, Bytes: t.Backlog.Bytes, Oldest: t.Backlog.Oldest,
			OverLimit: t.OverLimit, Full: t.Full, Dropped: t.Backlog.Dropped, Parked: t.Parked, BlockedKeys: t.BlockedKeys,
			SpoolTrouble: t.Spool != nil && (t.Spool.Problem != "" || t.Spool.Unwritable != ""),
			Inherited:    t.Inherited.Left, Aside: t.Inherited.Aside,
		}
	}
	return out
}

func (s *site) storeState() (telemetry.StoreState, bool) {
	out := telemetry.StoreState{Failed: s.store.Err() != nil, Admitting: s.store.Admit() == nil}
	if space, ok := s.store.Space(); ok {
		out.FreeBytes, out.TotalBytes, out.ReserveBytes = space.Free, space.Total, space.Reserve
	}
	if f, ok := s.known.engine.get(s.store.Figures); ok {
		out.Engine = &telemetry.EngineState{
			CompactionDebtBytes: f.CompactionDebt, Compactions: f.Compactions, Flushes: f.Flushes,
			L0Files: f.L0Files, L0Sublevels: f.L0Sublevels, ReadAmplification: f.ReadAmplification,
			MemTableBytes: f.MemTableBytes, MemTables: f.MemTables,
			CacheBytes: f.CacheBytes, CacheHits: f.CacheHits, CacheMisses: f.CacheMisses,
			DiskBytes: f.DiskBytes, WALBytes: f.WALBytes, WriteStalls: f.Stalls, WriteStalled: f.Stalled,
			OpenSnapshots: f.Snapshots, Tombstones: f.Tombstones,
		}
	}
	return out, true
}

func (s *site) journalState() (telemetry.JournalState, bool) {
	e, ok := s.known.journal.get(func() (journal.Extent, bool) {
		e, err := s.journal.Extent(context.Background())
		return e, err == nil
	})
	return telemetry.JournalState{
		Partitions: journal.Partitions, Records: e.Records, Bytes: e.Bytes, Oldest: e.Oldest,
	}, ok
}

// bucketStates are the last counts of usage.go.
func (s *site) bucketStates() []telemetry.BucketState {
	usage := s.counted.Load()
	if usage == nil {
		return nil
	}
	out := make([]telemetry.BucketState, len(usage.Buckets))
	for i, b := range usage.Buckets {
		out[i] = telemetry.BucketState{
			Name: b.Name, Objects: b.Objects, Versions: b.Versions, Markers: b.DeleteMarkers, Bytes: b.Bytes,
		}
	}
	return out
}
