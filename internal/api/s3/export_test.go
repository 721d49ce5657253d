package s3api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"time"
)

// NewListenHandlerForTest runs one listener without a network, whose time the
// test controls, and returns what was written.
func NewListenHandlerForTest(service Service) func(ctx context.Context, query string) string {
	h := &Handler{Config: Config{Service: service, Logger: slog.New(slog.DiscardHandler)}}
	return func(ctx context.Context, query string) string {
		w := httptest.NewRecorder()
		hr := httptest.NewRequestWithContext(ctx, http.MethodGet, "/?"+query, nil)
		r := &request{Request: hr}
		if err := r.parse(nil); err != nil {
			return err.Error()
		}
		if err := listen(h, &response{ResponseWriter: w, now: time.Now}, r); err != nil {
			return err.Error()
		}
		return w.Body.String()
	}
}

// RouteForTest is a row of the table: what it needs, and the plainest request
// that goes to it.
type RouteForTest struct {
	Operation, Action string
	OfBucket          bool
	// Absent routes answer NotImplemented.
	Absent               bool
	Method, Path, Header string
}

// RoutesForTest are all rows. Paths are below the bucket bkt.
func RoutesForTest() []RouteForTest {
	var all []RouteForTest
	for _, row := range routes() {
		path := []string{"/", "/bkt", "/bkt/key"}[row.scope]
		if row.query != "" {
			path += "?" + row.query + "="
		}
		all = append(all, RouteForTest{
			Operation: row.operation, Action: string(row.action), OfBucket: row.scope != onService,
			Absent: reflect.ValueOf(row.handler).Pointer() == reflect.ValueOf(handlerFunc(absent)).Pointer(),
			Method: row.method, Path: path, Header: row.header,
		})
	}
	return all
}
