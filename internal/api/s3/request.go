package s3api

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/s3"
)

const (
	// maxQueryPairs bounds a query; no operation has nearly as many.
	maxQueryPairs = 1000
	// maxUserAgentBytes and maxRangeBytes bound what of a request's headers is
	// kept in the journal, for every event of it.
	maxUserAgentBytes = 512
	maxRangeBytes     = 128
)

// request is an S3 request on its way through a handler.
type request struct {
	*http.Request
	id          string
	sourceIP    string
	bucket, key string
	// hostBucket is the bucket if the host named it, and not the path.
	hostBucket string
	// sourceBucket is that of the source of a copy, empty in other requests.
	sourceBucket string
	// tags are those that the request's document or form gives an object, once it
	// is read, or that a copy takes over from its source.
	tags []s3.Tag
	// lock is the one in the request's document, once it is read.
	lock      object.Lock
	query     url.Values
	route     *route
	principal iam.Principal
	body      *iam.Body
}

func (h *Handler) newRequest(r *http.Request, now time.Time) *request {
	return &request{Request: r, id: h.newRequestID(now), sourceIP: iam.SourceIP(r, h.TrustedProxies)}
}

// newRequestID returns 16 upper-case hexadecimal digits: the time in
// nanoseconds, moved on where two requests came at once.
func (h *Handler) newRequestID(now time.Time) string {
	for {
		last := h.lastRequest.Load()
		next := max(uint64(now.UnixNano()), last+1) //nolint:gosec // after 1970
		if h.lastRequest.CompareAndSwap(last, next) {
			return upperHex(next)
		}
	}
}

func upperHex(n uint64) string {
	var b [16]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = "0123456789ABCDEF"[n&15]
		n >>= 4
	}
	return string(b[:])
}

// parse takes the host, the path and the query apart. It leaves the request as
// it was sent, which is what was signed.
func (r *request) parse(domains *Domains) error {
	path, ok := strings.CutPrefix(r.URL.Path, "/")
	if !ok {
		return errInvalidURI
	}
	if r.hostBucket = domains.Bucket(r.Host); r.hostBucket != "" {
		r.bucket, r.key = r.hostBucket, path
	} else {
		r.bucket, r.key, _ = strings.Cut(path, "/")
	}
	if r.bucket == "" && r.key != "" {
		return errInvalidBucketName
	}
	var err error
	r.query, err = parseQuery(r.URL.RawQuery)
	return err
}

// parseQuery is url.ParseQuery that takes semicolons for what they are and
// refuses what it cannot read.
func parseQuery(raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil
	}
	values := make(url.Values)
	for n := 0; raw != ""; n++ {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if n == maxQueryPairs {
			return nil, errInvalidURI
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, errInvalidURI
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return nil, errInvalidURI
		}
		values[name] = append(values[name], value)
	}
	return values, nil
}

// has reports whether a query parameter is there.
func (r *request) has(name string) bool {
	_, ok := r.query[name]
	return ok
}

// head returns a request header by its canonical name.
func (r *request) head(canonical string) string {
	if v := r.Header[canonical]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (r *request) operation() string {
	if r.route == nil {
		return ""
	}
	return r.route.operation
}

// event is who asks and how, as events tell it.
func (r *request) event() event.Request {
	return event.Request{
		Principal: r.principal.User,
		SourceIP:  r.sourceIP,
		UserAgent: printable(r.head("User-Agent"), maxUserAgentBytes),
		ID:        r.id,
		Range:     printable(r.head("Range"), maxRangeBytes),
	}
}

// printable makes a header fit for a record: bounded, and valid UTF-8.
func printable(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ToValidUTF8(s, "")
}

func (r *request) observation(w *response, start, end time.Time) Observation {
	o := Observation{
		Operation: r.operation(), Method: r.Method, Bucket: r.bucket, Key: r.key,
		Principal: r.principal.AccessKey, SourceIP: r.sourceIP, UserAgent: r.UserAgent(), RequestID: r.id,
		Start: start, Duration: end.Sub(start), Status: w.status, Sent: w.sent, ErrorCode: w.code,
		User: r.principal.User, Request: r.Request, Answer: w.Header(),
	}
	if w.status != 0 {
		o.FirstByte = w.begun.Sub(start)
	}
	if r.body != nil {
		o.Received = max(r.body.Size(), 0)
	}
	return o
}
