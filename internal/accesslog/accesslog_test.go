package accesslog_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/accesslog"
)

func record(method, target string, edit func(*accesslog.Record)) *accesslog.Record {
	r := httptest.NewRequestWithContext(context.Background(), method, target, nil)
	r.Host = "s3.example:9000"
	r.Header.Set("User-Agent", "SDK/1 (a b)")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x, Signature=y")
	rec := &accesslog.Record{
		Owner: "owner", Bucket: "docs", Time: time.Date(2026, 2, 6, 0, 0, 38, 0, time.UTC), RemoteIP: "192.0.2.3", Requester: "bob",
		RequestID: "3E57", Operation: "GetObject", Key: "a b/ü", Request: r, Answer: http.Header{"Content-Length": {"7"}},
		Status: 200, Sent: 7, Total: 70 * time.Millisecond, FirstByte: 10 * time.Millisecond, HostID: "host",
	}
	if edit != nil {
		edit(rec)
	}
	return rec
}

func TestLine(t *testing.T) {
	t.Parallel()
	const begin = "owner docs [06/Feb/2026:00:00:38 +0000] 192.0.2.3 "
	for name, c := range map[string]struct {
		record *accesslog.Record
		want   string
	}{
		"get": {
			record("GET", "/docs/a%20b/%C3%BC", nil),
			`bob 3E57 REST.GET.OBJECT a%20b/%C3%BC "GET /docs/a%20b/%C3%BC HTTP/1.1" 200 - 7 7 70 10 - "SDK/1 (a b)" - host SigV4 - AuthHeader s3.example:9000 - - -`,
		},
		"a range of a version, over TLS": {
			record("GET", "/docs/k?versionId=1", func(r *accesslog.Record) {
				r.Key, r.Status, r.Answer = "k", 206, http.Header{"Content-Range": {"bytes 0-6/900"}, "X-Amz-Version-Id": {"1"}}
				r.Request.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256}
			}),
			`bob 3E57 REST.GET.OBJECT k "GET /docs/k?versionId=1 HTTP/1.1" 206 - 7 900 70 10 - "SDK/1 (a b)" 1 host SigV4 TLS_AES_128_GCM_SHA256 AuthHeader s3.example:9000 TLSv1.3 - -`,
		},
		"secrets": {
			record("GET", "/docs/k?X-Amz-Credential=id&X-Amz-Signature=0123&X-Amz-%53ecurity-Token=tok&x=1", func(r *accesslog.Record) {
				r.Key = "k"
				r.Request.Header.Del("Authorization")
				r.Request.Header.Set("Referer", "https://x.example/?Signature=abc&y=2")
			}),
			`bob 3E57 REST.GET.OBJECT k "GET /docs/k?X-Amz-Credential=id&X-Amz-Signature=REDACTED&X-Amz-%53ecurity-Token=REDACTED&x=1 HTTP/1.1" 200 - 7 7 70 10 ` +
				`"https://x.example/?Signature=REDACTED&y=2" "SDK/1 (a b)" - host SigV4 - QueryString s3.example:9000 - - -`,
		},
		"a client that writes lines": {
			record("PUT", "/docs/k", func(r *accesslog.Record) {
				r.Operation, r.Key, r.Requester, r.Received, r.Sent = "PutObject", "k\" x\n", "bob \"x", 9, 0
				r.Request.Header.Set("User-Agent", "a\" 200\r\nowner docs")
			}),
			`bob%20%22x 3E57 REST.PUT.OBJECT k%22%20x%0A "PUT /docs/k HTTP/1.1" 200 - - 9 70 10 - "a%22 200owner docs" - host SigV4 - AuthHeader s3.example:9000 - - -`,
		},
		"anonymous, refused": {
			record("DELETE", "/docs/k", func(r *accesslog.Record) {
				r.Operation, r.Key, r.Requester, r.Status, r.ErrorCode = "DeleteObject", "k", "", 403, "AccessDenied"
				r.Request.Header = http.Header{}
			}),
			`- 3E57 REST.DELETE.OBJECT k "DELETE /docs/k HTTP/1.1" 403 AccessDenied 7 - 70 10 - - - host - - - s3.example:9000 - - -`,
		},
	} {
		if diff := cmp.Diff(begin+c.want+"\n", c.record.Line()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"CopyObject": "REST.COPY.OBJECT", "ListObjectsV2": "REST.GET.BUCKET", "GetBucketLogging": "REST.GET.LOGGING_STATUS",
		"GetBucketLifecycle": "REST.GET.LIFECYCLE", "GetObjectTagging": "REST.GET.OBJECT_TAGGING", "UploadPart": "REST.GET.PART",
		"GetBucketLocation": "REST.GET.LOCATION", "HeadBucket": "REST.GET.BUCKET", "": "REST.GET.UNKNOWN", "Preflight": "REST.GET.PREFLIGHT",
	} {
		line := record("GET", "/docs", func(r *accesslog.Record) { r.Operation = name }).Line()
		if got := strings.Fields(line)[7]; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// store remembers batches, and fails as often as it is told.
type store struct {
	mu      sync.Mutex
	batches map[string]string
	put     chan string
	fail    int
}

func (s *store) Put(_ context.Context, bucket, key string, batch []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail > 0 {
		s.fail--
		return errors.New("no")
	}
	s.batches[bucket+"/"+key] = string(batch)
	s.put <- key
	return nil
}

func newStore() *store {
	return &store{batches: map[string]string{}, put: make(chan string, 1000)}
}

func TestFlush(t *testing.T) {
	t.Parallel()
	s := newStore()
	w := accesslog.New(accesslog.Config{Put: s.Put, Now: func() time.Time { return time.Date(2026, 2, 6, 1, 2, 3, 0, time.UTC) }})
	a, b := accesslog.Target{Bucket: "logs", Prefix: "a/"}, accesslog.Target{Bucket: "logs", Prefix: "b/"}
	w.Add(a, "1\n")
	w.Add(b, "2\n")
	w.Add(a, "3\n")
	w.Flush(t.Context())
	w.Flush(t.Context())
	if len(s.batches) != 2 {
		t.Fatalf("%v", s.batches)
	}
	for name, lines := range s.batches {
		want := map[string]string{"logs/a/2026-02-06-01-02-03-": "1\n3\n", "logs/b/2026-02-06-01-02-03-": "2\n"}[name[:len(name)-16]]
		if lines != want {
			t.Errorf("%s: %q", name, lines)
		}
	}
}

// TestFull: a batch that is full goes without waiting for time or Flush, and one
// that cannot be stored does not hold up the next.
func TestFull(t *testing.T) {
	t.Parallel()
	s := newStore()
	s.fail = 1
	w := accesslog.New(accesslog.Config{Put: s.Put})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.Run(ctx) }()
	line := strings.Repeat("x", 1023) + "\n"
	for range 2 * 1024 {
		w.Add(accesslog.Target{Bucket: "logs"}, line)
	}
	<-s.put
	cancel()
	<-ended
	for _, lines := range s.batches {
		if len(lines) != 1<<20 {
			t.Errorf("%d bytes", len(lines))
		}
	}
}

// TestAge: lines are handed on once they are old enough.
func TestAge(t *testing.T) {
	t.Parallel()
	s := newStore()
	w := accesslog.New(accesslog.Config{Put: s.Put, MaxAge: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.Run(ctx) }()
	w.Add(accesslog.Target{Bucket: "logs"}, "1\n")
	<-s.put
	cancel()
	<-ended
}

// TestBound: while nothing is stored, memory is bounded, and adding goes on.
func TestBound(t *testing.T) {
	t.Parallel()
	s := newStore()
	w := accesslog.New(accesslog.Config{Put: s.Put})
	line := strings.Repeat("x", 1023) + "\n"
	for range 20 * 1024 {
		w.Add(accesslog.Target{Bucket: "logs"}, line)
	}
	w.Flush(t.Context())
	total := 0
	for _, lines := range s.batches {
		total += len(lines)
	}
	if total != 16<<20 {
		t.Errorf("%d bytes were kept", total)
	}
	w.Add(accesslog.Target{Bucket: "logs"}, line)
	w.Flush(t.Context())
	if len(s.batches) != 17 {
		t.Errorf("%d batches: there is room again", len(s.batches))
	}
}

// FuzzLine: whatever a client sends, a request is one line of 26 fields, and the
// secret in its query is not in it.
func FuzzLine(f *testing.F) {
	f.Add("key", "/docs/key?X-Amz-Signature=", "agent", "referer", "GET")
	f.Add("a\"b\n", "/x\"y?a=b;c&%58-Amz-Signature=", "\" - -", "http://x/?signature=", "P\x00T")
	f.Fuzz(func(t *testing.T, key, uri, agent, referer, method string) {
		const secret = "0123456789abcdef0123456789abcdef"
		r := record("GET", "/docs", func(r *accesslog.Record) {
			r.Key = key
			r.Request.Method = method
			r.Request.RequestURI = uri + "&X-Amz-Security-Token=" + secret
			r.Request.Header.Set("User-Agent", agent)
			r.Request.Header.Set("Referer", referer)
		})
		if !strings.Contains(uri, "?") {
			r.Request.RequestURI = uri + "?X-Amz-Security-Token=" + secret
		}
		line := r.Line()
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") || strings.Contains(line, secret) {
			t.Fatalf("%q", line)
		}
		fields, open := 1, false
		for _, c := range strings.TrimSuffix(line, "\n") {
			switch {
			case c == '"', !open && (c == '[' || c == ']'):
				open = c == '"' && !open
			case c == ' ' && !open:
				fields++
			}
		}
		if fields != 27 { // the time has a space in it
			t.Fatalf("%d fields in %q", fields, line)
		}
	})
}
