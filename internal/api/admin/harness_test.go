package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/notify"
)

const (
	testAccess = "admin-user"
	testSecret = "admin-secret-42"
)

// hook is a sub-system with a field of each sort that the surface treats apart.
type hook struct {
	config.Queue
	endpoint string
	token    config.Secret
}

func (h *hook) Fields(f *config.FieldSet) {
	f.URL(&h.endpoint, "endpoint", "webhook server endpoint", config.Required(), config.Schemes("http", "https"))
	f.Secret(&h.token, "auth_token", "opaque string or JWT authorization token", config.FreeText())
	h.LimitField(f)
	h.DirField(f)
}

func (h *hook) Validate() error { return nil }

// fakeTargets records the checks that it is asked for.
type fakeTargets struct {
	mu       sync.Mutex
	checked  []event.TargetID
	statuses []notify.Status
	check    func(ctx context.Context) error
}

func (f *fakeTargets) Status(context.Context) ([]notify.Status, error) { return f.statuses, nil }

func (f *fakeTargets) ARNs(region string) []string {
	return []string{event.ARN{Region: region, Target: event.TargetID{ID: "1", Type: "webhook"}}.String()}
}

func (f *fakeTargets) Check(ctx context.Context, id event.TargetID) error {
	f.mu.Lock()
	f.checked = append(f.checked, id)
	f.mu.Unlock()
	if f.check != nil {
		return f.check(ctx)
	}
	return nil
}

// fakeProcess is Control and Health.
type fakeProcess struct {
	mu                 sync.Mutex
	actions            []string
	readable, writable error
}

func (f *fakeProcess) act(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actions = append(f.actions, name)
}
func (f *fakeProcess) Restart()        { f.act("restart") }
func (f *fakeProcess) Stop()           { f.act("stop") }
func (f *fakeProcess) Readable() error { return f.readable }
func (f *fakeProcess) Writable() error { return f.writable }

// site is a running admin surface on a store in memory.
type site struct {
	t          testing.TB
	handler    *Handler
	server     *httptest.Server
	settings   *config.Store
	identities *iam.Store
	targets    *fakeTargets
	process    *fakeProcess
	log        *logBuffer
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newSite(t testing.TB, env ...string) *site {
	t.Helper()
	registry, err := config.NewRegistry([]config.SubSystem{{
		Name: "notify_webhook", Description: "publish bucket notifications to webhook endpoints", Multiple: true,
		New: func() config.Settings { return new(hook) },
	}})
	if err != nil {
		t.Fatal(err)
	}
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	s := &site{t: t, targets: &fakeTargets{}, process: &fakeProcess{}, log: &logBuffer{}}
	s.settings, err = config.Open(t.Context(), config.StoreOptions{Registry: registry, KV: store, Env: config.ParseEnv(env)})
	if err != nil {
		t.Fatal(err)
	}
	s.identities, err = iam.OpenStore(t.Context(), iam.StoreConfig{
		KV: store, Root: iam.Credential{AccessKey: testAccess, SecretKey: testSecret}, Sealer: plainSealer{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.identities.PutUser(t.Context(), guest, testSecret, true); err != nil {
		t.Fatal(err)
	}
	s.handler = New(Config{
		Settings:   s.settings,
		Identities: s.identities, Verifier: iam.New(iam.Config{Credentials: s.identities}),
		Targets: s.targets, Health: s.process, Control: s.process,
		TargetID: func(i config.Instance) (event.TargetID, bool) {
			return event.TargetID{ID: i.Target, Type: strings.TrimPrefix(i.SubSystem, "notify_")}, true
		},
		Usage: func(context.Context) (Usage, error) {
			return Usage{Buckets: []BucketUsage{{Name: "images", Objects: 3, Versions: 4, Bytes: 500}}}, nil
		},
		DeploymentID: "321cc62e-c097-4ea6-9f9b-ca56cdf2166c", Version: "v0.1.0", HostID: "host", Folder: t.TempDir(),
		Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	})
	s.server = httptest.NewServer(s.handler)
	t.Cleanup(s.server.Close)
	return s
}

// guest is a user who may do nothing.
const guest = "guest"

// plainSealer leaves secrets as they are.
type plainSealer struct{}

func (plainSealer) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (plainSealer) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// request makes a signed request as the client does: with an empty region.
func (s *site) request(method, path string, body []byte) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	return r
}

func (s *site) send(r *http.Request, access, secret string) reply {
	s.t.Helper()
	if access != "" {
		r = signer.SignV4(*r, access, secret, "", "")
	}
	resp, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, body}
}

// do sends a request of the root credential.
func (s *site) do(method, path string, body []byte) reply {
	s.t.Helper()
	return s.send(s.request(method, path, body), testAccess, testSecret)
}

// doSealed seals the text and sends it.
func (s *site) doSealed(method, path, text string) reply {
	s.t.Helper()
	sealed, err := newEnvelopes().seal(s.t.Context(), testSecret, []byte(text))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(method, path, sealed)
}

// opened decrypts the body of a reply.
func (s *site) opened(r reply) string {
	s.t.Helper()
	text, err := newEnvelopes().open(s.t.Context(), testSecret, r.body)
	if err != nil {
		s.t.Fatalf("status %d, body %q: %v", r.status, r.body, err)
	}
	return string(text)
}

var errTest = errors.New("it is down")

// failingTargets cannot tell its state.
type failingTargets struct{ *fakeTargets }

func (*failingTargets) Status(context.Context) ([]notify.Status, error) {
	return nil, errors.New("the disk is on fire")
}
