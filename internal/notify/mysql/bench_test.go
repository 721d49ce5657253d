package mysql_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/mysql"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// BenchmarkSend writes events of distinct keys from as many senders as the
// settings allow.
func BenchmarkSend(b *testing.B) {
	for _, format := range []string{"namespace", "access"} {
		b.Run("MySQL/"+format, func(b *testing.B) {
			benchmarkSend(b, (&server{MySQL: brokertest.StartMySQL(b)}).newTable(format).values)
		})
		b.Run("MariaDB/"+format, func(b *testing.B) {
			benchmarkSend(b, (&server{MySQL: brokertest.StartMariaDB(b)}).newTable(format).values)
		})
	}
}

func benchmarkSend(b *testing.B, values map[string]string) {
	kind := mysql.Kind()
	settings := kind.New()
	if err := config.Decode(settings, values); err != nil {
		b.Fatal(err)
	}
	tgt, err := kind.Open(settings, target.Env{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = tgt.Close() }()
	traits := kind.Traits(settings)
	var made atomic.Uint64
	b.ResetTimer()
	b.SetParallelism(1)
	b.RunParallel(func(p *testing.PB) {
		var batch []target.Message
		flush := func() {
			if err := tgt.Send(b.Context(), batch); err != nil {
				b.Error(err)
			}
			batch = nil
		}
		for p.Next() {
			n := made.Add(1)
			h := history{sequence: n}
			if batch = append(batch, h.put(fmt.Sprintf("key-%d", n))); len(batch) == traits.MaxBatch {
				flush()
			}
		}
		flush()
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
