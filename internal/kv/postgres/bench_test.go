package postgres_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/postgres"
)

// putLike is a batch of the shape of a small PUT: the object's bytes in a key
// of their own, two metadata keys, a journal record, an outbox entry, and a
// requirement on the object's key.
func putLike(s *postgres.Store, n uint64, body []byte) (*kv.Batch, error) {
	name := binary.BigEndian.AppendUint64([]byte("c/bucket/"), n*0x9e3779b97f4a7c15)
	seen, err := s.Get(context.Background(), name)
	if err != nil {
		return nil, err
	}
	var batch kv.Batch
	meta := body[:300]
	batch.Require(name, seen)
	a := batch.Append(kv.LogID(n%64), body[:500])
	batch.Set(name, meta)
	batch.Set(append([]byte("v/bucket/12345678"), name...), meta, kv.Fill{Append: a, Field: kv.InvertedStamp, InKey: true, Offset: 9})
	batch.Set(append([]byte("d/"), name...), body)
	batch.Set([]byte("q/target/00/12345678"), nil, kv.Fill{Append: a, Field: kv.Sequence, InKey: true, Offset: 12})
	return &batch, nil
}

func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, fresh(b))
			body := make([]byte, 4096)
			_, _ = rand.NewChaCha8([32]byte{}).Read(body)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						batch, err := putLike(s, uint64(n), body)
						if err == nil {
							_, err = s.Commit(context.Background(), batch)
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}

func BenchmarkGet(b *testing.B) {
	s := open(b, fresh(b))
	persist(b, s, entryWithRecord("k"))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Get(context.Background(), []byte("k")); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkScanPage reads 1,000 entries: keys of 10,000, or groups of ten keys.
func BenchmarkScanPage(b *testing.B) {
	s := open(b, fresh(b))
	for i := range 100 {
		var batch kv.Batch
		for j := range 1000 {
			batch.Set(fmt.Appendf(nil, "c/bucket/%05d/%d", i*100+j/10, j%10), make([]byte, 300))
		}
		persist(b, s, &batch)
	}
	for _, delimiter := range []string{"", "/"} {
		b.Run("delimiter="+delimiter, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				r := kv.Range{Start: []byte("c/bucket/05"), Delimiter: []byte(delimiter), DelimiterFrom: len("c/bucket/")}
				for _, err := range s.Scan(context.Background(), r) {
					if err != nil {
						b.Fatal(err)
					}
					if n++; n == 1000 {
						break
					}
				}
			}
		})
	}
}
