package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// kafkaTopic is made when it is first used, with several partitions: each key
// has one, so its events are in order.
const kafkaTopic = "bucketevents"

// kafka is a topic, read with kcat from its first record on.
func kafka(t *testing.T) broker {
	t.Helper()
	server := brokertest.StartKafka(t, "num.partitions=3")
	return broker{
		name: "kafka", process: server.Process, arn: "arn:minio:sqs::1:kafka",
		env: []string{
			"MINIO_NOTIFY_KAFKA_ENABLE_1=on", "MINIO_NOTIFY_KAFKA_BROKERS_1=" + server.Plain,
			"MINIO_NOTIFY_KAFKA_TOPIC_1=" + kafkaTopic,
		},
		arrived: func(t testing.TB) ([]seen, error) { return kafkaRecords(t, server) },
	}
}

func kafkaRecords(t testing.TB, server *brokertest.Kafka) ([]seen, error) {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	cmd := exec.CommandContext(ctx, server.Cat, "-C", "-q", "-e", "-J", "-b", server.Plain, "-t", kafkaTopic)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("kcat: %w\n%s", err, &errs)
	}
	var all []seen
	for records := json.NewDecoder(bytes.NewReader(out)); records.More(); {
		var record struct {
			Headers []string // names and values in turn
			Payload string
		}
		if err := records.Decode(&record); err != nil {
			return nil, fmt.Errorf("kcat: %w", err)
		}
		if len(record.Headers) != 2 || record.Headers[0] != "event-id" {
			return nil, fmt.Errorf("a record has the headers %q", record.Headers)
		}
		s, err := parseEvent([]byte(record.Payload), record.Headers[1])
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}
