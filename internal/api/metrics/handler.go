// Package metrics is the HTTP surface of the metrics: the paths that Prometheus
// is told to scrape, those of MinIO's among them, and who may read them.
package metrics

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/telemetry"
)

// Paths of the metrics.
const (
	// Path is where programs for Prometheus have their metrics. It is also the
	// path of a bucket; see Handler.Takes.
	Path = "/metrics"
	// Prefix2, Prefix3 and Legacy are MinIO's. No bucket can have their first
	// part as its name.
	Prefix2 = "/minio/v2/metrics/"
	Prefix3 = "/minio/metrics/v3"
	Legacy  = "/minio/prometheus/metrics"
)

const (
	// maxScrapes bounds the scrapes at one time; those beyond it get 503.
	maxScrapes = 8
	// scrapeTimeout bounds one of them. Prometheus gives up after ten seconds.
	scrapeTimeout = 10 * time.Second
)

// Config is what a Handler needs. Metrics and Credentials are required.
type Config struct {
	Metrics     *telemetry.Metrics
	Credentials iam.Lookup
	// Public lets everybody read.
	Public bool
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Handler answers scrapes. It is safe for concurrent use.
type Handler struct {
	Config
	// scrapes bounds those under way, of all paths together.
	scrapes chan struct{}
}

// New returns a handler.
func New(c Config) *Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Handler{Config: c, scrapes: make(chan struct{}, maxScrapes)}
}

// Takes reports whether a request is for metrics. /metrics is also a bucket's
// path: it is ours only with a bearer token, which S3 does not know, or unsigned
// where metrics are public; and never with a query.
func (h *Handler) Takes(r *http.Request) bool {
	path := r.URL.Path
	if path == Path {
		if r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.RawQuery != "" {
			return false
		}
		_, bearer := bearerToken(r)
		return bearer || h.Public && r.Header.Get("Authorization") == ""
	}
	return strings.HasPrefix(path, "/minio/") &&
		(strings.HasPrefix(path, Prefix2) || path == Legacy || path == Prefix3 || strings.HasPrefix(path, Prefix3+"/"))
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Server"] = []string{"Carillon"}
	header["X-Content-Type-Options"] = []string{"nosniff"}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		refuse(w, r, http.StatusMethodNotAllowed, "MethodNotAllowed", "Metrics are read with GET or HEAD.")
		return
	}
	if !h.Public {
		if err := h.authorize(r); err != nil {
			// Which part of the token is wrong is nobody's business.
			h.Logger.Debug("a scrape was refused", "path", r.URL.Path, "err", err)
			refuse(w, r, http.StatusForbidden, "AccessDenied", "Access Denied.")
			return
		}
	}
	gatherer := h.gatherer(r.URL.Path)
	if gatherer == nil {
		refuse(w, r, http.StatusNotFound, "NotFound", "There are no metrics at this path.")
		return
	}
	select {
	case h.scrapes <- struct{}{}:
		defer func() { <-h.scrapes }()
	default:
		refuse(w, r, http.StatusServiceUnavailable, "SlowDown", fmt.Sprintf("There are %d scrapes under way.", maxScrapes))
		return
	}
	promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{
		// A metric that cannot be had must not hide the others.
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      scrapeLog{h.Logger},
		Timeout:       scrapeTimeout,
	}).ServeHTTP(w, r)
}

// gatherer returns what is at a path; nil if nothing is.
func (h *Handler) gatherer(path string) prometheus.Gatherer {
	if path == Path || path == Legacy {
		return h.Metrics.Gather(telemetry.Delivery, telemetry.S3, telemetry.Storage, telemetry.Process)
	}
	if page, ok := strings.CutPrefix(path, Prefix2); ok {
		return h.version2(page)
	}
	return h.version3(strings.Trim(strings.TrimPrefix(path, Prefix3), "/"))
}

func (h *Handler) version2(page string) prometheus.Gatherer {
	switch page {
	case "cluster":
		return h.Metrics.Gather(telemetry.Delivery, telemetry.S3, telemetry.Storage)
	case "node":
		return h.Metrics.Gather(telemetry.Delivery, telemetry.S3, telemetry.Storage, telemetry.Process)
	case "resource":
		return h.Metrics.Gather(telemetry.Storage, telemetry.Process)
	case "bucket":
		return h.Metrics.Gather(telemetry.Buckets)
	}
	return nil
}

// version3 answers a page of version 3. What may come behind its first word
// narrows it down there, and not here.
func (h *Handler) version3(page string) prometheus.Gatherer {
	first, rest, _ := strings.Cut(page, "/")
	switch first {
	case "":
		return h.Metrics.Gather(telemetry.Delivery, telemetry.S3, telemetry.Storage, telemetry.Process)
	case "api":
		return h.Metrics.Gather(telemetry.S3)
	case "notification":
		return h.Metrics.Gather(telemetry.Delivery)
	case "cluster":
		return h.Metrics.Gather(telemetry.Storage)
	case "system", "debug":
		return h.Metrics.Gather(telemetry.Process)
	case "bucket":
		return h.bucket(rest)
	case "ilm", "audit", "logger", "replication", "scanner":
		return h.Metrics.Gather() // we do not have these: nothing to tell
	}
	return nil
}

// bucket answers bucket/api and bucket/api/NAME.
func (h *Handler) bucket(page string) prometheus.Gatherer {
	group, name, one := strings.Cut(page, "/")
	switch {
	case group == "replication":
		return h.Metrics.Gather()
	case group != "api":
		return nil
	case one:
		return h.Metrics.GatherBucket(name)
	default:
		return h.Metrics.Gather(telemetry.Buckets)
	}
}

// refuse answers with an error in the form of the admin surface.
func refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	body, err := json.Marshal(struct{ Code, Message, Resource string }{code, message, r.URL.Path})
	if err != nil {
		body = []byte("{}") // strings always marshal
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // nobody is left to be told
}

// scrapeLog takes what promhttp complains about.
type scrapeLog struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (l scrapeLog) Println(v ...any) {
	l.log.Warn("a scrape of the metrics was not whole", "err", strings.TrimSpace(fmt.Sprintln(v...)))
}
