package lifecycle_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	blobmemory "github.com/carillon-s3/carillon/internal/blob/memory"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/lifecycle"
	"github.com/carillon-s3/carillon/internal/object"
)

// site is a Service in memory, whose clock is the test's, with a scanner.
type site struct {
	*object.Service
	t       *testing.T
	journal *journal.Journal
	clock   *clock
	saw     *saw
	scanner *lifecycle.Scanner
	page    int
	bucket  string // of what the methods do
	told    [journal.MutationPartitions]uint64
}

// clock is a time that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// saw counts what a scanner tells.
type saw struct {
	mu                                  sync.Mutex
	versions, uploads, failed, finished int
	expired                             map[string]int
}

func (s *saw) Scanned(versions, uploads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions, s.uploads = s.versions+versions, s.uploads+uploads
}

func (s *saw) Expired(action string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired[action]++
}

func (s *saw) Failed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed++
}

func (s *saw) Finished(time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished++
}

// newSite makes a site whose scanner lists so many versions at once.
func newSite(t *testing.T, page int) *site {
	t.Helper()
	s := &site{t: t, page: page, bucket: "bucket", clock: &clock{now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)}, saw: &saw{expired: map[string]int{}}}
	store := memory.NewWithClock(s.clock.Now)
	t.Cleanup(func() { _ = store.Close() })
	var err error
	if s.journal, err = journal.Open(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	s.Service, err = object.Open(t.Context(), object.Config{
		Store: store, Blobs: blobmemory.New(1), Journal: s.journal, Now: s.clock.Now,
		KnownTarget: func(event.TargetID) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.scanner = s.newScanner()
	if err := s.CreateBucket(t.Context(), event.Request{}, "bucket", ""); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) newScanner() *lifecycle.Scanner {
	return lifecycle.New(lifecycle.Config{
		Objects: s.Service, Book: lifecycle.NewBook(s.Service, lifecycle.Day), Host: "host",
		Observer: s.saw, Now: s.clock.Now, Unpaced: true, PageVersions: s.page,
	})
}

func (s *site) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) setRules(rules ...string) {
	s.t.Helper()
	s.check(s.SetDocument(s.t.Context(), s.bucket, object.LifecycleDocument, &object.Document{Body: document(rules...)}))
}

func (s *site) versioning(state object.Versioning) {
	s.t.Helper()
	s.check(s.SetVersioning(s.t.Context(), s.bucket, state))
}

func (s *site) put(key, body string) object.Info {
	s.t.Helper()
	info, err := s.Put(s.t.Context(), object.PutInput{Bucket: s.bucket, Key: key, Body: strings.NewReader(body), Size: int64(len(body))})
	s.check(err)
	return info
}

func (s *site) scan() {
	s.t.Helper()
	s.check(s.scanner.Scan(s.t.Context()))
}

// list is what the bucket holds, a line for each version and marker.
func (s *site) list() (lines []string) {
	s.t.Helper()
	in := object.ListVersionsInput{Bucket: s.bucket, MaxKeys: 1000}
	for {
		page, err := s.ListVersions(s.t.Context(), in)
		s.check(err)
		for i := range page.Versions {
			lines = append(lines, line(&page.Versions[i]))
		}
		if !page.Truncated {
			return lines
		}
		in.KeyMarker, in.VersionMarker = page.NextKey, page.NextVersion
	}
}

func line(v *object.Version) string {
	what := v.ETag
	if v.Marker {
		what = "marker"
	}
	return fmt.Sprintf("%s %s null %v latest %v", v.Key, what, v.VersionID == object.NullVersion, v.Latest)
}

// events are the mutations that were recorded since the last call, of each key in
// order.
func (s *site) events() (out []*event.Record) {
	s.t.Helper()
	for p := range s.told {
		entries, err := s.journal.Read(context.WithoutCancel(s.t.Context()), uint16(p), s.told[p]+1, 1_000_000)
		s.check(err)
		for _, e := range entries {
			s.told[p] = e.Sequence
			if e.Record.Key != "" {
				out = append(out, e.Record)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *event.Record) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func etag(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}
