package guide

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// rabbit is the guide's program and the line that it prints first.
const (
	rabbit      = "test/guide/rabbit.py"
	rabbitReady = " [*] Waiting for logs"
)

func amqpURL(server *brokertest.RabbitMQ) string {
	return "amqp://" + brokertest.Login + ":" + brokertest.Password + "@" + server.Address
}

// TestAMQPChapter is the AMQP chapter, as typed; only the broker's address and
// user are others.
func TestAMQPChapter(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartRabbitMQ(t)
	url := amqpURL(broker)
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t)
	typed(t, mc, "mc alias set myminio "+server.URL()+" "+harness.RootUser+" "+harness.RootPassword)

	got := typed(t, mc, "mc admin config get myminio/ notify_amqp")
	for _, key := range []string{
		`delivery_mode=0`, `exchange_type=`, `no_wait=off`, `queue_dir=`, `queue_limit=0`, `url=`, `auto_deleted=off`,
		`durable=off`, `exchange=`, `internal=off`, `mandatory=on`, `routing_key=`, `publisher_confirms=on`,
	} {
		if !strings.Contains(got, " "+key+" ") {
			t.Errorf("%q lacks %s", got, key)
		}
	}
	typed(t, mc, `mc admin config set myminio/ notify_amqp:1 exchange="bucketevents" exchange_type="fanout" mandatory="off" no_wait="off"  url="`+
		url+`" auto_deleted="off" delivery_mode="0" durable="off" internal="off" routing_key="bucketlogs"`)
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	if want := "SQS ARNs: arn:minio:sqs::1:amqp"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	typed(t, mc, "mc mb myminio/images")
	typed(t, mc, "mc event add myminio/images arn:minio:sqs::1:amqp --suffix .jpg")
	const list = `arn:minio:sqs::1:amqp   s3:ObjectCreated:*,s3:ObjectRemoved:*,s3:ObjectAccessed:*   Filter: suffix=".jpg"`
	if got := strings.TrimSpace(typed(t, mc, "mc event list myminio/images")); got != list {
		t.Errorf("event list: %q, want %q", got, list)
	}
	output := harness.StartConsumer(t, rabbit, rabbitReady, "AMQP_URL="+url)
	typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	line := output.WaitFor(t, `"EventName":"s3:ObjectCreated:Put","Key":"images/images.jpg","Records":[{"eventVersion":"2.0"`)
	for _, part := range []string{`"eventSource":"minio:s3"`, `"bucket":{"name":"images"`, `"object":{"key":"images.jpg","size":`, `"sequencer":"`} {
		if !strings.Contains(line, part) {
			t.Errorf("%q lacks %s", line, part)
		}
	}
	typed(t, mc, "mc rm myminio/images/images.jpg")
	output.WaitFor(t, `"EventName":"s3:ObjectRemoved:Delete","Key":"images/images.jpg"`)
}

// TestAMQPChapterByEnvironment configures by variables alone. Messages are
// mandatory then, so what nobody is there to take waits for a queue.
func TestAMQPChapterByEnvironment(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartRabbitMQ(t)
	url := amqpURL(broker)
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_NOTIFY_AMQP_ENABLE_1=on", "MINIO_NOTIFY_AMQP_URL_1=" + url, "MINIO_NOTIFY_AMQP_EXCHANGE_1=bucketevents",
		"MINIO_NOTIFY_AMQP_EXCHANGE_TYPE_1=fanout", "MINIO_NOTIFY_AMQP_PUBLISHING_CONFIRMS_1=on", "MINIO_NOTIFY_AMQP_COMMENT_1=all pictures",
	}})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/images")
	mc.OK("event", "add", "myminio/images", "arn:minio:sqs::1:amqp", "--event", "put")
	mc.OK("cp", picture(t), "myminio/images/early.jpg")
	server.Output.WaitFor(t, "no queue is bound")
	output := harness.StartConsumer(t, rabbit, rabbitReady, "AMQP_URL="+url)
	output.WaitFor(t, `"Key":"images/early.jpg"`)
	if text := server.Output.String(); strings.Contains(text, brokertest.Password) {
		t.Errorf("the log shows the password:\n%s", text)
	}
}
