package s3api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/carillon-s3/carillon/internal/cors"
	"github.com/carillon-s3/carillon/internal/object"
)

// Headers by which a browser asks, from the Fetch standard.
const (
	headerRequestMethod  = "Access-Control-Request-Method"
	headerRequestHeaders = "Access-Control-Request-Headers"
)

// varyCORS names all that the answer to a request of another origin depends on.
const varyCORS = "Origin, " + headerRequestHeaders + ", " + headerRequestMethod

// preflight answers a browser that asks whether it may send a request ("OPTIONS
// object", Amazon S3 API reference). It asks without credentials, so the answer
// is the same for a bucket without rules and for none.
func (h *Handler) preflight(w *response, r *request) error {
	if r.head("Origin") == "" {
		return errBadRequest.says("Insufficient information. Origin request header needed.")
	}
	method := r.head(headerRequestMethod)
	if method == "" {
		method = "null"
	}
	if !cors.KnownMethod(method) {
		return errBadRequest.says("Invalid " + headerRequestMethod + ": " + method)
	}
	config, err := h.corsRules(r)
	if err != nil {
		return err
	}
	switch {
	case config == nil && h.shareAll(w, r):
		return w.empty(http.StatusNoContent)
	case r.bucket == "":
		return errMethodNotAllowed
	case config == nil:
		return errAccessForbidden.says("CORSResponse: CORS is not enabled for this bucket.")
	case !w.share(r, config):
		return errAccessForbidden
	}
	return w.empty(http.StatusOK)
}

// corsRules are those of the request's bucket; nil if it has none, or there is no
// such bucket.
func (h *Handler) corsRules(r *request) (*cors.Config, error) {
	if r.bucket == "" {
		return nil, nil
	}
	config, err := h.Service.CORS(r.Context(), r.bucket)
	if errors.Is(err, object.ErrNoSuchBucket) {
		return nil, nil
	}
	return config, err
}

// shareAnswer lets a program of another origin read the answer, also that of an
// error, if the bucket's rules say so or, where it has none, the server's setting.
// Nothing is refused: that is for the browser.
func (h *Handler) shareAnswer(w *response, r *request) {
	if r.head("Origin") == "" {
		return
	}
	config, err := h.corsRules(r)
	switch {
	case err != nil: // is met, and told, by the operation itself
	case config == nil:
		h.shareAll(w, r)
	default:
		w.share(r, config)
	}
}

// exposedHeaders are what MinIO lets programs of other origins read.
const exposedHeaders = "Date, Etag, Server, Connection, Accept-Ranges, Content-Range, Content-Encoding, Content-Length, Content-Type, " +
	"Content-Disposition, Last-Modified, Content-Language, Cache-Control, Retry-After, X-Amz-Bucket-Region, Expires, X-Amz*, *"

// shareAll sets the headers for the origins that may talk to buckets without rules,
// as MinIO sets them, and reports whether the request's is one. What it asks for is
// allowed: requests are signed, and a browser adds nothing to them by itself.
func (h *Handler) shareAll(w *response, r *request) bool {
	w.set("Vary", varyCORS)
	origin := r.head("Origin")
	if !h.AllowOrigins.Allow(origin) {
		return false
	}
	w.set("Access-Control-Allow-Origin", origin)
	w.set("Access-Control-Allow-Credentials", "true")
	if r.Method != http.MethodOptions {
		w.set("Access-Control-Expose-Headers", exposedHeaders)
		return true
	}
	w.set("Access-Control-Allow-Methods", r.head(headerRequestMethod))
	if asked := requestedHeaders(r.Header[headerRequestHeaders]); len(asked) > 0 {
		w.set("Access-Control-Allow-Headers", strings.Join(asked, ", "))
	}
	return true
}

// share sets the headers of the rule that a request fits, and reports whether one
// does. As S3 does, it goes by the method and the headers that the client asks
// for, where it asks.
func (w *response) share(r *request, config *cors.Config) bool {
	w.set("Vary", varyCORS)
	origin, method := r.head("Origin"), r.head(headerRequestMethod)
	if method == "" {
		method = r.Method
	}
	asked := requestedHeaders(r.Header[headerRequestHeaders])
	rule, pattern := config.Match(origin, method, asked)
	if rule == nil {
		return false
	}
	if pattern == cors.AnyOrigin {
		origin = pattern
	} else {
		w.set("Access-Control-Allow-Credentials", "true")
	}
	w.set("Access-Control-Allow-Origin", origin)
	w.set("Access-Control-Allow-Methods", strings.Join(rule.Methods, ", "))
	if len(asked) > 0 {
		w.set("Access-Control-Allow-Headers", strings.Join(asked, ", "))
	}
	if len(rule.Expose) > 0 {
		w.set("Access-Control-Expose-Headers", strings.Join(rule.Expose, ", "))
	}
	if rule.MaxAge != nil {
		w.set("Access-Control-Max-Age", strconv.FormatUint(uint64(*rule.MaxAge), 10))
	}
	return true
}

// requestedHeaders are the names in lists of them, in lower case.
func requestedHeaders(lists []string) []string {
	var names []string
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, strings.ToLower(name))
			}
		}
	}
	return names
}
