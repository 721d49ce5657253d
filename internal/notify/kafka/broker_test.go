package kafka_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

// partitions is how many the topics of the tests have.
const partitions = 3

// adminTimeout bounds what tests ask of the broker, on a busy machine.
const adminTimeout = 60 * time.Second

// topic is a topic of its own on a broker that tests share.
type topic struct {
	broker *brokertest.Kafka
	name   string
	values map[string]string
}

// newTopic makes a topic and the settings to reach it without encryption;
// config are the topic's own, such as max.message.bytes.
func newTopic(t *testing.T, broker *brokertest.Kafka, config map[string]string) *topic {
	t.Helper()
	h := &topic{broker: broker, name: "events-" + fmt.Sprint(time.Now().UnixNano())}
	h.values = map[string]string{"brokers": broker.Plain, "topic": h.name}
	ask := kmsg.NewCreateTopicsRequestTopic()
	ask.Topic, ask.NumPartitions, ask.ReplicationFactor = h.name, partitions, 1
	for name, value := range config {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = name, &value
		ask.Configs = append(ask.Configs, c)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = append(req.Topics, ask)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Plain))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), adminTimeout)
	defer cancel()
	resp, err := req.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatalf("create topic %s: %v", h.name, err)
	}
	h.waitLed(ctx, t, client)
	return h
}

// waitLed waits until the broker leads each partition and hands out producer
// ids, which it does a little after it made a topic, or started.
func (h *topic) waitLed(ctx context.Context, t *testing.T, client *kgo.Client) {
	t.Helper()
	for p := range int32(partitions) {
		req := kmsg.NewPtrListOffsetsRequest()
		ask, part := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp = p, -1
		ask.Topic, ask.Partitions = h.name, append(ask.Partitions, part)
		req.Topics = append(req.Topics, ask)
		for {
			resp, err := req.RequestWith(ctx, client)
			if err == nil {
				err = kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
			}
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("partition %d has no leader: %v", p, err)
			}
			time.Sleep(10 * time.Millisecond) // the pace of asking
		}
	}
	if _, err := kmsg.NewPtrInitProducerIDRequest().RequestWith(ctx, client); err != nil {
		t.Fatalf("producer id: %v", err)
	}
}

func (h *topic) Values() map[string]string { return maps.Clone(h.values) }
func (h *topic) Secrets() []string         { return []string{brokertest.Password, "wrong-pass"} }
func (h *topic) Kill(*testing.T)           { h.broker.Kill() }
func (h *topic) Start(*testing.T)          { h.broker.Start() }
func (h *topic) Freeze(*testing.T)         { h.broker.Freeze() }
func (h *topic) Thaw(*testing.T)           { h.broker.Thaw() }

// read is a record as kcat prints it.
type read struct {
	Partition int32
	Offset    int64
	Headers   []string
	Key       string
	Payload   string
}

// read reads the topic to its end, partition by partition.
func (h *topic) read(t *testing.T) []read {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), adminTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.broker.Cat, "-C", "-q", "-e", "-J", "-b", h.broker.Plain, "-t", h.name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("kcat: %v\n%s", err, stderr.Bytes())
	}
	var all []read
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var r read
		if err := dec.Decode(&r); err != nil {
			t.Fatalf("kcat: %v", err)
		}
		all = append(all, r)
	}
	return all
}

func (h *topic) Received(t *testing.T) []targettest.Received {
	t.Helper()
	var all []targettest.Received
	for _, r := range h.read(t) {
		got := targettest.Received{Body: r.Payload}
		for i := 0; i+1 < len(r.Headers); i += 2 {
			if r.Headers[i] == "event-id" {
				got.ID = r.Headers[i+1]
			}
		}
		all = append(all, got)
	}
	return all
}
