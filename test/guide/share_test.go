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

// TestShareUpload runs the curl command that `mc share upload` prints, with a
// file in the place that it leaves for one.
func TestShareUpload(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/data")
	mc.OK("event", "add", "myminio/data", "arn:minio:sqs::1:webhook", "--event", "put")
	var printed struct{ Share string }
	if err := json.Unmarshal([]byte(mc.OK("share", "upload", "--json", "myminio/data/in/file.txt")), &printed); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(printed.Share, "<FILE>") {
		t.Fatalf("no place for a file in %s", printed.Share)
	}
	command := strings.ReplaceAll(printed.Share, "<FILE>", write(t, "mine.txt", "from a browser"))
	if r := mc.Shell(command + " --fail --silent --show-error"); r.Code != 0 {
		t.Fatalf("%s: exit code %d\n%s", command, r.Code, r.Output())
	}
	if got := mc.OK("cat", "myminio/data/in/file.txt"); got != "from a browser" {
		t.Errorf("stored %q", got)
	}
	if d := receiver.WaitKey(t, "data/in/file.txt"); d.EventName != "s3:ObjectCreated:Post" {
		t.Errorf("the event is %s", d.EventName)
	}
	if r := mc.Shell(strings.Replace(command, "key=in/file.txt", "key=in/other.txt", 1) + " --fail --silent"); r.Code == 0 {
		t.Errorf("another key is taken: %s", r.Output())
	}
}
