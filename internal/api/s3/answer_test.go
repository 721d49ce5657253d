package s3api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
)

func TestStandardHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	requestID := regexp.MustCompile(`^[0-9A-F]{16}$`)
	seen := map[string]bool{}
	for _, in := range []raw{{method: "GET", path: "/"}, {method: "HEAD", path: "/bkt"}, {method: "GET", path: "/other"}, {method: "GET", path: "/", unsigned: true}} {
		a := s.do(t, in)
		id := a.Header.Get("X-Amz-Request-Id")
		if !requestID.MatchString(id) || seen[id] {
			t.Errorf("%s %s: request id %q", in.method, in.path, id)
		}
		seen[id] = true
		for name, want := range map[string]string{
			"Server": "Carillon", "Accept-Ranges": "bytes", "Vary": "Origin", "X-Content-Type-Options": "nosniff",
			"X-Amz-Id-2": strings.Repeat("0f", 32), "X-Amz-Bucket-Region": "",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q", in.method, in.path, name, got)
			}
		}
	}
}

func TestErrorDocument(t *testing.T) {
	t.Parallel()
	s := newSite(t, regional("eu-west-7"))
	s.bucket(t, "bkt")
	a := s.do(t, raw{method: "GET", path: "/bkt/a%20%26%3Cb", region: "eu-west-7"})
	want := `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>a &amp;&lt;b</Key><BucketName>bkt</BucketName>` +
		`<Resource>/bkt/a &amp;&lt;b</Resource><Region>eu-west-7</Region><RequestId>` + a.Header.Get("X-Amz-Request-Id") +
		`</RequestId><HostId>` + strings.Repeat("0f", 32) + `</HostId></Error>`
	if diff := cmp.Diff(want, a.body); diff != "" || a.StatusCode != 404 || a.Header.Get("Content-Type") != "application/xml" {
		t.Errorf("%d %s", a.StatusCode, diff)
	}
	a = s.do(t, raw{method: "HEAD", path: "/bkt/missing", region: "eu-west-7"})
	if a.StatusCode != 404 || a.Header.Get("X-Minio-Error-Code") != "NoSuchKey" || a.Header.Get("X-Minio-Error-Desc") != `"The specified key does not exist."` {
		t.Errorf("HEAD: %d %v", a.StatusCode, a.Header)
	}
}

func TestNotConfigured(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	for query, want := range map[string]string{
		"lifecycle=&withUpdatedAt=true": "NoSuchLifecycleConfiguration",
		"replication=":                  "ReplicationConfigurationNotFoundError",
	} {
		if a := s.do(t, raw{method: "GET", path: "/bkt/?" + query}); a.StatusCode != 404 || a.code(t) != want {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.body)
		}
		if a := s.do(t, raw{method: "GET", path: "/other/?" + query}); a.code(t) != "NoSuchBucket" {
			t.Errorf("%s of a missing bucket: %s", query, a.body)
		}
		if strings.HasPrefix(query, "lifecycle") || strings.HasPrefix(query, "replication") {
			continue // can be put
		}
		if a := s.do(t, raw{method: "PUT", path: "/bkt/?" + query, body: "x"}); a.StatusCode != 501 || a.code(t) != "NotImplemented" {
			t.Errorf("PUT %s: %d %s", query, a.StatusCode, a.body)
		}
	}
	for _, query := range []string{"versioning=", "notification="} {
		a := s.do(t, raw{method: "GET", path: "/bkt/?" + query})
		if a.StatusCode != 200 || !strings.Contains(a.body, `Configuration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></`) {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.body)
		}
	}
}

// trouble is an object layer in which one thing goes wrong.
type trouble struct {
	s3api.Service
	admit error
	head  func() (object.Info, error)
	open  func() io.ReadCloser
}

func (s trouble) Admit() error {
	if s.admit != nil {
		return s.admit
	}
	return s.Service.Admit()
}

func (s trouble) Head(ctx context.Context, in object.GetInput) (object.Info, error) {
	if s.head != nil {
		return s.head()
	}
	return s.Service.Head(ctx, in)
}

func (trouble) Accessed(context.Context, event.Name, object.Info, event.Request) {}

func (s trouble) Get(ctx context.Context, in object.GetInput) (*object.Object, error) {
	o, err := s.Service.Get(ctx, in)
	if s.open != nil && err == nil {
		o.Open = func(context.Context, int64, int64) (io.ReadCloser, error) { return s.open(), nil }
	}
	return o, err
}

func with(edit func(*trouble)) func(*s3api.Config) {
	return func(c *s3api.Config) {
		tr := trouble{Service: c.Service}
		edit(&tr)
		c.Service = tr
	}
}

func TestRefusedBeforeTheBody(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{"507 XMinioStorageFull": object.ErrNoSpace, "503 ServiceUnavailable": object.ErrUnavailable} {
		s := newSite(t, with(func(tr *trouble) { tr.admit = fmt.Errorf("store: %w", err) }))
		s.bucket(t, "bkt")
		s.store(t, "bkt", "k", "x", nil)
		// The head announces a body that never comes: the answer must not wait for it.
		resp := s.wire(t, s.signedHead(t, "Content-Length: 1000\r\nExpect: 100-continue\r\n"), false)
		body, _ := io.ReadAll(resp.Body)
		status, code, _ := strings.Cut(want, " ")
		if fmt.Sprint(resp.StatusCode) != status || !strings.Contains(string(body), "<Code>"+code+"</Code>") {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
		if (resp.Header.Get("Retry-After") != "") != (resp.StatusCode == 503) {
			t.Errorf("Retry-After is %q with %d", resp.Header.Get("Retry-After"), resp.StatusCode)
		}
		if a := s.do(t, raw{method: "DELETE", path: "/bkt/k"}); a.StatusCode != 204 {
			t.Errorf("a delete, which frees space: %d %s", a.StatusCode, a.body)
		}
	}
}

func TestInternalErrorsTellNothing(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]func() (object.Info, error){
		"error": func() (object.Info, error) { return object.Info{}, errors.New("/private/path: broken") },
		"panic": func() (object.Info, error) { panic("private") },
	} {
		s := newSite(t, with(func(tr *trouble) { tr.head = head }))
		a := s.do(t, raw{method: "HEAD", path: "/bkt/k"})
		if a.StatusCode != 500 || a.code(t) != "InternalError" || strings.Contains(fmt.Sprint(a.Header), "private") {
			t.Errorf("%s: %d %v", name, a.StatusCode, a.Header)
		}
	}
}

// failing gives some bytes and then an error, or too early an end.
type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = f.err
	}
	return n, err
}

func (*failing) Close() error { return nil }

// TestBrokenReadIsNeverWhole: when the bytes end early the client must see it,
// although the status was sent.
func TestBrokenReadIsNeverWhole(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"error": errors.New("checksum mismatch"), "early end": io.EOF, "panic": nil} {
		s := newSite(t, with(func(tr *trouble) {
			tr.open = func() io.ReadCloser {
				if name == "panic" {
					return io.NopCloser(panicking{})
				}
				return &failing{strings.NewReader("01234"), err}
			}
		}))
		s.bucket(t, "bkt")
		s.store(t, "bkt", "k", "0123456789", nil)
		resp, err := s.transport.RoundTrip(s.request(t, raw{method: "GET", path: "/bkt/k"}))
		if err != nil {
			continue // cut before the head was sent
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil {
			t.Errorf("%s: read %q as whole", name, body)
		}
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("disk") }

func TestSourceAddress(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, trusted, forwarded, want string
	}{
		{"nobody trusted", "", "10.1.1.1", "127.0.0.1"},
		{"another trusted", "192.0.2.0/24", "10.1.1.1", "127.0.0.1"},
		{"proxy trusted", "127.0.0.0/8", "10.1.1.1", "10.1.1.1"},
		{"the last that is not trusted", "127.0.0.0/8", "1.1.1.1, 10.1.1.1", "10.1.1.1"},
		{"through two proxies", "127.0.0.0/8,10.0.0.0/8", "1.1.1.1, 2.2.2.2, 10.1.1.1", "2.2.2.2"},
		{"IPv6", "127.0.0.0/8", "2001:db8::1", "2001:db8::1"},
		{"garbage", "127.0.0.0/8", "unknown", "127.0.0.1"},
		{"garbage before a proxy", "127.0.0.0/8,10.0.0.0/8", "x, 10.1.1.1", "10.1.1.1"},
		{"nothing", "127.0.0.0/8", "", "127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *s3api.Config) {
				for text := range strings.SplitSeq(tt.trusted, ",") {
					if text != "" {
						c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(text))
					}
				}
			})
			s.do(t, raw{method: "GET", path: "/", header: map[string]string{"X-Forwarded-For": tt.forwarded}})
			s.mu.Lock()
			defer s.mu.Unlock()
			if got := s.seen[0].SourceIP; got != tt.want {
				t.Errorf("source %s, want %s", got, tt.want)
			}
		})
	}
}

func TestObservation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.do(t, raw{method: "PUT", path: "/bkt/k", body: "12345"})
	s.do(t, raw{method: "GET", path: "/bkt/k"})
	s.do(t, raw{method: "GET", path: "/bkt/missing"})
	s.do(t, raw{method: "PATCH", path: "/bkt/k"})
	s.mu.Lock()
	defer s.mu.Unlock()
	var got []string
	for _, o := range s.seen {
		if o.FirstByte <= 0 || o.FirstByte > o.Duration {
			t.Errorf("%s: first byte after %s of %s", o.Operation, o.FirstByte, o.Duration)
		}
		sent := o.Sent
		if o.ErrorCode != "" {
			sent = 0
		}
		got = append(got, fmt.Sprintf("%s %s %s/%s by %s: %d %s, %d in, %d out", o.Operation, o.Method, o.Bucket, o.Key, o.Principal, o.Status, o.ErrorCode, o.Received, sent))
	}
	want := []string{
		"PutObject PUT bkt/k by carillon-root: 200 , 5 in, 0 out",
		"GetObject GET bkt/k by carillon-root: 200 , 0 in, 5 out",
		"GetObject GET bkt/missing by carillon-root: 404 NoSuchKey, 0 in, 0 out",
		" PATCH bkt/k by : 405 MethodNotAllowed, 0 in, 0 out",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStarPath(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	resp := s.wire(t, "GET * HTTP/1.1\r\nHost: h\r\n\r\n", false)
	if resp == nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("answer %v", resp)
	}
}

// TestMetadataNamesAreLowerCase looks at the bytes: a client library would have
// made them canonical.
func TestMetadataNamesAreLowerCase(t *testing.T) {
	t.Parallel()
	h := s3api.New(s3api.Config{
		Service: trouble{head: func() (object.Info, error) {
			return object.Info{Metadata: map[string]string{"X-Amz-Meta-Colour": "red"}}, nil
		}},
		Verifier: iam.New(iam.Config{Credentials: iam.Root{AccessKey: accessKey, SecretKey: secretKey}}),
	})
	w := httptest.NewRecorder()
	s := &site{Server: &httptest.Server{URL: "http://127.0.0.1:9000"}}
	r := s.request(t, raw{method: "HEAD", path: "/bkt/k"})
	r.Host = r.URL.Host
	h.ServeHTTP(w, r)
	// In lower case on the wire: not what http.Header looks for.
	const sent = "x-amz-meta-colour"
	if got := map[string][]string(w.Header())[sent]; len(got) != 1 || got[0] != "red" {
		t.Errorf("headers %v", w.Header())
	}
}
