// Package s3api is the S3 HTTP surface: a table of routes, a file per operation,
// the errors and the XML of its answers. It verifies who asks (internal/iam),
// turns requests into calls of the object layer and its results into answers;
// it decides nothing about objects itself.
package s3api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/cors"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/policy"
	"github.com/carillon-s3/carillon/internal/s3"
)

// Service is what the S3 surface asks of the object layer; *object.Service is
// one. Mutations return once they are durable.
type Service interface {
	CreateBucket(ctx context.Context, req event.Request, name, region string) error
	CreateLockedBucket(ctx context.Context, req event.Request, name, region string) error
	Bucket(ctx context.Context, name string) (object.Bucket, error)
	Buckets(ctx context.Context) ([]object.Bucket, error)
	DeleteBucket(ctx context.Context, req event.Request, name string) error

	Put(ctx context.Context, in object.PutInput) (object.Info, error)
	Copy(ctx context.Context, in object.CopyInput) (object.Info, error)
	Get(ctx context.Context, in object.GetInput) (*object.Object, error)
	Head(ctx context.Context, in object.GetInput) (object.Info, error)
	Attributes(ctx context.Context, in object.AttributesInput) (object.Attributes, error)
	CreateUpload(ctx context.Context, in object.CreateUploadInput) (string, error)
	UploadPart(ctx context.Context, in object.PartInput) (object.Part, error)
	CopyPart(ctx context.Context, in object.CopyPartInput) (object.Part, error)
	CompleteUpload(ctx context.Context, in object.CompleteInput) (object.Info, error)
	AbortUpload(ctx context.Context, in object.UploadInput) error
	ListParts(ctx context.Context, in object.ListPartsInput) (object.PartsPage, error)
	ListUploads(ctx context.Context, in object.ListUploadsInput) (object.UploadsPage, error)
	Accessed(ctx context.Context, name event.Name, info object.Info, req event.Request)
	Delete(ctx context.Context, in object.DeleteInput) (object.Deleted, error)
	DeleteMany(ctx context.Context, bucket string, targets []object.DeleteTarget, req event.Request) []object.DeleteResult
	List(ctx context.Context, in object.ListInput) (object.ListPage, error)
	ListVersions(ctx context.Context, in object.ListVersionsInput) (object.VersionPage, error)

	Versioning(ctx context.Context, bucket string) (object.Versioning, error)
	SetVersioning(ctx context.Context, bucket string, state object.Versioning) error

	LockConfig(ctx context.Context, bucket string) (*object.LockConfig, error)
	SetLockConfig(ctx context.Context, bucket string, config object.LockConfig) error
	Lock(ctx context.Context, bucket, key, version string) (object.Info, error)
	SetRetention(ctx context.Context, in object.RetentionInput) (string, error)
	SetLegalHold(ctx context.Context, in object.LegalHoldInput) (string, error)

	Notification(ctx context.Context, bucket string) (*event.Config, error)
	SetNotification(ctx context.Context, bucket string, document []byte) error
	Tags(ctx context.Context, bucket, key, version string) (object.Info, error)
	SetTags(ctx context.Context, in object.TagsInput) (string, error)
	DeleteTags(ctx context.Context, in object.TagsInput) (string, error)
	BucketTags(ctx context.Context, bucket string) ([]s3.Tag, error)
	SetBucketTags(ctx context.Context, bucket string, tags []s3.Tag) error
	Policy(ctx context.Context, bucket string) (*policy.Document, []byte, error)
	SetPolicy(ctx context.Context, bucket string, document []byte) error
	CORS(ctx context.Context, bucket string) (*cors.Config, error)
	SetCORS(ctx context.Context, bucket string, config *cors.Config) error
	PublicAccessBlock(ctx context.Context, bucket string) (*object.PublicAccessBlock, error)
	SetPublicAccessBlock(ctx context.Context, bucket string, block *object.PublicAccessBlock) error
	BucketEncryption(ctx context.Context, bucket string) (*object.BucketEncryption, error)
	SetBucketEncryption(ctx context.Context, bucket string, e *object.BucketEncryption) error
	OwnerEnforced(ctx context.Context, bucket string) (bool, error)
	SetOwnerEnforced(ctx context.Context, bucket string, enforced bool) error
	Logging(ctx context.Context, bucket string) (*object.Logging, error)
	SetLogging(ctx context.Context, bucket string, to *object.Logging) error
	Document(ctx context.Context, bucket string, kind object.DocumentKind) (*object.Document, error)
	SetDocument(ctx context.Context, bucket string, kind object.DocumentKind, doc *object.Document) error
	Listen(ctx context.Context, in object.ListenInput, ready func(), fn func(object.Heard) error) error

	// Admit says whether growing mutations are accepted now.
	Admit() error
}

// Config is what a Handler needs. Service, Verifier and Encoder are required.
type Config struct {
	Service  Service
	Verifier *iam.Verifier
	// Encoder makes the lines of listeners.
	Encoder *event.Encoder
	// Region is the site's region; empty if none is configured.
	Region string
	// HostID is constant for this server: 64 lower-case hexadecimal digits.
	HostID string
	// TrustedProxies are the only peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Domains are those below which a host names a bucket; nil means none.
	Domains *Domains
	// AllowOrigins are those whose programs may talk to buckets without CORS rules.
	AllowOrigins cors.Origins
	// Draining is closed when the server begins to stop: listeners are then
	// ended, which would otherwise outlast every other request. nil never is.
	Draining <-chan struct{}
	// Hold, if not nil, is called with the context of an HTTP/1 request before
	// the small body of its answer is written: head and body may be kept until
	// the answer is whole, and leave together.
	Hold func(ctx context.Context)
	// Expiration, if not nil, gives the x-amz-expiration header of an answer about a
	// key's latest version, which was just read or written; empty for none.
	Expiration func(ctx context.Context, info *object.Info) string
	// IdleTimeout is how long a client may send or take nothing in the middle of
	// a body; 0 means a minute.
	IdleTimeout time.Duration
	Logger      *slog.Logger
	// Observe, if not nil, is called once after every request, by the request's
	// own goroutine.
	Observe func(Observation)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Observation tells of one finished request.
type Observation struct {
	// Operation is the route's name, empty if none matched.
	Operation string
	Method    string
	Bucket    string
	Key       string
	Principal string
	SourceIP  string
	UserAgent string
	RequestID string
	Start     time.Time
	Duration  time.Duration
	// FirstByte is from Start to the answer's header; 0 if there was no answer.
	FirstByte time.Duration
	// Status is 0 if there was no answer.
	Status int
	// Received and Sent are the bytes of the decoded bodies. Received is 0 if
	// the request did not say its length.
	Received, Sent int64
	// User is whose request it was: for an access key its parent, empty for
	// anonymous.
	User string
	// Request and Answer are what was sent; they are not to be kept.
	Request *http.Request
	Answer  http.Header
	// ErrorCode is the S3 error code of the answer, empty for success.
	ErrorCode string
}

// Handler serves S3. It is safe for concurrent use.
type Handler struct {
	Config
	routes router
	// standard are the headers of every answer; their slices are shared.
	standard    http.Header
	lastRequest atomic.Uint64
	documents   sync.Pool // of *document
}

// New returns a handler for the paths of S3: "/", "/bucket" and "/bucket/key".
// The caller keeps the paths of other surfaces away from it.
func New(c Config) *Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = defaultIdleTimeout
	}
	h := &Handler{Config: c, routes: newRouter(routes())}
	h.standard = http.Header{
		"Server":                 {"Carillon"},
		"Accept-Ranges":          {"bytes"},
		"Vary":                   {"Origin"},
		"X-Content-Type-Options": {"nosniff"},
		"X-Amz-Id-2":             {c.HostID},
	}
	if c.Region != "" {
		h.standard["X-Amz-Bucket-Region"] = []string{c.Region}
	}
	h.documents.New = func() any { return new(document) }
	return h
}
