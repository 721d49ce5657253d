package guide

import (
	"net"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// subscriber is the guide's program, and the line after which it gets messages.
const (
	subscriber      = "test/guide/mqtt.py"
	subscriberReady = "Subscribed"
)

func startSubscriber(t *testing.T, broker *brokertest.Mosquitto) (output *harness.Log, port string) {
	t.Helper()
	_, port, err := net.SplitHostPort(broker.Open)
	if err != nil {
		t.Fatal(err)
	}
	return harness.StartConsumer(t, subscriber, subscriberReady, "MQTT_PORT="+port), port
}

// TestMQTTChapter is the MQTT chapter, as typed; only the broker's port is
// another.
func TestMQTTChapter(t *testing.T) {
	t.Parallel()
	output, port := startSubscriber(t, brokertest.StartMosquitto(t))
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t)
	typed(t, mc, "mc alias set myminio "+server.URL()+" "+harness.RootUser+" "+harness.RootPassword)

	got := typed(t, mc, "mc admin config get myminio/ notify_mqtt")
	for _, key := range []string{
		`broker=`, `password=`, `queue_dir=`, `queue_limit=0`, `reconnect_interval=0s`, `keep_alive_interval=0s`, `qos=0`, `topic=`, `username=`,
	} {
		if !strings.Contains(got, " "+key+" ") {
			t.Errorf("%q lacks %s", got, key)
		}
	}
	typed(t, mc, `mc admin config set myminio notify_mqtt:1 broker="tcp://localhost:`+port+
		`" password="" queue_dir="" queue_limit="0" reconnect_interval="0s"  keep_alive_interval="0s" qos="1" topic="minio" username=""`)
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	if want := "SQS ARNs: arn:minio:sqs::1:mqtt"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	typed(t, mc, "mc mb myminio/images")
	typed(t, mc, "mc event add  myminio/images arn:minio:sqs::1:mqtt --suffix .jpg")
	const list = `arn:minio:sqs::1:mqtt   s3:ObjectCreated:*,s3:ObjectRemoved:*,s3:ObjectAccessed:*   Filter: suffix=".jpg"`
	if got := strings.TrimSpace(typed(t, mc, "mc event list myminio/images")); got != list {
		t.Errorf("event list: %q, want %q", got, list)
	}
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

// TestMQTTChapterByEnvironment configures by variables alone, over TLS and with
// a password.
func TestMQTTChapterByEnvironment(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartMosquitto(t)
	output, _ := startSubscriber(t, broker)
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_NOTIFY_MQTT_ENABLE_1=on", "MINIO_NOTIFY_MQTT_BROKER_1=tls://" + broker.TLS, "MINIO_NOTIFY_MQTT_TOPIC_1=minio",
		"MINIO_NOTIFY_MQTT_QOS_1=2", "MINIO_NOTIFY_MQTT_USERNAME_1=" + brokertest.Login, "MINIO_NOTIFY_MQTT_PASSWORD_1=" + brokertest.Password,
		"CARILLON_NOTIFY_MQTT_CERT_AUTHORITY_1=" + broker.Certs.CA, "MINIO_NOTIFY_MQTT_KEEP_ALIVE_INTERVAL_1=5s",
	}})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/images")
	mc.OK("event", "add", "myminio/images", "arn:minio:sqs::1:mqtt", "--event", "put")
	mc.OK("cp", picture(t), "myminio/images/secret.jpg")
	output.WaitFor(t, `"Key":"images/secret.jpg"`)
	if text := server.Output.String(); strings.Contains(text, brokertest.Password) {
		t.Errorf("the log shows the password:\n%s", text)
	}
}
