package server

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/carillon-s3/carillon/internal/api/admin"
	"github.com/carillon-s3/carillon/internal/blob/memory"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
	"github.com/carillon-s3/carillon/internal/object"
)

// diskSite is a site on a disk that a test fills and breaks; only what health
// and metrics ask is open.
func diskSite(t *testing.T, fs vfs.FS) *site {
	t.Helper()
	s := &site{}
	var err error
	if s.store, err = pebble.Open(pebble.Options{FS: fs, Dir: "store", CacheBytes: 1 << 20, BallastBytes: -1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() }) // it may have failed
	if s.journal, err = journal.Open(t.Context(), s.store); err != nil {
		t.Fatal(err)
	}
	s.objects, err = object.Open(t.Context(), object.Config{Store: s.store, Blobs: memory.New(s.store.Incarnation()), Journal: s.journal})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHealthAndMetricsOfAStoreInTrouble: below the reserve the server is ready
// for reads and not for writes; a failed store is ready for nothing, and is not
// asked what it might never answer.
func TestHealthAndMetricsOfAStoreInTrouble(t *testing.T) {
	t.Parallel()
	const total = 100 << 30
	tests := map[string]struct {
		free                       uint64
		broken                     bool
		live, ready, writes, reads int
		status                     string
	}{
		"well":              {free: total / 2, live: 200, ready: 200, writes: 200, reads: 200},
		"below the reserve": {free: 1 << 20, live: 200, ready: 200, writes: 503, reads: 200},
		"failed":            {free: total / 2, broken: true, live: 200, ready: 503, writes: 503, reads: 503, status: "offline"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mem := vfs.NewMem()
			mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: tt.free, TotalBytes: total})
			var broken atomic.Bool
			s := diskSite(t, errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if broken.Load() && op.Kind == errorfs.OpFileSyncData && strings.HasSuffix(op.Path, ".log") {
					return syscall.EIO
				}
				return nil
			})))
			if tt.broken {
				broken.Store(true)
				var b kv.Batch
				b.Set([]byte("k"), nil)
				if _, err := s.store.Commit(t.Context(), &b); err == nil {
					t.Fatal("a commit passed that could not be synced")
				}
				<-s.store.Failed()
			}
			h := admin.New(admin.Config{Health: health{s}})
			ask := func(path string) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/minio/health/"+path, nil))
				return w
			}
			live := ask("live")
			got := []int{live.Code, ask("ready").Code, ask("cluster").Code, ask("cluster/read").Code}
			if want := []int{tt.live, tt.ready, tt.writes, tt.reads}; !slices.Equal(got, want) || live.Header().Get("X-Minio-Server-Status") != tt.status {
				t.Errorf("live, ready, writes, reads: %v %q, want %v %q", got, live.Header().Get("X-Minio-Server-Status"), want, tt.status)
			}
			state, ok := s.storeState()
			if !ok || state.Failed != tt.broken || state.Admitting != (tt.writes == 200) || state.FreeBytes != tt.free ||
				state.ReserveBytes != pebble.DefaultReserve(total) || (state.Engine == nil) != tt.broken {
				t.Errorf("metrics: %+v, %v", state, ok)
			}
		})
	}
}
