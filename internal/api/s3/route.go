package s3api

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/carillon-s3/carillon/internal/iam"
)

// scope is what a path names.
type scope uint8

const (
	onService scope = iota
	onBucket
	onObject
	scopes
)

// handlerFunc runs one operation: it reads the request, calls the object layer
// and writes the answer. An error it returns is answered by writeError.
type handlerFunc func(h *Handler, w *response, r *request) error

// route is one row of the table: which requests are the operation's, what the
// caller must be allowed, and what runs it.
type route struct {
	operation string
	method    string
	scope     scope
	// query and header mark the operation's requests among those of the same
	// method and scope: that parameter or header is there. A route without
	// either takes the requests that have no known sub-resource at all.
	query, header string
	action        iam.Action
	handler       handlerFunc
	// region is which regions a signature may be scoped to.
	region iam.RegionRule
	// grows says that the operation needs space, and is refused early without.
	grows bool
	// checksumOfObject says that x-amz-checksum headers speak of an object and
	// not of the request's body.
	checksumOfObject bool
	// form says that the request's body, a form, tells who sends it: the handler
	// authenticates and authorises.
	form bool
	// late says that a bucket's policy may look at the request's document: the
	// handler reads that, and authorises.
	late bool
	// only says that an unknown query parameter is refused: what an unmarked
	// route destroys cannot be meant by a sub-resource that we do not know.
	only bool
}

// router finds the route of a request.
type router struct {
	table map[string]*[scopes][]route
	// known are the sub-resources of each scope, whatever the method.
	known [scopes]map[string]bool
}

func newRouter(rows []route) router {
	rt := router{table: map[string]*[scopes][]route{}}
	for i := range rt.known {
		rt.known[i] = map[string]bool{}
	}
	for _, row := range rows {
		of := rt.table[row.method]
		if of == nil {
			of = new([scopes][]route)
			rt.table[row.method] = of
		}
		of[row.scope] = append(of[row.scope], row)
		if row.query != "" {
			rt.known[row.scope][row.query] = true
		}
	}
	return rt
}

func (r *request) scope() scope {
	switch {
	case r.bucket == "":
		return onService
	case r.key == "":
		return onBucket
	}
	return onObject
}

// match returns the first row that the request fits. Rows that have a header
// beside their query come before those with the query alone.
func (rt *router) match(r *request) (*route, error) {
	at := r.scope()
	of := rt.table[r.Method]
	if of == nil {
		return nil, errMethodNotAllowed
	}
	unmarked := true
	for name := range r.query {
		unmarked = unmarked && !rt.known[at][name]
	}
	rows := of[at]
	for i := range rows {
		row := &rows[i]
		if row.header != "" && r.head(row.header) == "" {
			continue
		}
		if row.query == "" && !unmarked || row.query != "" && !r.has(row.query) {
			continue
		}
		if row.only && r.hasUnknown() {
			return nil, errNotImplemented
		}
		return row, nil
	}
	return nil, errMethodNotAllowed
}

// hasUnknown reports whether a query parameter is there that is neither part of
// a signature nor a mere label.
func (r *request) hasUnknown() bool {
	for name := range r.query {
		if name != "x-id" && !strings.HasPrefix(name, "X-Amz-") {
			return true
		}
	}
	return false
}

// operationPreflight is no row of the table: a browser asks it without credentials,
// of whatever path it has in mind.
const operationPreflight = "Preflight"

// Operations returns the names of all operations, in alphabetical order: the
// values of Observation.Operation, but for the empty one.
func Operations() []string {
	names := map[string]bool{operationPreflight: true}
	for _, r := range routes() {
		names[r.operation] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// absent answers operations that we know and do not have.
func absent(*Handler, *response, *request) error { return errNotImplemented }

// unconfigured answers "not configured" for an existing bucket.
func unconfigured(c *code) handlerFunc {
	return func(h *Handler, _ *response, r *request) error {
		if _, err := h.Service.Bucket(r.Context(), r.bucket); err != nil {
			return err
		}
		return c
	}
}

// methods in the table.
const (
	get    = http.MethodGet
	head   = http.MethodHead
	put    = http.MethodPut
	post   = http.MethodPost
	remove = http.MethodDelete
)
