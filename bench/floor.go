package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// floorMain is the program that answers and does nothing else: it reads the
// body of a PUT and answers a GET with as many bytes as the key says. What it
// reaches is what Go's net/http and the load generator leave to reach. It ends
// with ctx.
func floorMain(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("floor", flag.ContinueOnError)
	address := flags.String("address", "127.0.0.1:9000", "where to listen")
	dir := flags.String("sync", "", "make bodies durable in this folder")
	if err := flags.Parse(args); err != nil {
		return err
	}
	handler := newFloor()
	if *dir != "" {
		var err error
		if handler, err = newSyncFloor(*dir); err != nil {
			return fmt.Errorf("floor: %w", err)
		}
	}
	s := &http.Server{Addr: *address, Handler: handler, ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("floor: %w", err)
	}
	return nil
}

// newFloor is the floor's handler.
func newFloor() http.Handler {
	memory := make([]byte, largestObject)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			size := min(sizeOfKey(r.URL.Path), len(memory))
			w.Header().Set("Content-Length", strconv.Itoa(size))
			_, _ = w.Write(memory[:size]) // the client is gone: nothing to do
		case http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"d41d8cd98f00b204e9800998ecf8427e"`)
			w.WriteHeader(http.StatusOK)
		}
	})
}

// keyPath is the path of the n-th object of some size: the floor reads the size.
func keyPath(bucket string, size, n int) string {
	return fmt.Sprintf("/%s/%d/%08d", bucket, size, n)
}

func sizeOfKey(path string) int {
	parts := strings.Split(path, "/")
	if len(parts) < 3 {
		return 0
	}
	size, _ := strconv.Atoi(parts[2]) // not a size: no bytes
	return max(size, 0)
}
