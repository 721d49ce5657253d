package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/notify"
	"github.com/carillon-s3/carillon/internal/notify/payload"
	"github.com/carillon-s3/carillon/internal/notify/webhook"
)

var hookID = event.TargetID{ID: "1", Type: "webhook"}

// site is a journal with a dispatcher that posts to a receiver.
type site struct {
	store   kv.Store
	journal *journal.Journal
	d       *notify.Dispatcher
	srv     *httptest.Server

	mu   sync.Mutex
	got  map[string][]string // sequencers as they came first, by key
	n    int                 // of them
	want int
	all  chan struct{} // closed when n reaches want
}

// newSite starts one. handle, if not nil, may refuse a request by returning a
// status.
func newSite(tb testing.TB, handle func(*http.Request) int) *site {
	tb.Helper()
	s := &site{store: memory.New(), got: make(map[string][]string), want: -1}
	s.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handle != nil {
			if status := handle(r); status != 0 {
				w.WriteHeader(status)
				return
			}
		}
		s.receive(tb, r)
	}))
	var err error
	if s.journal, err = journal.Open(tb.Context(), s.store); err != nil {
		tb.Fatal(err)
	}
	s.start(tb)
	return s
}

func (s *site) start(tb testing.TB) {
	tb.Helper()
	s.d = notify.New(notify.Options{Journal: s.journal, Encoder: payload.Encoder{Events: &event.Encoder{}}})
	if err := s.d.Apply(tb.Context(), []notify.Configured{s.configured(tb)}); err != nil {
		tb.Fatal(err)
	}
}

func (s *site) configured(tb testing.TB) notify.Configured {
	tb.Helper()
	k := webhook.Kind()
	settings := k.New()
	if err := config.Decode(settings, map[string]string{"endpoint": s.srv.URL}); err != nil {
		tb.Fatal(err)
	}
	return notify.Configured{Target: hookID, Kind: k, Settings: settings}
}

func (s *site) receive(tb testing.TB, r *http.Request) {
	var body struct {
		Key     string
		Records []struct {
			S3 struct{ Object struct{ Sequencer string } }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Records) != 1 {
		tb.Errorf("body: %v", err)
		return
	}
	seq := body.Records[0].S3.Object.Sequencer
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.got[body.Key]
	if slices.Contains(known, seq) {
		return
	}
	s.got[body.Key] = append(known, seq)
	if s.n++; s.n == s.want {
		close(s.all)
	}
}

// expect returns a channel that is closed once n different events have come.
func (s *site) expect(n int) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.want, s.all = n, make(chan struct{})
	if s.n >= n {
		close(s.all)
	}
	return s.all
}

// add records n events over some keys, many in a commit.
func (s *site) add(tb testing.TB, n, keys int) {
	tb.Helper()
	for i := 0; i < n; {
		var b kv.Batch
		var all []journal.Added
		for ; i < n && len(b.Appends) < 100; i++ {
			rec := &event.Record{
				Name: event.ObjectCreatedPut, Bucket: "b", BucketID: 1, Key: fmt.Sprintf("k%d", i%keys), Size: 1,
				ETag: "d41d8cd98f00b204e9800998ecf8427e", ContentType: "text/plain", Post: &event.State{Size: 1},
			}
			added, err := s.journal.Add(&b, rec, []string{hookID.String()})
			if err != nil {
				tb.Fatal(err)
			}
			all = append(all, added)
		}
		positions, err := s.store.Commit(tb.Context(), &b)
		if err != nil {
			tb.Fatal(err)
		}
		for _, added := range all {
			s.journal.Committed(added, positions)
		}
	}
}

func (s *site) close(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.d.Close(ctx); err != nil {
		tb.Error(err)
	}
	s.srv.Close()
	if err := s.store.Close(); err != nil {
		tb.Error(err)
	}
}

func TestWebhookFromTheJournal(t *testing.T) {
	before := goleak.IgnoreCurrent()
	var mu sync.Mutex
	requests := 0
	s := newSite(t, func(*http.Request) int {
		mu.Lock()
		defer mu.Unlock()
		if requests++; requests%17 == 0 {
			return http.StatusInternalServerError
		}
		return 0
	})
	const n, keys = 2000, 50
	all := s.expect(n)
	s.add(t, n/2, keys)
	// Another process on the same journal, while events are under way.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.d.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	s.add(t, n/2, keys)
	<-all
	s.close(t)
	for key, got := range s.got {
		if len(got) != n/keys || !slices.IsSorted(got) {
			t.Errorf("%s: %d events, want %d in order: %v", key, len(got), n/keys, got)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// BenchmarkWebhook is the rate at which a backlog drains to a receiver on this
// machine that takes some time to answer.
func BenchmarkWebhook(b *testing.B) {
	for _, delay := range []time.Duration{0, 10 * time.Millisecond} {
		b.Run(fmt.Sprint(delay), func(b *testing.B) {
			s := newSite(b, func(*http.Request) int {
				if delay > 0 {
					time.Sleep(delay) // the receiver's own work
				}
				return 0
			})
			defer s.close(b)
			all := s.expect(b.N)
			b.ReportAllocs()
			b.ResetTimer()
			s.add(b, b.N, 10_000)
			<-all
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
