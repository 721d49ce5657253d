package guide

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestShareDownload opens the link that `mc share download` prints, as people do
// who have no credential.
func TestShareDownload(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/data")
	const key = "two words/ümlaut + plus.txt"
	mc.OK("cp", write(t, "file.txt", "shared"), "myminio/data/"+key)
	var printed struct{ Share string }
	if err := json.Unmarshal([]byte(mc.OK("share", "download", "--json", "--expire", "1h", "myminio/data/"+key)), &printed); err != nil {
		t.Fatal(err)
	}
	fetch := func(link string) (int, string) {
		t.Helper()
		ctx, cancel := harness.Bounded(t)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, body := fetch(printed.Share); status != http.StatusOK || body != "shared" {
		t.Errorf("%d %q from %s", status, body, printed.Share)
	}
	if status, body := fetch(strings.Replace(printed.Share, "X-Amz-Expires=3600", "X-Amz-Expires=7200", 1)); status != http.StatusForbidden || !strings.Contains(body, "SignatureDoesNotMatch") {
		t.Errorf("a longer life: %d %s", status, body)
	}
	if status, _ := fetch(server.URL() + "/data/other"); status != http.StatusForbidden {
		t.Errorf("without a link: %d", status)
	}
}
