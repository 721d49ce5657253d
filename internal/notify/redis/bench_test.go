package redis_test

import (
	"fmt"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/redis"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// BenchmarkSend sends full batches of events near 1 KiB, to a Redis that syncs
// each command to its disk. Keys come again, so that guards compare.
func BenchmarkSend(b *testing.B) {
	for _, format := range []string{"access", "namespace"} {
		b.Run(format, func(b *testing.B) {
			broker := brokertest.StartRedis(b)
			kind := redis.Kind()
			settings := kind.New()
			if err := config.Decode(settings, map[string]string{
				"address": broker.Address, "key": key, "format": format, "user": broker.User, "password": brokertest.Password,
			}); err != nil {
				b.Fatal(err)
			}
			tgt, err := kind.Open(settings, target.Env{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = tgt.Close() }()
			batch := make([]target.Message, kind.Traits(settings).MaxBatch)
			n := 0
			for b.Loop() {
				for i := range batch {
					batch[i] = put(fmt.Sprintf("key-%d", n%20_000), n)
					n++
				}
				if err := tgt.Send(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
