package telemetry

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Kind is the type of a metric.
type Kind string

// Kinds of metrics.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Group is a set of metrics that are scraped together.
type Group uint8

// Groups of metrics.
const (
	// Delivery is about events on their way to targets.
	Delivery Group = iota
	// S3 is about requests.
	S3
	// Storage is about the metadata store, the journal and the disk.
	Storage
	// Process is about the process and the Go runtime.
	Process
	// Buckets has series for each bucket.
	Buckets
	groups
)

// String returns the name of a group.
func (g Group) String() string {
	return [groups]string{"delivery", "s3", "storage", "process", "buckets"}[g]
}

// Definition declares a metric.
type Definition struct {
	Name string
	Kind Kind
	// Labels are in alphabetical order.
	Labels []string
	Help   string
	Group  Group
}

// serverLabel is on all metrics that carry a name of MinIO's, as there.
const (
	serverLabel   = "server"
	foreignPrefix = "minio_"
)

// declarations makes metrics, remembers what was declared, and registers each in
// its group.
type declarations struct {
	server     string
	list       []Definition
	registries [groups]*prometheus.Registry
}

func newDeclarations(server string) *declarations {
	d := &declarations{server: server}
	for g := range d.registries {
		d.registries[g] = prometheus.NewRegistry()
	}
	return d
}

// add notes a definition and returns the labels whose value never changes.
func (d *declarations) add(def Definition) prometheus.Labels {
	var constant prometheus.Labels
	def.Labels = slices.Clone(def.Labels)
	if strings.HasPrefix(def.Name, foreignPrefix) {
		constant = prometheus.Labels{serverLabel: d.server}
		def.Labels = append(def.Labels, serverLabel)
	}
	slices.Sort(def.Labels)
	d.list = append(d.list, def)
	return constant
}

func (d *declarations) counters(g Group, name, help string, labels ...string) *prometheus.CounterVec {
	constant := d.add(Definition{name, Counter, labels, help, g})
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: constant}, labels)
	d.registries[g].MustRegister(v)
	return v
}

func (d *declarations) counter(g Group, name, help string) prometheus.Counter {
	return d.counters(g, name, help).WithLabelValues()
}

func (d *declarations) gauge(g Group, name, help string) prometheus.Gauge {
	constant := d.add(Definition{name, Gauge, nil, help, g})
	v := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: constant})
	d.registries[g].MustRegister(v)
	return v
}

func (d *declarations) histograms(g Group, name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
	constant := d.add(Definition{name, Histogram, labels, help, g})
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, ConstLabels: constant, Buckets: bounds}, labels)
	d.registries[g].MustRegister(v)
	return v
}

func (d *declarations) histogram(g Group, name, help string, bounds []float64) prometheus.Observer {
	return d.histograms(g, name, help, bounds).WithLabelValues()
}

// asked is a metric whose value is asked for when it is scraped.
type asked struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func (d *declarations) asked(g Group, kind Kind, name, help string, labels ...string) asked {
	constant := d.add(Definition{name, kind, labels, help, g})
	a := asked{prometheus.NewDesc(name, help, labels, constant), prometheus.GaugeValue}
	if kind == Counter {
		a.kind = prometheus.CounterValue
	}
	return a
}

// send tells a scrape the value of one series.
func (a asked) send(scrape chan<- prometheus.Metric, value float64, labels ...string) {
	scrape <- prometheus.MustNewConstMetric(a.desc, a.kind, value, labels...)
}

// collector sends values that are asked for. Its metrics are not described in
// advance; the registry checks them as they come.
type collector func(scrape chan<- prometheus.Metric)

// Describe implements prometheus.Collector.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(scrape chan<- prometheus.Metric) { c(scrape) }

func (d *declarations) collect(g Group, c collector) { d.registries[g].MustRegister(c) }

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
