package nats_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/nats"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// BenchmarkSend sends full batches of events near 1 KiB: into streams, and on a
// subject without subscribers.
func BenchmarkSend(b *testing.B) {
	tests := map[string]struct {
		jetStream string
		storage   jetstream.StorageType
	}{
		"core":             {"off", 0},
		"stream in files":  {"on", jetstream.FileStorage},
		"stream in memory": {"on", jetstream.MemoryStorage},
	}
	for name, tt := range tests {
		b.Run(name, func(b *testing.B) {
			n := brokertest.StartNATS(b, brokertest.NATSOpen)
			if tt.jetStream == "on" {
				js, err := jetstream.New(consume(b, n.Address))
				if err != nil {
					b.Fatal(err)
				}
				conf := events()
				conf.Storage, conf.MaxMsgs = tt.storage, 10_000
				if _, err := js.CreateStream(b.Context(), *conf); err != nil {
					b.Fatal(err)
				}
			}
			tgt := openTarget(b, map[string]string{"address": n.Address, "subject": subject, "jetstream": tt.jetStream}, target.Env{})
			batch := make([]target.Message, nats.Kind().Traits(nats.Kind().New()).MaxBatch)
			sent := 0
			for b.Loop() {
				for i := range batch {
					batch[i] = put(sent, 0)
					sent++
				}
				if err := tgt.Send(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
