package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Leftovers counts what was removed because nobody wants it any more. It is safe
// for concurrent use.
type Leftovers struct {
	contents, bytes, uploads prometheus.Counter
	swept                    prometheus.Gauge
}

func newLeftovers(d *declarations) *Leftovers {
	return &Leftovers{
		contents: d.counter(Storage, "carillon_leftover_contents_removed_total",
			"Contents that a crash had left behind and nothing referred to."),
		bytes: d.counter(Storage, "carillon_leftover_bytes_removed_total",
			"Bytes of disk that they took."),
		swept: d.gauge(Storage, "carillon_leftovers_swept",
			"1 once all that earlier processes left behind has been looked for; 0 until then, or if that failed."),
		uploads: d.counter(Storage, "carillon_stale_uploads_aborted_total",
			"Uploads in parts that were given up because no part came for too long."),
	}
}

// Swept tells what a sweep removed, and whether it got to its end.
func (l *Leftovers) Swept(contents int, bytes int64, complete bool) {
	l.contents.Add(float64(contents))
	l.bytes.Add(float64(bytes))
	l.swept.Set(oneIf(complete))
}

// AbortedUploads tells of uploads that were given up.
func (l *Leftovers) AbortedUploads(n int) { l.uploads.Add(float64(n)) }
