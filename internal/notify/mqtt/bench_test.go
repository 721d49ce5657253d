package mqtt

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// BenchmarkSend publishes full batches of messages of 1 KiB to a Mosquitto that
// has no subscriber, so it is our side and the broker's handshakes.
func BenchmarkSend(b *testing.B) {
	for qos := range 3 {
		b.Run(fmt.Sprintf("QoS %d", qos), func(b *testing.B) {
			server := brokertest.StartMosquitto(b)
			settings := &Settings{Broker: "tcp://" + server.Open, Topic: "minio", QoS: qos}
			tp, err := open(settings, target.Env{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = tp.Close() }()
			batch := messages(settings.maxBatch())
			for i := range batch {
				batch[i].Body = bytes.Repeat([]byte("x"), 1<<10)
			}
			n := 0
			for b.Loop() {
				if err := tp.Send(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				n += len(batch)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
