package consumers

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// broker is what stands between a server and a program.
type broker struct {
	settings []string // of the target
	env      string   // tells the program where it is
	// forget, if not nil, waits until the broker takes an event's id again.
	forget func(*testing.T)
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		program, kind string
		start         func(*testing.T) broker
	}{
		{"consume_webhook.py", "webhook", startWebhook},
		{"consume_amqp.py", "amqp", startAMQP},
		{"consume_mqtt.py", "mqtt", startMQTT},
		{"consume_kafka.py", "kafka", startKafka},
		{"consume_nats.py", "nats", startNATS},
		{"consume_jetstream.py", "nats", startJetStream},
		{"consume_nsq.py", "nsq", startNSQ},
		{"consume_redis.py", "redis", startRedis},
	}
	for _, tt := range tests {
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			b := tt.start(t)
			database := "EVENTS_DB=" + filepath.Join(t.TempDir(), "events.db")
			output := harness.StartConsumer(t, "docs/examples/"+tt.program, "ready", b.env, database)
			server := start(t, tt.kind, b.settings...)
			happen(t, server, tt.kind)
			wait(t, output, firstEvents)
			waitDelivered(t, server)
			if b.forget != nil {
				b.forget(t)
			}
			replay(t, server, tt.kind)
			wait(t, output, firstEvents+allEvents)
			wantHandled(t, output)
			wantNewest(t, database)
		})
	}
}

// handled are the lines in which the program says what it did, without the last
// if that is not whole, in the order of their letters: brokers keep the order of
// a key at most.
func handled(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if strings.HasSuffix(line, "\n") && (strings.HasPrefix(line, "new ") || strings.HasPrefix(line, "again ")) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	slices.Sort(lines)
	return lines
}

// wait waits until the program has taken n events.
func wait(t *testing.T, output *harness.Log, n int) {
	t.Helper()
	output.Wait(t, "all events", func(text string) bool { return len(handled(text)) >= n })
}

// wantNewest: the table of keys tells of what is in the bucket.
func wantNewest(t *testing.T, database string) {
	t.Helper()
	python := harness.Tool(t, harness.EnvConsumers, "consumers/*/bin/python3")
	got, err := run(t, []string{database, "PYTHONDONTWRITEBYTECODE=1"}, python, example(t, "events.py"))
	if err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	want := []string{
		`["photos/a b+\u00fc.txt", "s3:ObjectCreated:Put"]`,
		`["photos/cat.jpg", "s3:ObjectRemoved:Delete"]`,
		`["photos/dog.jpg", "s3:ObjectRemoved:Delete"]`,
	}
	if diff := cmp.Diff(want, strings.Split(got, "\n")); diff != "" {
		t.Errorf("the newest of each key (-want +got):\n%s", diff)
	}
}

// wantHandled: each event once, and then those of the first time again.
func wantHandled(t *testing.T, output *harness.Log) {
	t.Helper()
	want := []string{
		"again s3:ObjectCreated:Put photos/" + odd,
		"again s3:ObjectCreated:Put photos/dog.jpg",
		"again s3:ObjectRemoved:Delete photos/cat.jpg",
		"again s3:ObjectRemoved:Delete photos/dog.jpg",
		"new s3:ObjectCreated:Put photos/" + odd,
		"new s3:ObjectCreated:Put photos/cat.jpg",
		"new s3:ObjectCreated:Put photos/dog.jpg",
		"new s3:ObjectRemoved:Delete photos/cat.jpg",
		"new s3:ObjectRemoved:Delete photos/dog.jpg",
	}
	if diff := cmp.Diff(want, handled(output.String())); diff != "" {
		t.Errorf("what the program did (-want +got):\n%s", diff)
	}
}

func startWebhook(t *testing.T) broker {
	_, port, _ := strings.Cut(harness.FreeAddress(t), ":")
	return broker{settings: []string{"endpoint=http://127.0.0.1:" + port}, env: "PORT=" + port}
}

func startAMQP(t *testing.T) broker {
	url := "amqp://" + brokertest.Login + ":" + brokertest.Password + "@" + brokertest.StartRabbitMQ(t).Address
	return broker{[]string{"url=" + url, "exchange=bucketevents", "exchange_type=fanout", "durable=on", "delivery_mode=2"}, "AMQP_URL=" + url, nil}
}

func startMQTT(t *testing.T) broker {
	address := brokertest.StartMosquitto(t).Open
	_, port, _ := strings.Cut(address, ":")
	return broker{[]string{"broker=tcp://" + address, "topic=minio", "qos=1"}, "MQTT_PORT=" + port, nil}
}

func startKafka(t *testing.T) broker {
	server := brokertest.StartKafka(t)
	address := server.Plain
	harness.Poll(t, "the topic", func() error { // kcat makes it by asking
		out, err := run(t, nil, server.Cat, "-L", "-b", address, "-t", "bucketevents", "-X", "allow.auto.create.topics=true")
		if err != nil || !strings.Contains(out, "partition 0, leader 1") {
			return fmt.Errorf("kcat: %w: %s", err, out)
		}
		return nil
	})
	return broker{[]string{"brokers=" + address, "topic=bucketevents"}, "KAFKA_BROKERS=" + address, nil}
}

func startNATS(t *testing.T) broker {
	address := brokertest.StartNATS(t, brokertest.NATSOpen).Address
	return broker{[]string{"address=" + address, "subject=bucketevents"}, "NATS_URL=nats://" + address, nil}
}

// startJetStream has a stream with the shortest window for duplicates that a
// server takes, so that they come to the program.
func startJetStream(t *testing.T) broker {
	const probe = "probe"
	b := startNATS(t)
	b.settings = append(b.settings, "jetstream=on")
	_, url, _ := strings.Cut(b.env, "=")
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	conf := jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"bucketevents", probe}, Duplicates: 100 * time.Millisecond}
	if _, err := js.CreateStream(t.Context(), conf); err != nil {
		t.Fatal(err)
	}
	b.forget = func(t *testing.T) {
		seen := false // whether the server took the probe, behind the events
		harness.Poll(t, "the end of the window", func() error {
			ack, err := js.Publish(t.Context(), probe, nil, jetstream.WithMsgID(probe))
			if err != nil {
				return err
			}
			if !seen || ack.Duplicate {
				seen = true
				return errors.New("the server still knows the probe")
			}
			return nil
		})
	}
	return b
}

func startNSQ(t *testing.T) broker {
	address := brokertest.StartNSQ(t, false).Address
	return broker{[]string{"nsqd_address=" + address, "topic=minio"}, "NSQD=" + address, nil}
}

func startRedis(t *testing.T) broker {
	address := brokertest.StartRedis(t).Address
	return broker{
		[]string{"address=" + address, "password=" + brokertest.Password, "key=bucketevents", "format=access"},
		"REDIS_URL=redis://:" + brokertest.Password + "@" + address, nil,
	}
}
