package telemetry

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Labels of targets, as MinIO names them: the id that its owner gave, and the
// type.
const (
	labelTargetID   = "target_id"
	labelTargetName = "target_name"
)

// TargetState is how a target is at the moment.
type TargetState struct {
	// ID is the name that the owner gave, Name the type, as in "webhook".
	ID, Name string
	// State is one of States.
	State string
	// Events and Bytes wait in the outbox; Oldest is when the first of them was
	// committed, zero if there is none.
	Events, Bytes int64
	Oldest        time.Time
	// OverLimit says that the backlog is at its limit, or long where it has none;
	// Full that it is at its limit.
	OverLimit, Full bool
	// Dropped are the events that are gone, all listed as gaps.
	Dropped     int64
	Parked      int64
	BlockedKeys int
	// SpoolTrouble says that the target's queue_dir lost something or cannot be
	// written.
	SpoolTrouble bool
	// Inherited are the events that a MinIO server left in queue_dir and that are
	// still to be sent, Aside the files of it that cannot be.
	Inherited, Aside int64
}

// States are the values of TargetState.State, in the order of the dashboard.
func States() []string {
	return []string{"online", "offline", "misconfigured", "disabled", "not configured"}
}

// Targets are the counters of all targets. It is safe for concurrent use.
type Targets struct {
	sendSeconds *prometheus.HistogramVec
	latency     *prometheus.HistogramVec

	mu  sync.Mutex
	all map[targetKey]*Target
}

type targetKey struct{ id, name string }

// Target counts what delivery does for one target. It is safe for concurrent
// use; no method waits or allocates.
type Target struct {
	delivered, failed, retried, parked, dropped, refused atomic.Int64
	sendErrors, sending                                  atomic.Int64
	sendSeconds, latency                                 prometheus.Observer
}

// sendSeconds are the bounds of a Send: a destination answers in milliseconds,
// and is given up after some ten seconds.
func sendSeconds() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
}

// latencySeconds are the bounds from commit to acknowledgement: milliseconds
// when all is well, and up to days after an outage.
func latencySeconds() []float64 {
	return []float64{.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 6 * 3600, 24 * 3600}
}

func newTargets(d *declarations, c Config) *Targets {
	t := &Targets{
		all: make(map[targetKey]*Target),
		sendSeconds: d.histograms(Delivery, "carillon_target_send_duration_seconds",
			"How long one Send to the destination took, failed ones among them; its count is the number of Sends.",
			sendSeconds(), labelTargetID, labelTargetName),
		latency: d.histograms(Delivery, "carillon_target_delivery_latency_seconds",
			"From the commit of an event to its acknowledgement.",
			latencySeconds(), labelTargetID, labelTargetName),
	}
	m := declareTargets(d)
	d.collect(Delivery, func(scrape chan<- prometheus.Metric) {
		var states []TargetState
		if c.Targets != nil {
			states = c.Targets()
		}
		m.sendStates(scrape, states, c.Now())
		for _, s := range states {
			t.Of(s.ID, s.Name) // what has counted nothing yet shows zeros
		}
		m.sendCounts(scrape, t.list())
	})
	return t
}

// Of returns the counters of a target. They last as long as the process, also
// when the target is taken away and comes back.
func (t *Targets) Of(id, name string) *Target {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := targetKey{id, name}
	one := t.all[key]
	if one == nil {
		one = &Target{
			sendSeconds: t.sendSeconds.WithLabelValues(id, name),
			latency:     t.latency.WithLabelValues(id, name),
		}
		t.all[key] = one
	}
	return one
}

type countedTarget struct {
	targetKey
	*Target
}

func (t *Targets) list() []countedTarget {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]countedTarget, 0, len(t.all))
	for key, one := range t.all {
		out = append(out, countedTarget{key, one})
	}
	slices.SortFunc(out, func(a, b countedTarget) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
	})
	return out
}

// SendBegan counts a Send as under way, until SendEnded.
func (t *Target) SendBegan() { t.sending.Add(1) }

// SendEnded tells of a Send: how long it took, how many of its events were sent
// before, and how many failed now. err says that it gave an error.
func (t *Target) SendEnded(took time.Duration, retried, failed int, err bool) {
	t.sending.Add(-1)
	t.sendSeconds.Observe(took.Seconds())
	t.retried.Add(int64(retried))
	t.failed.Add(int64(failed))
	if err {
		t.sendErrors.Add(1)
	}
}

// Delivered tells of an event that was acknowledged, and how long after its
// commit.
func (t *Target) Delivered(after time.Duration) {
	t.delivered.Add(1)
	t.latency.Observe(max(after, 0).Seconds())
}

// Parked tells of an event that was set aside for good.
func (t *Target) Parked() { t.parked.Add(1) }

// Dropped tells of an event that was dropped at the target's limit.
func (t *Target) Dropped() { t.dropped.Add(1) }

// Refused tells of a mutation that was refused at the target's limit.
func (t *Target) Refused() { t.refused.Add(1) }
