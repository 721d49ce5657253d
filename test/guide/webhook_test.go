package guide

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/test/harness"
)

// notifyHelp are the lines that the guide prints for
// `mc admin config get myminio | grep notify`, of the kinds that there are.
var notifyHelp = []string{
	"notify_webhook publish bucket notifications to webhook endpoints",
	"notify_amqp publish bucket notifications to AMQP endpoints",
	"notify_kafka publish bucket notifications to Kafka endpoints",
	"notify_mqtt publish bucket notifications to MQTT endpoints",
	"notify_nats publish bucket notifications to NATS endpoints",
	"notify_nsq publish bucket notifications to NSQ endpoints",
	"notify_mysql publish bucket notifications to MySQL databases",
	"notify_postgres publish bucket notifications to Postgres databases",
	"notify_elasticsearch publish bucket notifications to Elasticsearch endpoints",
	"notify_redis publish bucket notifications to Redis datastores",
}

// eventList is what the guide prints for `mc event list myminio/images`, with
// the target's name.
const eventList = `arn:minio:sqs::%s:webhook   s3:ObjectCreated:*   Filter: suffix=".jpg"`

// typed runs a line as the guide prints it and fails the test if it fails.
func typed(t *testing.T, mc *harness.MC, line string) string {
	t.Helper()
	r := mc.Shell(line)
	if r.Code != 0 {
		t.Fatalf("$ %s\nexit %d\n%s", line, r.Code, r.Output())
	}
	return r.Stdout
}

// TestWebhookChapter is the webhook chapter, as typed; only the thumbnailer's
// port is another.
func TestWebhookChapter(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	endpoint := harness.StartThumbnailer(t, server.URL())
	mc := harness.NewMC(t)
	typed(t, mc, "mc alias set myminio "+server.URL()+" "+harness.RootUser+" "+harness.RootPassword)

	var help []string
	for line := range strings.Lines(typed(t, mc, "mc admin config get myminio | grep notify")) {
		help = append(help, strings.Join(strings.Fields(line), " "))
	}
	if diff := cmp.Diff(notifyHelp, help); diff != "" {
		t.Errorf("the kinds of target (-want +got):\n%s", diff)
	}
	got := typed(t, mc, "mc admin config get myminio/ notify_webhook")
	for _, key := range []string{"endpoint=", "auth_token=", "queue_limit=0", "queue_dir=", "client_cert=", "client_key="} {
		if !strings.Contains(got, key) {
			t.Errorf("%q lacks %s", got, key)
		}
	}
	typed(t, mc, `mc admin config set myminio notify_webhook:1 queue_limit="0"  endpoint="`+endpoint+`" queue_dir=""`)
	got = typed(t, mc, "mc admin config get myminio/ notify_webhook:1")
	if !strings.HasPrefix(got, "notify_webhook:1 ") || !strings.Contains(got, "endpoint="+endpoint+" ") {
		t.Errorf("after set: %q", got)
	}
	server.Restarting(func() {
		if r := mc.Terminal("admin", "service", "restart", "myminio"); r.Code != 0 {
			t.Fatalf("restart at a terminal: exit %d\n%s", r.Code, r.Stdout)
		}
	})
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	if want := "SQS ARNs: arn:minio:sqs::1:webhook"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	enableRule(t, mc, "1")
	makeThumbnail(t, mc)
}

// enableRule is step 2 of the chapter.
func enableRule(t *testing.T, mc *harness.MC, id string) {
	t.Helper()
	typed(t, mc, "mc mb myminio/images")
	typed(t, mc, "mc mb myminio/images-thumbnail")
	typed(t, mc, "mc event add myminio/images "+harness.WebhookARN(id)+" --event put --suffix .jpg")
	want := fmt.Sprintf(eventList, id)
	if got := strings.TrimSpace(typed(t, mc, "mc event list myminio/images")); got != want {
		t.Errorf("event list: %q, want %q", got, want)
	}
}

// makeThumbnail is step 3: a picture goes in, a thumbnail comes out.
func makeThumbnail(t *testing.T, mc *harness.MC) {
	t.Helper()
	typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	harness.Poll(t, "the thumbnail in `mc ls`", func() error {
		if out := mc.OK("ls", "myminio/images-thumbnail"); !strings.Contains(out, "images.jpg") {
			return fmt.Errorf("mc ls shows %q", out)
		}
		return nil
	})
	thumbnail, err := jpeg.DecodeConfig(bytes.NewReader([]byte(mc.OK("cat", "myminio/images-thumbnail/images.jpg"))))
	if err != nil || thumbnail.Width != 40 || thumbnail.Height != 30 {
		t.Errorf("the thumbnail is %+v, %v; want a JPEG of 40 by 30", thumbnail, err)
	}
}

// TestWebhookChapterByEnvironment configures by variables alone.
func TestWebhookChapterByEnvironment(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ id, suffix string }{
		"without a name": {"_", ""},
		"with a name":    {"Thumb", "_Thumb"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The thumbnailer must be told of the server, and the server of the
			// thumbnailer: one of them has to start first.
			server := harness.Start(t, harness.Options{})
			endpoint := harness.StartThumbnailer(t, server.URL())
			server.Terminate()
			server.Restart("MINIO_NOTIFY_WEBHOOK_ENABLE"+tt.suffix+"=on", "MINIO_NOTIFY_WEBHOOK_ENDPOINT"+tt.suffix+"="+endpoint,
				"MINIO_NOTIFY_WEBHOOK_COMMENT"+tt.suffix+"=makes thumbnails")
			mc := harness.NewMC(t).Alias("myminio", server)
			if want := "SQS ARNs: " + harness.WebhookARN(tt.id); !strings.Contains(server.Stdout.String(), want) {
				t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
			}
			if got := mc.OK("admin", "config", "get", "myminio", "notify_webhook"); !strings.Contains(got, "# MINIO_NOTIFY_WEBHOOK_ENDPOINT"+tt.suffix+"="+endpoint) {
				t.Errorf("config get does not show the variable: %q", got)
			}
			enableRule(t, mc, tt.id)
			makeThumbnail(t, mc)
		})
	}
}

// TestTwoInstances: each named target gets what its rule says.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	pictures, texts := harness.NewReceiver(t), harness.NewReceiver(t)
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:pictures", "endpoint="+pictures.URL(), "auth_token=sesame")
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:texts", "endpoint="+texts.URL())
	server.Restarting(func() { mc.OK("--json", "admin", "service", "restart", "myminio") })
	mc.OK("mb", "myminio/inbox")
	mc.OK("event", "add", "myminio/inbox", harness.WebhookARN("pictures"), "--event", "put", "--suffix", ".jpg")
	mc.OK("event", "add", "myminio/inbox", harness.WebhookARN("texts"), "--event", "put,delete", "--suffix", ".txt")
	if got := mc.OK("event", "list", "myminio/inbox"); strings.Count(got, "\n") != 2 {
		t.Errorf("two rules are listed as %q", got)
	}
	mc.OK("cp", picture(t), "myminio/inbox/a.jpg")
	mc.OK("cp", write(t, "a.txt", "hello"), "myminio/inbox/a.txt")
	mc.OK("rm", "myminio/inbox/a.txt")

	if d := pictures.WaitKey(t, "inbox/a.jpg"); d.Header.Get("Authorization") != "Bearer sesame" || d.EventName != "s3:ObjectCreated:Put" {
		t.Errorf("%s with authorization %q", d.EventName, d.Header.Get("Authorization"))
	}
	got := texts.Wait(t, "both events of the text", func(all []harness.Delivery) bool { return len(all) >= 2 })
	if got[0].EventName != "s3:ObjectCreated:Put" || got[1].EventName != "s3:ObjectRemoved:Delete" || got[0].Key != "inbox/a.txt" {
		t.Errorf("events of the text: %s %s, %s %s", got[0].EventName, got[0].Key, got[1].EventName, got[1].Key)
	}
	if n := len(pictures.Deliveries()); n != 1 {
		t.Errorf("the target of pictures got %d events", n)
	}
	mc.OK("event", "remove", "myminio/inbox", harness.WebhookARN("pictures"), "--event", "put", "--suffix", ".jpg")
	if got := mc.OK("event", "list", "myminio/inbox"); strings.Contains(got, "pictures") || !strings.Contains(got, "texts") {
		t.Errorf("after a removal the rules are %q", got)
	}
	mc.OK("event", "remove", "--force", "myminio/inbox")
	if got := mc.OK("event", "list", "myminio/inbox"); strings.TrimSpace(got) != "" {
		t.Errorf("after the removal of all, the rules are %q", got)
	}
}
