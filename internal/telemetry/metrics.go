package telemetry

import (
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
)

// Config says who is measured, and where to ask when metrics are scraped. The
// functions are called by each scrape, also by several at once; they must not
// wait for anything but memory and the local disk. nil leaves their metrics out.
type Config struct {
	// Server is the label of metrics that carry a name of MinIO's: host:port.
	Server  string
	Version string
	// Operations are the names of all operations of the S3 surface.
	Operations []string
	// Targets tells how each target is, as far as it is known.
	Targets func() []TargetState
	// Store and Journal tell of the metadata store; false if nothing is known.
	Store   func() (StoreState, bool)
	Journal func() (JournalState, bool)
	// Buckets tells what each bucket holds; it may be some minutes old.
	Buckets func() []BucketState
	// Now is the clock of ages; nil means time.Now.
	Now func() time.Time
}

// Metrics are all metrics of a server. It is safe for concurrent use.
type Metrics struct {
	Requests  *Requests
	Targets   *Targets
	Commits   *Commits
	Leftovers *Leftovers
	Lifecycle *Lifecycle

	declared *declarations
}

// New declares all metrics.
func New(c Config) *Metrics {
	if c.Now == nil {
		c.Now = time.Now
	}
	d := newDeclarations(c.Server)
	m := &Metrics{
		declared:  d,
		Requests:  newRequests(d, c.Operations),
		Targets:   newTargets(d, c),
		Commits:   newCommits(d),
		Leftovers: newLeftovers(d),
		Lifecycle: newLifecycle(d),
	}
	declareStore(d, c)
	declareJournal(d, c)
	declareBuckets(d, c)
	build := d.asked(Process, Gauge, "carillon_build_info", "Always 1; the labels say what is running.", "goversion", "version")
	d.collect(Process, func(scrape chan<- prometheus.Metric) { build.send(scrape, 1, runtime.Version(), c.Version) })
	d.registries[Process].MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Definitions returns what is declared, by group and name. Those of the process
// and of the Go runtime that the Prometheus library defines are not among them.
func (m *Metrics) Definitions() []Definition {
	list := slices.Clone(m.declared.list)
	slices.SortFunc(list, func(a, b Definition) int {
		if a.Group != b.Group {
			return int(a.Group) - int(b.Group)
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// Gather returns the gatherer of some groups.
func (m *Metrics) Gather(wanted ...Group) prometheus.Gatherer {
	var all prometheus.Gatherers
	for _, g := range wanted {
		all = append(all, m.declared.registries[g])
	}
	return all
}

// GatherBucket returns the gatherer of one bucket's series.
func (m *Metrics) GatherBucket(name string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := m.declared.registries[Buckets].Gather()
		for _, f := range families {
			f.Metric = slices.DeleteFunc(f.Metric, func(s *dto.Metric) bool {
				return !slices.ContainsFunc(s.Label, func(l *dto.LabelPair) bool {
					return l.GetName() == bucketLabel && l.GetValue() == name
				})
			})
		}
		families = slices.DeleteFunc(families, func(f *dto.MetricFamily) bool { return len(f.Metric) == 0 })
		return families, err
	})
}
