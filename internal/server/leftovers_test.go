package server

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestLogAge(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{"90s": 90 * time.Second, "1s": time.Second, "1ms": 0, "soon": 0} {
		env, err := newEnvironment([]string{"CARILLON_ACCESS_LOG_INTERVAL=" + value})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := env.logAge(); got != want || (want == 0) != errors.Is(err, ErrUsage) {
			t.Errorf("%s: %v, %v", value, got, err)
		}
	}
}

func TestAllowOrigins(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"": "*", "*": "*", "https://a.example,https://*.b.example": "https://a.example https://*.b.example", "none": "none",
	} {
		env, err := newEnvironment([]string{"MINIO_API_CORS_ALLOW_ORIGIN=" + value})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := env.origins(); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
	env, err := newEnvironment([]string{"MINIO_API_CORS_ALLOW_ORIGIN=*.*"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := env.origins(); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "MINIO_API_CORS_ALLOW_ORIGIN") {
		t.Errorf("two wildcards: %v", err)
	}
}

func TestStaleUploads(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		environ []string
		want    staleUploads
		fails   string
	}{
		"default":  {want: staleUploads{24 * time.Hour, 6 * time.Hour}},
		"as MinIO": {environ: []string{"MINIO_API_STALE_UPLOADS_EXPIRY=72h", "MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL=30m"}, want: staleUploads{72 * time.Hour, 30 * time.Minute}},
		"days":     {environ: []string{"CARILLON_API_STALE_UPLOADS_EXPIRY=7d"}, want: staleUploads{7 * 24 * time.Hour, 6 * time.Hour}},
		"no span":  {environ: []string{"MINIO_API_STALE_UPLOADS_EXPIRY=soon"}, fails: `MINIO_API_STALE_UPLOADS_EXPIRY: "soon" is not a duration`},
		"zero":     {environ: []string{"MINIO_API_STALE_UPLOADS_EXPIRY=0s"}, fails: "MINIO_API_STALE_UPLOADS_EXPIRY"},
		"negative": {environ: []string{"MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL=-1h"}, fails: "MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL"},
		"both wrong": {
			environ: []string{"MINIO_API_STALE_UPLOADS_EXPIRY=x", "MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL=1ms"},
			fails:   `MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL: "1ms" is less than 1s`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, err := newEnvironment(tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			got, err := env.staleUploads()
			switch {
			case tt.fails == "" && (err != nil || got != tt.want):
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			case tt.fails != "" && (!errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), tt.fails)):
				t.Errorf("error %v, want one with %q", err, tt.fails)
			}
		})
	}
}
