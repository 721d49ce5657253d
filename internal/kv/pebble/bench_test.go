package pebble_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
)

func openBench(b *testing.B) *pebble.Store {
	b.Helper()
	s, err := pebble.Open(pebble.Options{Dir: b.TempDir(), BallastBytes: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// putLike is a batch of the shape of a small PUT: the object's bytes in a key
// of their own, two metadata keys, a journal record, an outbox entry, and a
// requirement on the object's key.
func putLike(s *pebble.Store, n uint64, body []byte) (*kv.Batch, error) {
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
			s := openBench(b)
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
	s := openBench(b)
	const keys = 10_000
	for i := range keys {
		var batch kv.Batch
		batch.Set(fmt.Appendf(nil, "c/bucket/key-%d", i), make([]byte, 300))
		if err := s.CommitRelaxed(context.Background(), &batch, nil); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := s.Commit(context.Background(), new(kv.Batch)); err != nil {
		b.Fatal(err)
	}
	var names [keys][]byte
	for i := range names {
		names[i] = fmt.Appendf(nil, "c/bucket/key-%d", i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := s.Get(context.Background(), names[i%keys]); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkScanPage(b *testing.B) {
	s := openBench(b)
	for i := range 10_000 {
		var batch kv.Batch
		batch.Set(fmt.Appendf(nil, "c/bucket/key-%05d", i), make([]byte, 300))
		if err := s.CommitRelaxed(context.Background(), &batch, nil); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := s.Commit(context.Background(), new(kv.Batch)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range s.Scan(context.Background(), kv.Range{Start: []byte("c/bucket/key-05")}) {
			if n++; n == 1000 || err != nil {
				break
			}
		}
	}
}
