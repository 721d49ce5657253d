package guide

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// TestKafkaChapter is the Kafka chapter, as typed; only the brokers' addresses
// are others, and kafkacat goes by its name of today, kcat.
func TestKafkaChapter(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartKafka(t)
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t)
	typed(t, mc, "mc alias set myminio "+server.URL()+" "+harness.RootUser+" "+harness.RootPassword)

	got := typed(t, mc, "mc admin config get myminio/ notify_kafka")
	for _, key := range []string{
		"tls_skip_verify=off", "queue_dir=", "queue_limit=0", "sasl=off", "sasl_password=", "sasl_username=",
		"tls_client_auth=0", "tls=off", "brokers=", "topic=", "client_tls_cert=", "client_tls_key=", "version=",
	} {
		if !strings.Contains(got, key) {
			t.Errorf("%q lacks %s", got, key)
		}
	}
	typed(t, mc, `mc admin config set myminio notify_kafka:1 tls_skip_verify="off"  queue_dir="" queue_limit="0" sasl="off" sasl_password="" `+
		`sasl_username="" tls_client_auth="0" tls="off" client_tls_cert="" client_tls_key="" brokers="`+broker.Plain+`,`+broker.Plain+`" topic="bucketevents" version=""`)
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	if want := "SQS ARNs: arn:minio:sqs::1:kafka"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	typed(t, mc, "mc mb myminio/images")
	typed(t, mc, "mc event add  myminio/images arn:minio:sqs::1:kafka --suffix .jpg")
	if got := typed(t, mc, "mc event list myminio/images"); !strings.Contains(got, "arn:minio:sqs::1:kafka") || !strings.Contains(got, `suffix=".jpg"`) {
		t.Errorf("event list: %q", got)
	}
	typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	typed(t, mc, "mc rm myminio/images/images.jpg")

	want := []string{"s3:ObjectCreated:Put images/images.jpg", "s3:ObjectRemoved:Delete images/images.jpg"}
	harness.Poll(t, "both events in the topic", func() error {
		// -e ends kcat at the end of the topic, where the guide's waits for more.
		out, err := exec.CommandContext(t.Context(), broker.Cat, "-C", "-b", broker.Plain, "-t", "bucketevents", "-q", "-e").Output()
		if err != nil {
			return fmt.Errorf("kcat: %w", err)
		}
		var names []string
		for line := range strings.Lines(string(out)) {
			var e struct{ EventName, Key string }
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if !strings.HasPrefix(e.EventName, "s3:ObjectAccessed:") { // mc looks before it removes
				names = append(names, e.EventName+" "+e.Key)
			}
		}
		if strings.Join(names, "\n") != strings.Join(want, "\n") {
			return fmt.Errorf("it holds %q", names)
		}
		return nil
	})
	if info := mc.OK("admin", "info", "--json", "myminio"); !strings.Contains(info, `"kafka"`) {
		t.Errorf("admin info does not show the target: %s", info)
	}
}

// TestKafkaChapterByEnvironment configures by variables alone, the two irregular
// ones among them.
func TestKafkaChapterByEnvironment(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_NOTIFY_KAFKA_ENABLE_logs=on", "MINIO_NOTIFY_KAFKA_BROKERS_logs=localhost:1", "MINIO_NOTIFY_KAFKA_TOPIC_logs=bucketevents",
		"MINIO_NOTIFY_KAFKA_PRODUCER_COMPRESSION_CODEC_logs=zstd", "MINIO_NOTIFY_KAFKA_PRODUCER_COMPRESSION_LEVEL_logs=3",
	}})
	mc := harness.NewMC(t).Alias("myminio", server)
	if want := "SQS ARNs: arn:minio:sqs::logs:kafka"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	got := mc.OK("admin", "config", "get", "myminio", "notify_kafka")
	for _, want := range []string{"# MINIO_NOTIFY_KAFKA_PRODUCER_COMPRESSION_CODEC_logs=zstd", "# MINIO_NOTIFY_KAFKA_PRODUCER_COMPRESSION_LEVEL_logs=3"} {
		if !strings.Contains(got, want) {
			t.Errorf("config get lacks %s: %q", want, got)
		}
	}
}
