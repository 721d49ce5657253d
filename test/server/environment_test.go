package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// arnLines are the lines of the banner that name targets.
func arnLines(s *harness.Server) []string {
	return slices.DeleteFunc(s.Stdout.Lines(), func(line string) bool { return !strings.HasPrefix(line, "SQS ARNs:") })
}

func TestBannerListsTargetsOnOneLine(t *testing.T) {
	t.Parallel()
	env := append(harness.WebhookEnv("one", "http://127.0.0.1:9/x"), harness.WebhookEnv("two", "http://127.0.0.1:9/x")...)
	env = append(env, "MINIO_NOTIFY_WEBHOOK_ENABLE_off=off", "MINIO_NOTIFY_WEBHOOK_ENDPOINT_off=http://127.0.0.1:9/x")
	s := harness.Start(t, harness.Options{Env: env})
	lines := arnLines(s)
	if len(lines) != 1 {
		t.Fatalf("%d lines with ARNs:\n%s", len(lines), s.Stdout)
	}
	got := strings.Fields(strings.TrimPrefix(lines[0], "SQS ARNs:"))
	slices.Sort(got)
	if want := []string{harness.WebhookARN("one"), harness.WebhookARN("two")}; !slices.Equal(got, want) {
		t.Errorf("the ARNs are %q, want %q", got, want)
	}
	if !strings.Contains(s.Stdout.String(), "API: "+s.URL()) {
		t.Errorf("the banner does not say where the API is:\n%s", s.Stdout)
	}
	if bare := harness.Start(t, harness.Options{}); len(arnLines(bare)) != 0 {
		t.Errorf("ARNs without a target:\n%s", bare.Stdout)
	}
}

func TestSiteRegionIsInARNs(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"MINIO_SITE_REGION", "MINIO_REGION_NAME", "CARILLON_SITE_REGION"} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			s := harness.Start(t, harness.Options{Env: append(harness.WebhookEnv("1", "http://127.0.0.1:9/x"), variable+"=eu-west-7")})
			if want := "arn:minio:sqs:eu-west-7:1:webhook"; !strings.Contains(s.Stdout.String(), want) {
				t.Errorf("the banner lacks %s:\n%s", want, s.Stdout)
			}
		})
	}
}

// TestUnknownVariables: a variable that nothing reads is said, with what was
// probably meant, and the server starts.
func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ variable, nearest string }{
		"a key":         {"MINIO_NOTIFY_WEBHOOK_ENDPONT_1", "ENDPOINT"},
		"a setting":     {"MINIO_ROOT_PASWORD", "MINIO_ROOT_PASSWORD"},
		"of our prefix": {"CARILLON_SITE_REGON", "SITE_REGION"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := harness.Start(t, harness.Options{Env: append(harness.WebhookEnv("1", "http://127.0.0.1:9/x"), tt.variable+"=a-value-that-may-be-secret")})
			s.Output.WaitFor(t, tt.variable)
			line := slices.IndexFunc(s.Output.Lines(), func(line string) bool { return strings.Contains(line, tt.variable) })
			if got := s.Output.Lines()[line]; !strings.Contains(strings.ReplaceAll(got, tt.variable, ""), tt.nearest) {
				t.Errorf("the line does not name %s: %s", tt.nearest, got)
			}
			if s.Output.Count(tt.variable) != 1 || strings.Contains(s.Output.String(), "a-value-that-may-be-secret") {
				t.Errorf("said more than once, or with its value:\n%s", s.Output)
			}
		})
	}
	t.Run("known ones are not said", func(t *testing.T) {
		t.Parallel()
		s := harness.Start(t, harness.Options{Env: append(harness.WebhookEnv("1", "http://127.0.0.1:9/x"),
			"MINIO_SERVER_URL=http://files.example.org", "MINIO_BROWSER_REDIRECT_URL=http://console.example.org",
			"MINIO_PROMETHEUS_AUTH_TYPE=public", "MINIO_BROWSER=off")})
		if strings.Contains(s.Output.String(), "WARN") {
			t.Errorf("a warning without a reason:\n%s", s.Output)
		}
	})
}
