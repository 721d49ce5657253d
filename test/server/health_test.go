package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestHealth asks as supervisors, load balancers and `mc` do.
func TestHealth(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{})
	for path, want := range map[string]int{
		"live": 200, "ready": 200, "cluster": 200, "cluster/read": 200,
		"cluster?maintenance=true": 412, "cluster/read?maintenance=true": 412, "nosuch": 404,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			ctx, cancel := harness.Bounded(t)
			req, err := http.NewRequestWithContext(ctx, method, s.URL()+"/minio/health/"+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			cancel()
			if resp.StatusCode != want || resp.Header.Get("Server") != "Carillon" {
				t.Errorf("%s %s: %d %v, want %d", method, path, resp.StatusCode, resp.Header, want)
			}
		}
	}
	mc := harness.NewMC(t).Alias("myminio", s)
	if got := mc.OK("ready", "myminio"); !strings.Contains(got, "is ready") {
		t.Errorf("mc ready: %s", got)
	}
	if got := mc.OK("--json", "ready", "myminio", "--cluster-read"); !strings.Contains(got, `"healthy":true`) {
		t.Errorf("mc ready --cluster-read: %s", got)
	}
	// It asks until the answer is yes, which for the only server it never is.
	line := mc.Stream("--json", "ready", "myminio", "--maintenance").Next(t, "maintenanceMode")
	for _, want := range []string{`"healthy":false`, `"maintenanceMode":true`, `"writeQuorum":1`} {
		if !strings.Contains(line, want) {
			t.Errorf("mc ready --maintenance lacks %s: %s", want, line)
		}
	}
	if got := mc.OK("ping", "myminio", "-c", "1"); !strings.Contains(got, "errors=0") {
		t.Errorf("mc ping: %s", got)
	}
}
