package amqp

import (
	"sync"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
)

// BenchmarkSend publishes persistent messages of a usual size to a durable
// queue, by all senders in full batches. An operation is one event.
func BenchmarkSend(b *testing.B) {
	server := brokertest.StartRabbitMQ(b)
	for name, size := range map[string]int{"1 KiB": 1 << 10} {
		b.Run(name, func(b *testing.B) {
			x := newExchange(b, server).target(b)
			batch := puts(maxBatch, size)
			var wg sync.WaitGroup
			for range senders {
				wg.Go(func() {
					for range b.N / maxBatch / senders {
						if err := x.Send(b.Context(), batch); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N/maxBatch/senders*maxBatch*senders)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
