package guide

import (
	"net/http"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestCORS finds all origins allowed at first, sets a bucket's rules by `mc cors`, asks as a browser does, also after
// the server was killed, and removes them.
func TestCORS(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/data")
	preflight := func(what string, status int, origin string) {
		t.Helper()
		ctx, cancel := harness.Bounded(t)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodOptions, server.URL()+"/data/file.txt", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", "https://app.example")
		r.Header.Set("Access-Control-Request-Method", http.MethodPut)
		r.Header.Set("Access-Control-Request-Headers", "authorization,x-amz-date")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("Access-Control-Allow-Origin"); resp.StatusCode != status || got != origin {
			t.Errorf("%s: %d, origin %q", what, resp.StatusCode, got)
		}
	}
	preflight("at first", http.StatusNoContent, "https://app.example")
	rules := `<CORSConfiguration><CORSRule><AllowedOrigin>https://*.example</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>` +
		`<AllowedHeader>*</AllowedHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule></CORSConfiguration>`
	mc.OK("cors", "set", "myminio/data", write(t, "cors.xml", rules))
	preflight("set", http.StatusOK, "https://app.example")
	if got := mc.OK("cors", "get", "myminio/data"); !strings.Contains(got, "https://*.example") || !strings.Contains(got, "600") {
		t.Errorf("cors get: %s", got)
	}
	server.Kill()
	server.Restart()
	preflight("set, and killed", http.StatusOK, "https://app.example")
	mc.Refused("cors", "set", "myminio/data", write(t, "bad.xml", strings.ReplaceAll(rules, "PUT", "PATCH")))
	preflight("refused", http.StatusOK, "https://app.example")
	mc.OK("cors", "set", "myminio/data", write(t, "other.xml", strings.ReplaceAll(rules, "https://*.example", "https://other.test")))
	preflight("of others", http.StatusForbidden, "")
	mc.OK("cors", "remove", "myminio/data")
	preflight("removed", http.StatusNoContent, "https://app.example")
}
