// Package admin is the admin HTTP surface: what `mc admin` calls below
// /minio/admin/v3/, our own calls about events (package adminapi), and the
// health checks below /minio/health/. It verifies who
// asks (internal/iam), and turns requests into calls of the settings' store and
// of delivery.
//
// Bodies that hold secrets are sealed with the caller's secret key; see
// envelope.go. Status codes are exact, because the client takes any other, even
// another 2xx, for an error, and repeats a request that was answered 408, 429,
// 502 or 503 for minutes.
package admin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/api/admin/adminapi"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/notify"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/policy"
)

// Targets is what the admin surface asks of delivery; *notify.Dispatcher is one.
type Targets interface {
	// Status returns the state of all targets, ordered.
	Status(ctx context.Context) ([]notify.Status, error)
	// ARNs returns the ARNs that rules may name, ordered.
	ARNs(region string) []string
	// Check tests the connection to a target.
	Check(ctx context.Context, id event.TargetID) error
}

// Control acts on the process. Its methods return at once: the request that
// asked is answered first, and the server then drains.
type Control interface {
	Restart()
	Stop()
}

// Health says what the server can do now. It is asked often and must not wait.
type Health interface {
	// Readable returns why nothing can be read, or nil.
	Readable() error
	// Writable returns why growing mutations are refused, or nil.
	Writable() error
}

// Usage counts what is stored. Its fields are what the server knows now; they
// may be some minutes old.
type Usage struct {
	Time    time.Time
	Buckets []BucketUsage
}

// BucketUsage counts one bucket.
type BucketUsage struct {
	Name                             string
	Objects, Versions, DeleteMarkers int64
	// Bytes is the size of all versions.
	Bytes int64
}

// Buckets tells of buckets; *object.Service is one.
type Buckets interface {
	Buckets(ctx context.Context) ([]object.Bucket, error)
	Policy(ctx context.Context, bucket string) (*policy.Document, []byte, error)
}

// Config is what a Handler needs. Settings, Identities, Verifier, Targets, Health,
// Control, Events, Quotas and Buckets are required.
type Config struct {
	Settings *config.Store
	// Identities are users, groups, policies and access keys.
	Identities *iam.Store
	// TrustedProxies may say whose request they pass on.
	TrustedProxies []netip.Prefix
	Verifier       *iam.Verifier
	Targets        Targets
	Health         Health
	Control        Control
	Events         Events
	Quotas         Quotas
	// Buckets are asked what a caller may see of them.
	Buckets Buckets
	// TargetID names the target of an instance; false if it is none. Settings
	// that were just set are checked by it.
	TargetID func(config.Instance) (event.TargetID, bool)
	// Usage counts what is stored; nil, or an error, leaves the numbers out.
	Usage func(ctx context.Context) (Usage, error)
	// MasterKeys are those of server-side encryption; nil if there are none.
	MasterKeys MasterKeys

	DeploymentID string
	// Region is the site's region; empty if none is configured.
	Region string
	// Version of the server, as people write it.
	Version string
	// HostID is constant for this server: 64 lower-case hexadecimal digits.
	HostID string
	// Folder is where the data lies; admin info tells how full its disk is.
	Folder string
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Handler serves the admin surface. It is safe for concurrent use.
type Handler struct {
	Config
	mux         *http.ServeMux
	routes      map[string]route
	eventRoutes map[string]route
	kmsRoutes   map[string]route
	envelopes   *envelopes
	started     time.Time
	lastRequest atomic.Uint64
}

// New returns a handler for the paths /minio/admin/, /minio/kms/,
// /minio/health/ and adminapi.Prefix.
func New(c Config) *Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	h := &Handler{
		Config: c, mux: http.NewServeMux(), routes: routes(), eventRoutes: eventRoutes(), kmsRoutes: kmsRoutes(),
		envelopes: newEnvelopes(), started: c.Now(),
	}
	h.mux.HandleFunc("/minio/admin/", h.serveAdmin)
	h.mux.HandleFunc("/minio/kms/", h.serveKMS)
	h.mux.HandleFunc(adminapi.Prefix, h.serveEvents)
	h.mux.HandleFunc("GET /minio/health/live", h.live) // GET patterns take HEAD too
	h.mux.HandleFunc("GET /minio/health/ready", h.ready)
	h.mux.HandleFunc("GET /minio/health/cluster", h.cluster)
	h.mux.HandleFunc("GET /minio/health/cluster/read", h.clusterRead)
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Server"] = []string{"Carillon"}
	header["X-Amz-Id-2"] = []string{h.HostID}
	header["X-Amz-Request-Id"] = []string{h.requestID()}
	header["X-Content-Type-Options"] = []string{"nosniff"}
	h.mux.ServeHTTP(w, r)
}

// requestID is unique within the process: the time in nanoseconds, or one more
// than the last.
func (h *Handler) requestID() string {
	now := uint64(h.Now().UnixNano())
	for {
		last := h.lastRequest.Load()
		next := max(now, last+1)
		if h.lastRequest.CompareAndSwap(last, next) {
			return fmt.Sprintf("%016X", next)
		}
	}
}
