package s3api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
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
