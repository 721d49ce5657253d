package guide

import (
	"bufio"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// TestNSQChapter is the NSQ chapter, as typed; only nsqd's address is another.
func TestNSQChapter(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartNSQ(t, false)
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t)
	typed(t, mc, "mc alias set myminio "+server.URL()+" "+harness.RootUser+" "+harness.RootPassword)

	got := typed(t, mc, "mc admin config get myminio/ notify_nsq")
	for _, key := range []string{"nsqd_address=", "queue_dir=", "queue_limit=0", "tls=off", "tls_skip_verify=off", "topic="} {
		if !strings.Contains(got, key) {
			t.Errorf("%q lacks %s", got, key)
		}
	}
	typed(t, mc, `mc admin config set myminio notify_nsq:1 nsqd_address="`+broker.Address+`" queue_dir="" queue_limit="0" tls="off" tls_skip_verify="on" topic="minio"`)
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	if want := "SQS ARNs: arn:minio:sqs::1:nsq"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	typed(t, mc, "mc mb myminio/images")
	typed(t, mc, "mc event add  myminio/images arn:minio:sqs::1:nsq --suffix .jpg")
	if got := typed(t, mc, "mc event list myminio/images"); !strings.Contains(got, "arn:minio:sqs::1:nsq") || !strings.Contains(got, `suffix=".jpg"`) {
		t.Errorf("event list: %q", got)
	}

	next := tail(t, broker, "minio")
	typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	if got, want := next(), "s3:ObjectCreated:Put images/images.jpg"; got != want {
		t.Errorf("the first event is %s, want %s", got, want)
	}
	typed(t, mc, "mc rm myminio/images/images.jpg")
	if got, want := next(), "s3:ObjectRemoved:Delete images/images.jpg"; got != want {
		t.Errorf("the second event is %s, want %s", got, want)
	}
}

// tail starts nsq_tail and returns a function that waits for the next event that
// is not one of a read: mc looks at an object before it removes it.
func tail(t *testing.T, broker *brokertest.NSQ, topic string) (next func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	cmd := exec.CommandContext(ctx, broker.Tail, "-nsqd-tcp-address", broker.Address, "-topic", topic)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	lines := bufio.NewScanner(out)
	return func() string {
		for lines.Scan() {
			var e struct{ EventName, Key string }
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatalf("%s: %v", lines.Bytes(), err)
			}
			if !strings.HasPrefix(e.EventName, "s3:ObjectAccessed:") {
				return e.EventName + " " + e.Key
			}
		}
		t.Fatalf("nsq_tail ended: %v", lines.Err())
		return ""
	}
}

// TestNSQChapterByEnvironment configures by variables alone.
func TestNSQChapterByEnvironment(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_NOTIFY_NSQ_ENABLE_queue=on", "MINIO_NOTIFY_NSQ_NSQD_ADDRESS_queue=127.0.0.1:1", "MINIO_NOTIFY_NSQ_TOPIC_queue=minio",
	}})
	mc := harness.NewMC(t).Alias("myminio", server)
	if want := "SQS ARNs: arn:minio:sqs::queue:nsq"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	if got := mc.OK("admin", "config", "get", "myminio", "notify_nsq"); !strings.Contains(got, "# MINIO_NOTIFY_NSQ_TOPIC_queue=minio") {
		t.Errorf("config get does not show the variable: %q", got)
	}
}
