package s3api_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	blobmemory "github.com/carillon-s3/carillon/internal/blob/memory"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/object"
)

const (
	accessKey = "carillon-root"
	secretKey = "carillon-secret"
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// site is a server with the real object layer, everything in memory.
type site struct {
	*httptest.Server
	service  *object.Service
	client   *minio.Client
	draining chan struct{}
	// frozen is what the service takes for the time, if it is set.
	frozen atomic.Pointer[time.Time]
	// transport sends raw requests and leaves encodings alone.
	transport *http.Transport

	// listening counts the listeners that have begun, and began tells of each.
	listening atomic.Int64
	began     chan struct{}

	mu   sync.Mutex
	seen []s3api.Observation
}

func newSite(t testing.TB, edit ...func(*s3api.Config)) *site {
	t.Helper()
	store := memory.New()
	j, err := journal.Open(context.Background(), store)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{draining: make(chan struct{}), transport: &http.Transport{DisableCompression: true}, began: make(chan struct{}, 16)}
	s.service, err = object.Open(context.Background(), object.Config{
		Store: store, Blobs: blobmemory.New(1), Journal: j, Keys: masterKeys(t),
		KnownTarget: func(id event.TargetID) bool { return id.Type == "webhook" && id.ID == "1" },
		Now: func() time.Time {
			if frozen := s.frozen.Load(); frozen != nil {
				return *frozen
			}
			return time.Now()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := watch(t, j)
	w.Service = counted{s.service, s}
	c := s3api.Config{
		Service:  w,
		Encoder:  &event.Encoder{},
		HostID:   strings.Repeat("0f", 32),
		Draining: s.draining,
		Observe: func(o s3api.Observation) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.seen = append(s.seen, o)
		},
	}
	for _, e := range edit {
		e(&c)
	}
	observe := c.Observe
	c.Observe = func(o s3api.Observation) {
		w.observe(o)
		observe(o)
	}
	if c.Verifier == nil {
		c.Verifier = iam.New(iam.Config{Credentials: iam.Root{AccessKey: accessKey, SecretKey: secretKey}, Region: c.Region})
	}
	s.Server = httptest.NewServer(s3api.New(c))
	t.Cleanup(func() {
		s.transport.CloseIdleConnections()
		s.Server.CloseClientConnections()
		s.Server.Close()
		w.done(t)
		_ = store.Close()
	})
	s.client = s.newClient(t, "")
	return s
}

// counted says when listeners begin.
type counted struct {
	s3api.Service
	site *site
}

func (c counted) Listen(ctx context.Context, in object.ListenInput, ready func(), fn func(object.Heard) error) error {
	return c.Service.Listen(ctx, in, func() {
		ready()
		c.site.listening.Add(1)
		c.site.began <- struct{}{}
	}, fn)
}

func (s *site) newClient(t testing.TB, region string) *minio.Client {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(s.URL, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: region, MaxRetries: 1, TrailingHeaders: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *site) bucket(t testing.TB, name string) {
	t.Helper()
	if err := s.service.CreateBucket(t.Context(), event.Request{}, name, ""); err != nil {
		t.Fatal(err)
	}
}

// store puts an object past the HTTP surface.
func (s *site) store(t testing.TB, bucket, key, body string, metadata map[string]string) object.Info {
	t.Helper()
	info, err := s.service.Put(t.Context(), object.PutInput{
		Bucket: bucket, Key: key, Body: strings.NewReader(body), Size: int64(len(body)), Metadata: metadata,
	})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// keys lists what is stored, past the HTTP surface.
func (s *site) keys(t testing.TB, bucket string) []string {
	t.Helper()
	page, err := s.service.List(t.Context(), object.ListInput{Bucket: bucket, MaxKeys: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range page.Objects {
		keys = append(keys, o.Key)
	}
	return keys
}

// raw is a request to be signed and sent as it is.
type raw struct {
	method, path, body string
	header             map[string]string
	// unsigned leaves the signature out; region is its scope's.
	unsigned bool
	region   string
	// edit changes the request after it was signed.
	edit func(*http.Request)
}

// answer is what came back.
type answer struct {
	*http.Response
	body string
}

// code is the S3 error code of an answer, from its body or, for HEAD, header.
func (a answer) code(t testing.TB) string {
	t.Helper()
	if v := a.Header.Get("X-Minio-Error-Code"); v != "" || a.StatusCode < 300 {
		return v
	}
	var e struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
	}
	if a.body == "" {
		return ""
	}
	if err := xml.Unmarshal([]byte(a.body), &e); err != nil {
		t.Fatalf("error body %q: %v", a.body, err)
	}
	return e.Code
}

func (s *site) request(t testing.TB, in raw) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), in.method, s.URL+in.path, strings.NewReader(in.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Content-Sha256", fmt.Sprintf("%x", sha256.Sum256([]byte(in.body))))
	for name, value := range in.header {
		r.Header.Set(name, value)
	}
	if in.body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	if !in.unsigned {
		if in.region == "" {
			in.region = "us-east-1"
		}
		r = signer.SignV4(*r, accessKey, secretKey, "", in.region)
	}
	if in.edit != nil {
		in.edit(r)
	}
	return r
}

func (s *site) do(t testing.TB, in raw) answer {
	t.Helper()
	r := s.request(t, in)
	resp, err := s.transport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", in.method, in.path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", in.method, in.path, err)
	}
	return answer{resp, string(body)}
}

func contentMD5(body string) string {
	sum := md5.Sum([]byte(body))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// waitLimit ends a test whose event never comes; nothing is measured by it.
const waitLimit = 30 * time.Second

func mustParse(t testing.TB, a answer, into any) {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	if err := xml.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}
