package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Lifecycle counts what the scanner of lifecycle rules does. It is safe for
// concurrent use.
type Lifecycle struct {
	versions, uploads, failures prometheus.Counter
	expired                     *prometheus.CounterVec
	last, complete              prometheus.Gauge
}

func newLifecycle(d *declarations) *Lifecycle {
	l := &Lifecycle{
		versions: d.counter(Storage, "carillon_lifecycle_versions_scanned_total",
			"Versions and delete markers that were looked at, in buckets with lifecycle rules."),
		uploads: d.counter(Storage, "carillon_lifecycle_uploads_scanned_total",
			"Uploads in parts that were looked at."),
		expired: d.counters(Storage, "carillon_lifecycle_expired_total",
			"What lifecycle rules did: latest (the delete that a client would do), version (one version or marker), all_versions (of a key), abort (of an upload).", "action"),
		failures: d.counter(Storage, "carillon_lifecycle_failures_total",
			"What should have expired and did not, because of an error; it is tried again with the next run."),
		last: d.gauge(Storage, "carillon_lifecycle_last_run_seconds",
			"How long the last run through all buckets with rules took."),
		complete: d.gauge(Storage, "carillon_lifecycle_last_run_complete",
			"1 if the last run met no error; 0 until one has ended."),
	}
	for _, action := range []string{"latest", "version", "all_versions", "abort"} {
		l.expired.WithLabelValues(action) // shown from the start
	}
	return l
}

// Scanned tells of what was looked at.
func (l *Lifecycle) Scanned(versions, uploads int) {
	l.versions.Add(float64(versions))
	l.uploads.Add(float64(uploads))
}

// Expired tells of one thing that was done.
func (l *Lifecycle) Expired(action string) { l.expired.WithLabelValues(action).Inc() }

// Failed tells of one thing that was not done because of an error.
func (l *Lifecycle) Failed() { l.failures.Inc() }

// Finished tells of a run that ended.
func (l *Lifecycle) Finished(took time.Duration, complete bool) {
	l.last.Set(took.Seconds())
	l.complete.Set(oneIf(complete))
}
