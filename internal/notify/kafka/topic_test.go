package kafka_test

import (
	"fmt"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// TestNewTopic: the first events of a topic that the brokers have yet to make are
// taken at once, and do not fail until it is there.
func TestNewTopic(t *testing.T) {
	broker := brokertest.StartKafka(t, fmt.Sprintf("num.partitions=%d", partitions))
	newTopic(t, broker, nil) // waits until the broker has started wholly
	for n := range 5 {
		h := &topic{broker: broker, name: fmt.Sprintf("new-%d", n)}
		h.values = map[string]string{"brokers": broker.Plain, "topic": h.name}
		tgt := openTarget(t, h)
		batch := make([]target.Message, 1000)
		for i := range batch {
			batch[i] = target.Message{ID: fmt.Sprint(i), Key: fmt.Sprintf("b/k%d", i), Body: []byte("{}")}
		}
		if err := send(t, tgt, batch...); err != nil {
			t.Errorf("topic %d: %v", n, err)
			continue
		}
		if got := len(h.read(t)); got != len(batch) {
			t.Errorf("topic %d has %d records, want %d", n, got, len(batch))
		}
	}
}
