package metrics_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/carillon-s3/carillon/internal/api/metrics"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/telemetry"
)

const (
	access = "root-user"
	secret = "root-secret-42"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

type users struct{}

func (users) Lookup(key string) (iam.Credential, bool) {
	switch key {
	case access:
		return iam.Credential{AccessKey: access, SecretKey: secret, Owner: true}, true
	case "guest":
		return iam.Credential{AccessKey: "guest", SecretKey: secret}, true
	case "keyless":
		return iam.Credential{AccessKey: "keyless", Owner: true}, true
	}
	return iam.Credential{}, false
}

func newHandler(public bool) *metrics.Handler {
	return metrics.New(metrics.Config{
		Credentials: users{}, Public: public, Now: func() time.Time { return now },
		Metrics: telemetry.New(telemetry.Config{
			Server: "host:9000", Operations: []string{"GetObject"},
			Targets: func() []telemetry.TargetState {
				return []telemetry.TargetState{{ID: "1", Name: "webhook", State: "online"}}
			},
			Store: func() (telemetry.StoreState, bool) { return telemetry.StoreState{}, true },
			Buckets: func() []telemetry.BucketState {
				return []telemetry.BucketState{{Name: "box", Objects: 1}, {Name: "other", Objects: 1}}
			},
		}),
	})
}

// claims are what `mc admin prometheus generate` signs.
func claims() jwt.RegisteredClaims {
	return jwt.RegisteredClaims{Issuer: "prometheus", Subject: access, ExpiresAt: jwt.NewNumericDate(now.AddDate(100, 0, 0))}
}

func token(t *testing.T, method jwt.SigningMethod, key any, c jwt.RegisteredClaims) string {
	t.Helper()
	s, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(h http.Handler, method, path, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestWhoMayRead(t *testing.T) {
	t.Parallel()
	with := func(edit func(*jwt.RegisteredClaims)) jwt.RegisteredClaims {
		c := claims()
		edit(&c)
		return c
	}
	good := token(t, jwt.SigningMethodHS512, []byte(secret), claims())
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	tests := map[string]struct {
		authorization string
		may           bool
	}{
		"as mc makes it":      {"Bearer " + good, true},
		"scheme in lower":     {"bearer " + good, true},
		"none":                {"", false},
		"no token":            {"Bearer ", false},
		"no JWT":              {"Bearer x.y.z", false},
		"another scheme":      {"Basic " + good, false},
		"without a scheme":    {good, false},
		"cut":                 {"Bearer " + head + "." + body + ".", false},
		"two parts":           {"Bearer " + head + "." + body, false},
		"another body":        {"Bearer " + head + "." + strings.ToUpper(body) + "." + signature, false},
		"another secret":      {"Bearer " + token(t, jwt.SigningMethodHS512, []byte("wrong-secret"), claims()), false},
		"HS256":               {"Bearer " + token(t, jwt.SigningMethodHS256, []byte(secret), claims()), false},
		"no signature at all": {"Bearer " + token(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims()), false},
		"another issuer": {
			"Bearer " + token(t, jwt.SigningMethodHS512, []byte(secret), with(func(c *jwt.RegisteredClaims) { c.Issuer = "console" })), false,
		},
		"unknown subject": {
			"Bearer " + token(t, jwt.SigningMethodHS512, []byte(secret), with(func(c *jwt.RegisteredClaims) { c.Subject = "nobody" })), false,
		},
		"not the owner": {
			"Bearer " + token(t, jwt.SigningMethodHS512, []byte(secret), with(func(c *jwt.RegisteredClaims) { c.Subject = "guest" })), false,
		},
		"empty secret": {
			"Bearer " + token(t, jwt.SigningMethodHS512, []byte(""), with(func(c *jwt.RegisteredClaims) { c.Subject = "keyless" })), false,
		},
		"expired": {
			"Bearer " + token(t, jwt.SigningMethodHS512, []byte(secret), with(func(c *jwt.RegisteredClaims) { c.ExpiresAt = jwt.NewNumericDate(now) })), false,
		},
		"without an end": {
			"Bearer " + token(t, jwt.SigningMethodHS512, []byte(secret), with(func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil })), false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(newHandler(false), http.MethodGet, metrics.Prefix2+"cluster", tt.authorization)
			if tt.may {
				if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
					t.Errorf("answer %d %s", w.Code, w.Header().Get("Content-Type"))
				}
				return
			}
			var body struct{ Code, Message string }
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusForbidden || body.Code != "AccessDenied" {
				t.Errorf("answer %d %s: %v", w.Code, w.Body, err)
			}
			if w := ask(newHandler(true), http.MethodGet, metrics.Prefix2+"cluster", tt.authorization); w.Code != http.StatusOK {
				t.Errorf("where metrics are public: %d", w.Code)
			}
		})
	}
}

// TestPages: each path has its groups, and no bucket's name is anywhere else.
func TestPages(t *testing.T) {
	t.Parallel()
	const (
		delivery  = "minio_notify_target_queue_length"
		delivery3 = "minio_notification_events_sent_total"
		requests  = "carillon_s3_requests_inflight"
		storage   = "carillon_store_failed"
		process   = "go_goroutines"
		box       = `bucket="box"`
		other     = `bucket="other"`
	)
	all := []string{delivery, delivery3, requests, storage, process}
	tests := map[string][]string{
		"/metrics":                                 all,
		"/minio/prometheus/metrics":                all,
		"/minio/v2/metrics/cluster":                {delivery, delivery3, requests, storage},
		"/minio/v2/metrics/node":                   all,
		"/minio/v2/metrics/resource":               {storage, process},
		"/minio/v2/metrics/bucket":                 {box, other},
		"/minio/metrics/v3":                        all,
		"/minio/metrics/v3/":                       all,
		"/minio/metrics/v3/api":                    {requests},
		"/minio/metrics/v3/api/requests":           {requests},
		"/minio/metrics/v3/notification":           {delivery, delivery3},
		"/minio/metrics/v3/cluster":                {storage},
		"/minio/metrics/v3/cluster/health":         {storage},
		"/minio/metrics/v3/system":                 {process},
		"/minio/metrics/v3/debug/go":               {process},
		"/minio/metrics/v3/ilm":                    {},
		"/minio/metrics/v3/audit":                  {},
		"/minio/metrics/v3/logger/webhook":         {},
		"/minio/metrics/v3/replication":            {},
		"/minio/metrics/v3/scanner":                {},
		"/minio/metrics/v3/bucket/api":             {box, other},
		"/minio/metrics/v3/bucket/api/box":         {box},
		"/minio/metrics/v3/bucket/api/nosuch":      {},
		"/minio/metrics/v3/bucket/replication/box": {},
		"/minio/v2/metrics/nosuch":                 nil,
		"/minio/metrics/v3/nosuch":                 nil,
		"/minio/metrics/v3/bucket/nosuch":          nil,
	}
	h := newHandler(true)
	for path, want := range tests {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			if !h.Takes(httptest.NewRequest(http.MethodGet, path, nil)) {
				t.Error("the path is not taken")
			}
			w := ask(h, http.MethodGet, path, "")
			if want == nil {
				if w.Code != http.StatusNotFound {
					t.Errorf("answer %d", w.Code)
				}
				return
			}
			if w.Code != http.StatusOK {
				t.Fatalf("answer %d %s", w.Code, w.Body)
			}
			for _, text := range append(all, box, other) {
				if got, want := strings.Contains(w.Body.String(), text), slices.Contains(want, text); got != want {
					t.Errorf("%s there: %v, want %v", text, got, want)
				}
			}
			if head := ask(h, http.MethodHead, path, ""); head.Code != http.StatusOK {
				t.Errorf("HEAD: %d", head.Code)
			}
		})
	}
}

// TestABucketCalledMetrics: what S3 clients send to it is left to S3.
func TestABucketCalledMetrics(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, path, authorization string
		guarded, public             bool
	}{
		"scrape with a token":    {"GET", "/metrics", "Bearer x", true, true},
		"HEAD with a token":      {"HEAD", "/metrics", "Bearer x", true, true},
		"scrape without a token": {"GET", "/metrics", "", false, true},
		"signed listing":         {"GET", "/metrics", "AWS4-HMAC-SHA256 Credential=x", false, false},
		"listing with a query":   {"GET", "/metrics?list-type=2", "", false, false},
		"listing by minio-go":    {"GET", "/metrics/", "AWS4-HMAC-SHA256 Credential=x", false, false},
		"make the bucket":        {"PUT", "/metrics", "AWS4-HMAC-SHA256 Credential=x", false, false},
		"an object":              {"GET", "/metrics/key", "", false, false},
		"another bucket":         {"GET", "/metrics2", "Bearer x", false, false},
		"another bucket, deeper": {"GET", "/box/minio/v2/metrics/cluster", "Bearer x", false, false},
		"admin":                  {"GET", "/minio/admin/v3/info", "Bearer x", false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, tt.path, nil)
			if tt.authorization != "" {
				r.Header.Set("Authorization", tt.authorization)
			}
			if got := newHandler(false).Takes(r); got != tt.guarded {
				t.Errorf("guarded: taken %v, want %v", got, tt.guarded)
			}
			if got := newHandler(true).Takes(r); got != tt.public {
				t.Errorf("public: taken %v, want %v", got, tt.public)
			}
		})
	}
}

func TestOtherMethods(t *testing.T) {
	t.Parallel()
	w := ask(newHandler(true), http.MethodPost, metrics.Prefix3, "")
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
}
