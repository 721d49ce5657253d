package telemetry

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Request tells of one finished request.
type Request struct {
	// Operation is one of Config.Operations; anything else counts as "other".
	Operation string
	// Status is the answer's, 0 if none was sent.
	Status int
	// Duration is from the request's header to the end of the answer, FirstByte
	// to the answer's header; 0 if there was no answer.
	Duration, FirstByte time.Duration
	// Received and Sent are the bytes of the bodies.
	Received, Sent int64
}

// Requests counts S3 requests. It is safe for concurrent use.
type Requests struct {
	inflight       prometheus.Gauge
	count          *prometheus.CounterVec
	received, sent *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	firstByte      *prometheus.HistogramVec

	operations map[string]*operation // never changes
	other      *operation
}

// otherOperation is the label of requests that are no known operation.
const otherOperation = "other"

// classes are the values of the label class: of no answer, and of the statuses
// that an answer can end with.
var classes = [5]string{"none", "2xx", "3xx", "4xx", "5xx"}

// classOf is the index of a status in classes.
func classOf(status int) int {
	if digit := status / 100; digit >= 2 && digit <= 5 {
		return digit - 1
	}
	return 0
}

// operation holds the series of one operation, made at its first request: most
// operations are never asked for.
type operation struct {
	once                sync.Once
	classes             [len(classes)]prometheus.Counter
	received, sent      prometheus.Counter
	duration, firstByte prometheus.Observer
}

// requestSeconds are the bounds of a request's duration: from an answer out of
// memory to an upload of gigabytes.
func requestSeconds() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120}
}

func newRequests(d *declarations, operations []string) *Requests {
	r := &Requests{
		inflight: d.gauge(S3, "carillon_s3_requests_inflight", "Requests under way, listeners (`mc watch`) among them."),
		count: d.counters(S3, "carillon_s3_requests_total",
			"Requests that ended, by operation and class of status; class `none` got no answer.", "class", "operation"),
		received: d.counters(S3, "carillon_s3_received_bytes_total", "Bytes of the bodies of requests, as objects count them.", "operation"),
		sent:     d.counters(S3, "carillon_s3_sent_bytes_total", "Bytes of the bodies of answers.", "operation"),
		duration: d.histograms(S3, "carillon_s3_request_duration_seconds",
			"From the request's header to the end of the answer.", requestSeconds(), "operation"),
		firstByte: d.histograms(S3, "carillon_s3_time_to_first_byte_seconds",
			"From the request's header to the answer's.", requestSeconds(), "operation"),
		operations: make(map[string]*operation, len(operations)),
		other:      &operation{},
	}
	for _, name := range operations {
		r.operations[name] = &operation{}
	}
	return r
}

// Begin counts a request as under way, until End.
func (r *Requests) Begin() { r.inflight.Inc() }

// End is called once for each Begin.
func (r *Requests) End() { r.inflight.Dec() }

// Observe counts a request that has ended.
func (r *Requests) Observe(q Request) {
	op, name := r.operations[q.Operation], q.Operation
	if op == nil {
		op, name = r.other, otherOperation
	}
	op.once.Do(func() { r.resolve(op, name) })
	class := classOf(q.Status)
	op.classes[class].Inc()
	op.received.Add(float64(max(q.Received, 0)))
	op.sent.Add(float64(max(q.Sent, 0)))
	op.duration.Observe(q.Duration.Seconds())
	if class != 0 {
		op.firstByte.Observe(q.FirstByte.Seconds())
	}
}

// resolve makes all series of an operation, so that each begins at 0.
func (r *Requests) resolve(op *operation, name string) {
	for i, class := range classes {
		op.classes[i] = r.count.WithLabelValues(class, name)
	}
	op.received, op.sent = r.received.WithLabelValues(name), r.sent.WithLabelValues(name)
	op.duration, op.firstByte = r.duration.WithLabelValues(name), r.firstByte.WithLabelValues(name)
}
