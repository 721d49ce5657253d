package admin

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/notify"
)

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		access, secret string
		status         int
		code           string
	}{
		"unsigned":      {"", "", http.StatusForbidden, "AccessDenied"},
		"unknown key":   {"nobody", testSecret, http.StatusForbidden, "InvalidAccessKeyId"},
		"wrong secret":  {testAccess, "wrong-secret-42", http.StatusForbidden, "SignatureDoesNotMatch"},
		"not the owner": {"guest", testSecret, http.StatusForbidden, "AccessDenied"},
	}
	s := newSite(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.send(s.request(http.MethodGet, prefix+"info", nil), tt.access, tt.secret)
			wantError(t, r, tt.status, tt.code, "")
		})
	}
}

func TestPathsThatAreNotServed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tests := map[string]struct {
		method, path string
		status       int
		code         string
	}{
		"unknown path":    {http.MethodGet, prefix + "nope", http.StatusUpgradeRequired, "XMinioAdminVersionMismatch"},
		"other version":   {http.MethodGet, "/minio/admin/v4/info", http.StatusUpgradeRequired, "XMinioAdminVersionMismatch"},
		"wrong method":    {http.MethodPost, prefix + "info", http.StatusUpgradeRequired, "XMinioAdminVersionMismatch"},
		"missing query":   {http.MethodGet, prefix + "get-config-kv", http.StatusUpgradeRequired, "XMinioAdminVersionMismatch"},
		"speed of drives": {http.MethodGet, prefix + "speedtest", http.StatusNotImplemented, "NotImplemented"},
		"LDAP":            {http.MethodPost, prefix + "idp/ldap/policy/attach", http.StatusNotImplemented, "NotImplemented"},
		"tier":            {http.MethodGet, prefix + "tier/COLD", http.StatusNotImplemented, "NotImplemented"},
		"kms":             {http.MethodPost, "/minio/kms/v1/status", http.StatusNotImplemented, "NotImplemented"},
		"freeze":          {http.MethodPost, prefix + "service?action=freeze", http.StatusNotImplemented, "NotImplemented"},
		"odd action":      {http.MethodPost, prefix + "service?action=explode", http.StatusBadRequest, "InvalidArgument"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantError(t, s.do(tt.method, tt.path, nil), tt.status, tt.code, "")
		})
	}
}

func TestBrokenQuery(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.send(s.request(http.MethodGet, prefix+"info?a=%zz", nil), "", "")
	wantError(t, r, http.StatusBadRequest, "InvalidArgument", "")
}

// TestService sends what the client sends: no body, and no length of it.
func TestService(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query, want string
		actions     []string
	}{
		"restart": {"action=restart&dry-run=false&type=2", `{"action":"restart","dryRun":false,"results":[{"host":"HOST"}]}`, []string{"restart"}},
		"stop":    {"action=stop&dry-run=false&type=2", `{"action":"stop","dryRun":false,"results":[{"host":"HOST"}]}`, []string{"stop"}},
		"dry run": {"action=restart&dry-run=true", `{"action":"restart","dryRun":true,"results":[{"host":"HOST"}]}`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			r := s.request(http.MethodPost, prefix+"service?"+tt.query, nil)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("")), -1
			got := s.send(r, testAccess, testSecret)
			body := strings.ReplaceAll(string(got.body), strings.TrimPrefix(s.server.URL, "http://"), "HOST")
			if got.status != http.StatusOK || body != tt.want {
				t.Errorf("answer %d %s, want %s", got.status, body, tt.want)
			}
			s.server.Close() // waits for the handler
			if diff := cmp.Diff(tt.actions, s.process.actions); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestServiceRefusesABody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wantError(t, s.do(http.MethodPost, prefix+"service?action=stop", []byte("x")), http.StatusBadRequest, "InvalidArgument", "body")
	forged := s.request(http.MethodPost, prefix+"service?action=stop", nil)
	forged.Body, forged.ContentLength = io.NopCloser(strings.NewReader("x")), 1
	if r := s.send(forged, testAccess, testSecret); r.status != http.StatusBadRequest {
		t.Errorf("a body that was not signed: %d %s", r.status, r.body)
	}
	if len(s.process.actions) != 0 {
		t.Errorf("actions: %v", s.process.actions)
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	oldest := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s.targets.statuses = []notify.Status{
		{Target: event.TargetID{ID: "1", Type: "kafka"}, State: notify.Online, Delivered: 7},
		{Target: event.TargetID{ID: "a", Type: "webhook"}, State: notify.Misconfigured, LastError: "endpoint: not a URL"},
		{
			Target: event.TargetID{ID: "b", Type: "webhook"}, State: notify.Offline, Failed: 2, Parked: 1, BlockedKeys: 3, OverLimit: true,
			Backlog:   journal.Backlog{Entries: 9, Bytes: 900, Oldest: oldest, Dropped: 4},
			Inherited: notify.Inherited{Folder: "/q/minio-webhook-b", Left: 5, Aside: 1, LastError: "torn"},
		},
	}
	r := s.do(http.MethodGet, prefix+"info?metrics=false", nil)
	var got infoAnswer
	if err := json.Unmarshal(r.body, &got); err != nil || r.status != http.StatusOK {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	want := []map[string][]map[string]targetInfo{
		{"kafka": {{"1": {Status: "online", State: "online", Delivered: 7}}}},
		{"webhook": {
			{"a": {Status: "offline", State: "misconfigured", LastError: "endpoint: not a URL"}},
			{"b": {
				Status: "offline", State: "offline", Failed: 2, Parked: 1, BlockedKeys: 3, OverLimit: true, Backlog: 9, BacklogBytes: 900, OldestEvent: &oldest,
				Dropped: 4, Inherited: &inherited{Folder: "/q/minio-webhook-b", Left: 5, Aside: 1, LastError: "torn"},
			}},
		}},
	}
	if diff := cmp.Diff(want, got.Services.Notifications); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	if got.Mode != "online" || got.Buckets.Count != 1 || got.Objects.Count != 3 || got.Usage.Size != 500 ||
		!cmp.Equal(got.SQSARN, []string{"arn:minio:sqs::1:webhook"}) {
		t.Errorf("info: %+v", got)
	}
	if len(got.Backend.TotalSets) != 1 || len(got.Backend.TotalDrivesInSet) != 1 || len(got.Servers) != 1 || len(got.Servers[0].Drives) != 1 {
		t.Errorf("the client needs one of each: %+v", got)
	}
	if d := got.Servers[0].Drives[0]; d.State != "ok" || d.Total == 0 || d.Available == 0 {
		t.Errorf("drive: %+v", d)
	}
	if got.Servers[0].Endpoint != strings.TrimPrefix(s.server.URL, "http://") {
		t.Errorf("endpoint %q", got.Servers[0].Endpoint)
	}
}

func TestDataUsage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.do(http.MethodGet, prefix+"datausageinfo?capacity=true", nil)
	var got usageAnswer
	if err := json.Unmarshal(r.body, &got); err != nil || r.status != http.StatusOK {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	if got.Objects != 3 || got.Bytes != 500 || got.Buckets["images"].Versions != 4 || got.Capacity == 0 {
		t.Errorf("usage: %+v", got)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	type answers struct {
		live, ready, cluster, read, maintenance int
		status                                  string
	}
	tests := map[string]struct {
		readable, writable error
		want               answers
	}{
		"well":        {nil, nil, answers{200, 200, 200, 200, 412, ""}},
		"no space":    {nil, errTest, answers{200, 200, 503, 200, 503, ""}},
		"store fails": {errTest, errTest, answers{200, 503, 503, 503, 503, "offline"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.process.readable, s.process.writable = tt.readable, tt.writable
			ask := func(method, path string) reply {
				return s.send(s.request(method, "/minio/health/"+path, nil), "", "")
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				live := ask(method, "live")
				got := answers{
					live.status, ask(method, "ready").status, ask(method, "cluster").status, ask(method, "cluster/read").status,
					ask(method, "cluster?maintenance=true").status, live.header.Get("x-minio-server-status"),
				}
				if got != tt.want {
					t.Errorf("%s: %+v, want %+v", method, got, tt.want)
				}
			}
			if got := ask(http.MethodGet, "cluster").header.Get("X-Minio-Write-Quorum"); got != "1" {
				t.Errorf("write quorum %q", got)
			}
			if got := ask(http.MethodGet, "cluster/read").header.Get("X-Minio-Read-Quorum"); got != "1" {
				t.Errorf("read quorum %q", got)
			}
		})
	}
}

// TestHealthPaths: each answers GET and HEAD without a body, and no others are
// there.
func TestHealthPaths(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path   string
		status int
		quorum string
	}{
		"live":                        {"live", http.StatusOK, ""},
		"ready":                       {"ready", http.StatusOK, ""},
		"cluster":                     {"cluster", http.StatusOK, "X-Minio-Write-Quorum"},
		"cluster, not in maintenance": {"cluster?maintenance=false", http.StatusOK, "X-Minio-Write-Quorum"},
		"cluster in maintenance":      {"cluster?maintenance=true", http.StatusPreconditionFailed, "X-Minio-Write-Quorum"},
		"reads":                       {"cluster/read", http.StatusOK, "X-Minio-Read-Quorum"},
		"reads in maintenance":        {"cluster/read?maintenance=true", http.StatusPreconditionFailed, "X-Minio-Read-Quorum"},
		"unknown":                     {"nosuch", http.StatusNotFound, ""},
		"none":                        {"", http.StatusNotFound, ""},
		"deeper":                      {"live/now", http.StatusNotFound, ""},
		"with a slash":                {"ready/", http.StatusNotFound, ""},
		"writes":                      {"cluster/write", http.StatusNotFound, ""},
	}
	s := newSite(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				got := s.send(s.request(method, "/minio/health/"+tt.path, nil), "", "")
				if got.status != tt.status {
					t.Errorf("%s: %d, want %d", method, got.status, tt.status)
				}
				if tt.status == http.StatusNotFound {
					continue
				}
				if len(got.body) != 0 || got.header.Get("Content-Length") != "0" || got.header.Get("X-Minio-Server-Status") != "" {
					t.Errorf("%s: body %q, headers %v", method, got.body, got.header)
				}
				for _, q := range []string{"X-Minio-Write-Quorum", "X-Minio-Read-Quorum"} {
					if want := map[bool]string{true: "1"}[q == tt.quorum]; got.header.Get(q) != want {
						t.Errorf("%s: %s is %q, want %q", method, q, got.header.Get(q), want)
					}
				}
				if want := map[bool]string{true: "false"}[tt.quorum != ""]; got.header.Get("X-Minio-Storage-Class-Defaults") != want {
					t.Errorf("%s: headers %v", method, got.header)
				}
			}
			if got := s.send(s.request(http.MethodPost, "/minio/health/"+tt.path, nil), "", ""); got.status/100 != 4 {
				t.Errorf("POST: %d", got.status)
			}
		})
	}
}

// TestOwnFailuresAreNotTold: the client learns neither the cause nor a status
// that it would repeat.
func TestOwnFailuresAreNotTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	failing := &failingTargets{fakeTargets: s.targets}
	s.handler.Targets = failing
	wantError(t, s.do(http.MethodGet, prefix+"info", nil), http.StatusInternalServerError, "InternalError", "internal error")
	if !strings.Contains(s.log.String(), "the disk is on fire") {
		t.Errorf("log: %s", s.log)
	}
}
