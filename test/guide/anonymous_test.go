package guide

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestAnonymous opens a bucket to everybody by `mc anonymous`, and closes it.
func TestAnonymous(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/data")
	mc.OK("cp", write(t, "file.txt", "for all"), "myminio/data/open/file.txt")
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		ctx, cancel := harness.Bounded(t)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, method, server.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(got)
	}
	want := func(what string, get, put int) {
		t.Helper()
		if status, body := ask(http.MethodGet, "/data/open/file.txt", ""); status != get {
			t.Errorf("%s: GET %d %s", what, status, body)
		}
		if status, body := ask(http.MethodPut, "/data/open/new.txt", "x"); status != put {
			t.Errorf("%s: PUT %d %s", what, status, body)
		}
	}
	want("at first", 403, 403)
	if got := mc.OK("anonymous", "get", "myminio/data"); !strings.Contains(got, "private") {
		t.Errorf("anonymous get: %s", got)
	}
	for _, c := range []struct {
		permission string
		get, put   int
	}{{"download", 200, 403}, {"upload", 403, 200}, {"public", 200, 200}, {"private", 403, 403}} {
		mc.OK("anonymous", "set", c.permission, "myminio/data")
		want(c.permission, c.get, c.put)
		if got := mc.OK("anonymous", "get", "myminio/data"); !strings.Contains(got, c.permission) {
			t.Errorf("anonymous get after set %s: %s", c.permission, got)
		}
	}
	mc.OK("anonymous", "set", "download", "myminio/data/open/")
	want("a prefix", 200, 403)
	if got := mc.OK("anonymous", "list", "myminio/data"); !strings.Contains(got, "data/open/*") || !strings.Contains(got, "readonly") {
		t.Errorf("anonymous list: %s", got)
	}
	if got := mc.OK("anonymous", "links", "myminio/data", "--recursive"); !strings.Contains(got, "/data/open/file.txt") {
		t.Errorf("anonymous links: %s", got)
	}
	if got := mc.OK("anonymous", "get-json", "myminio/data"); !strings.Contains(got, `"arn:aws:s3:::data/open/*"`) {
		t.Errorf("anonymous get-json: %s", got)
	}
	statement := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/open/*"}]}`
	mc.OK("anonymous", "set-json", write(t, "policy.json", statement), "myminio/data")
	want("by JSON", 200, 403)
	if status, body := ask(http.MethodGet, "/data/?list-type=2", ""); status != 403 {
		t.Errorf("list: %d %s", status, body)
	}
}
