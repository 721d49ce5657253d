package guide

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/carillon-s3/carillon/test/harness"
)

// keepLog has the log of the bucket docs written into the bucket logs.
func keepLog(t *testing.T, server *harness.Server) {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	const document = `<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix>docs/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>`
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, server.URL()+"/docs?logging", strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(document))
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	resp, err := http.DefaultClient.Do(signer.SignV4(*r, harness.RootUser, harness.RootPassword, "", "us-east-1"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("PutBucketLogging: %d", resp.StatusCode)
	}
}

// logLines are those of all objects of the log.
func logLines(mc *harness.MC) string {
	var b strings.Builder
	for _, name := range strings.Fields(mc.OK("find", "myminio/logs", "--name", "*")) {
		b.WriteString(mc.OK("cat", name))
	}
	return b.String()
}

// TestAccessLog reads the log of a bucket: of a running server once its lines are
// old enough, and of one that was stopped at once.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{Env: []string{"CARILLON_ACCESS_LOG_INTERVAL=1s"}})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/docs", "myminio/logs")
	keepLog(t, server)
	mc.OK("cp", write(t, "a.txt", "content"), "myminio/docs/a.txt")
	harness.Poll(t, "the line of the upload", func() error {
		if lines := logLines(mc); !strings.Contains(lines, "REST.PUT.OBJECT a.txt \"PUT /docs/a.txt HTTP/1.1\" 200 ") {
			return fmt.Errorf("the log has %q", lines)
		}
		return nil
	})
	mc.OK("cat", "myminio/docs/a.txt")
	link := mc.OK("share", "download", "myminio/docs/a.txt")
	_, link, _ = strings.Cut(link, "Share: ")
	link = strings.TrimSpace(link)
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
	_ = resp.Body.Close()
	if code := server.Terminate(); code != 0 {
		t.Errorf("exit %d", code)
	}
	server.Restart()
	lines := logLines(mc)
	for _, want := range []string{"REST.GET.OBJECT a.txt", "X-Amz-Signature=REDACTED", " SigV4 - QueryString ", " SigV4 - AuthHeader ", " " + harness.RootUser + " "} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in the log:\n%s", want, lines)
		}
	}
	_, signature, _ := strings.Cut(link, "X-Amz-Signature=")
	if signature == "" || strings.Contains(lines, signature) {
		t.Errorf("the signature of %s is in the log", link)
	}
	if strings.Contains(lines, " logs [") {
		t.Errorf("the log tells of its own bucket:\n%s", lines)
	}
}
