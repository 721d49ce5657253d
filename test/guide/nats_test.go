package guide

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/stan.go"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// natsConsumer connects as the guide's sample programs do.
func natsConsumer(t *testing.T, address string) *natsgo.Conn {
	t.Helper()
	nc, err := natsgo.Connect("nats://" + brokertest.Login + ":" + brokertest.Password + "@" + address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// natsLine is the guide's line with a subject, and with the address and the
// credentials of another server.
func natsLine(address, subject, more string) string {
	return `mc admin config set myminio notify_nats:1 password="` + brokertest.Password + `" streaming_max_pub_acks_in_flight="10" subject="` +
		subject + `" address="` + address + `"  token="" username="` + brokertest.Login +
		`" ping_interval="0" queue_limit="0" tls="off" streaming_async="on" queue_dir="" streaming_cluster_id="test-cluster" ` + more
}

// natsRule is step 2 of the chapter.
func natsRule(t *testing.T, mc *harness.MC) {
	t.Helper()
	typed(t, mc, "mc mb myminio/images")
	typed(t, mc, "mc event add myminio/images arn:minio:sqs::1:nats --suffix .jpg")
	if got := typed(t, mc, "mc event list myminio/images"); !strings.Contains(got, "arn:minio:sqs::1:nats") || !strings.Contains(got, `suffix=".jpg"`) {
		t.Errorf("event list: %q", got)
	}
}

// wantMessage waits for the message of a name, past those of reads.
func wantMessage(t *testing.T, messages <-chan string, name string) {
	t.Helper()
	timeout := time.After(harness.Patience)
	for {
		select {
		case m := <-messages:
			var body struct{ EventName, Key string }
			if err := json.Unmarshal([]byte(m), &body); err != nil || body.Key != "images/images.jpg" {
				t.Fatalf("the message is %s: %v", m, err)
			}
			if body.EventName == name {
				return
			}
			if !strings.HasPrefix(body.EventName, "s3:ObjectAccessed:") {
				t.Fatalf("the event is %s, want %s", body.EventName, name)
			}
		case <-timeout:
			t.Fatalf("waited in vain for %s", name)
		}
	}
}

// TestNATSChapter is the chapter with a NATS server.
func TestNATSChapter(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartNATS(t, brokertest.NATSUser)
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	got := typed(t, mc, "mc admin config get myminio/ notify_nats")
	if want := "notify_nats enable=off address= subject= username= password= token= tls=off tls_skip_verify=off cert_authority= client_cert= client_key= " +
		"ping_interval=0 jetstream=off streaming=off streaming_async=off streaming_max_pub_acks_in_flight=0 queue_dir= queue_limit=0 "; !strings.HasPrefix(got, want) {
		t.Errorf("config get prints %q, want %q", got, want)
	}
	typed(t, mc, natsLine(broker.Address, "bucketevents", `streaming_enable="off"`))
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	if want := "SQS ARNs: arn:minio:sqs::1:nats"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	natsRule(t, mc)
	messages := make(chan string, 100)
	consumer := natsConsumer(t, broker.Address)
	if _, err := consumer.Subscribe("bucketevents", func(m *natsgo.Msg) { messages <- string(m.Data) }); err != nil {
		t.Fatal(err)
	}
	if err := consumer.Flush(); err != nil {
		t.Fatal(err)
	}
	typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	wantMessage(t, messages, "s3:ObjectCreated:Put")
	typed(t, mc, "mc rm myminio/images/images.jpg")
	wantMessage(t, messages, "s3:ObjectRemoved:Delete")
}

// TestNATSChapterStreaming is the chapter with a NATS Streaming server. The
// guide's line has an empty subject, which no server can publish on.
func TestNATSChapterStreaming(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartSTAN(t)
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	if r := mc.Shell(natsLine(broker.Address, "", `streaming_enable="on"`)); r.Code == 0 || !strings.Contains(r.Output(), "subject: a value is required") {
		t.Errorf("with an empty subject: exit %d\n%s", r.Code, r.Output())
	}
	typed(t, mc, natsLine(broker.Address, "bucketevents", `streaming_enable="on"`))
	if got := typed(t, mc, "mc admin config get myminio/ notify_nats"); !strings.Contains(got, "streaming=on") || strings.Contains(got, brokertest.Password) {
		t.Errorf("after set: %q", got)
	}
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	natsRule(t, mc)
	typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	typed(t, mc, "mc rm myminio/images/images.jpg")

	sc, err := stan.Connect("test-cluster", "test-client", stan.NatsConn(natsConsumer(t, broker.Address)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sc.Close() }() // it was read
	messages := make(chan string, 100)
	if _, err := sc.Subscribe("bucketevents", func(m *stan.Msg) { messages <- string(m.Data) }, stan.DeliverAllAvailable()); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, messages, "s3:ObjectCreated:Put")
	wantMessage(t, messages, "s3:ObjectRemoved:Delete")
}

// TestNATSJetStream, by environment.
func TestNATSJetStream(t *testing.T) {
	t.Parallel()
	broker := brokertest.StartNATS(t, brokertest.NATSMutual)
	conf, err := broker.Certs.ClientTLS()
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := natsgo.Connect("nats://"+broker.Address, natsgo.UserInfo(brokertest.Login, brokertest.Password), natsgo.Secure(conf))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(consumer.Close)
	js, err := jetstream.New(consumer)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"bucketevents"}})
	if err != nil {
		t.Fatal(err)
	}
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_NOTIFY_NATS_ENABLE_1=on", "MINIO_NOTIFY_NATS_ADDRESS_1=" + broker.Address, "MINIO_NOTIFY_NATS_SUBJECT_1=bucketevents",
		"MINIO_NOTIFY_NATS_USERNAME_1=" + brokertest.Login, "MINIO_NOTIFY_NATS_PASSWORD_1=" + brokertest.Password,
		"MINIO_NOTIFY_NATS_JETSTREAM_1=on", "MINIO_NOTIFY_NATS_TLS_1=on", "MINIO_NOTIFY_NATS_CERT_AUTHORITY_1=" + broker.Certs.CA,
		"MINIO_NOTIFY_NATS_CLIENT_CERT_1=" + broker.Certs.ClientCert, "MINIO_NOTIFY_NATS_CLIENT_KEY_1=" + broker.Certs.ClientKey,
	}})
	mc := harness.NewMC(t).Alias("myminio", server)
	natsRule(t, mc)
	typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	reader, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		m, err := reader.Next(jetstream.FetchMaxWait(harness.Patience))
		if err != nil {
			t.Fatal(err)
		}
		if m.Headers().Get(natsgo.MsgIdHdr) == "" {
			t.Errorf("a message has no id: %v", m.Headers())
		}
		if strings.Contains(string(m.Data()), `{"EventName":"s3:ObjectCreated:Put","Key":"images/images.jpg"`) {
			return
		}
	}
}
