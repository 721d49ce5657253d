package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/kafka"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func openTarget(t *testing.T, h *topic) target.Target {
	t.Helper()
	kind := kafka.Kind()
	s := kind.New()
	if err := config.Decode(s, h.Values()); err != nil {
		t.Fatal(err)
	}
	tgt, err := kind.Open(s, target.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tgt.Close() })
	return tgt
}

func send(t *testing.T, tgt target.Target, batch ...target.Message) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), adminTimeout)
	defer cancel()
	return tgt.Send(ctx, batch)
}

// testTooLarge: of a batch, those records are refused for good that the topic
// does not take, and no others with them, nor is any other sent twice.
func testTooLarge(broker *brokertest.Kafka) func(*testing.T) {
	return func(t *testing.T) {
		h := newTopic(t, broker, map[string]string{"max.message.bytes": "3000"})
		tgt := openTarget(t, h)
		batch := make([]target.Message, 50)
		for i := range batch {
			batch[i] = target.Message{ID: fmt.Sprint(i), Key: fmt.Sprint("bucket/", i), Body: []byte(strings.Repeat("x", 500))}
		}
		large := map[int]bool{0: true, 7: true, 49: true}
		for i := range large {
			batch[i].Body = []byte(strings.Repeat("x", 4000))
		}
		var some *target.BatchError
		if err := send(t, tgt, batch...); !errors.As(err, &some) {
			t.Fatalf("send: %v", err)
		}
		for i, err := range some.Failed {
			if !large[i] || !target.IsPermanent(err) || !strings.Contains(err.Error(), "MESSAGE_TOO_LARGE") {
				t.Errorf("member %d: permanent %v: %v", i, target.IsPermanent(err), err)
			}
		}
		if len(some.Failed) != len(large) {
			t.Errorf("%d members failed, want %d", len(some.Failed), len(large))
		}
		times := make(map[string]int)
		for _, r := range h.Received(t) {
			times[r.ID]++
		}
		for i, m := range batch {
			want := 1
			if large[i] {
				want = 0
			}
			if times[m.ID] != want {
				t.Errorf("member %d arrived %d times, want %d", i, times[m.ID], want)
			}
		}
		if err := send(t, tgt, batch[7]); !errors.As(err, &some) || !target.IsPermanent(some.Failed[0]) {
			t.Errorf("alone: %v", err)
		}
		// The client's own bound, that of Kafka's default.
		batch[1].Body = make([]byte, 2<<20)
		if err := send(t, tgt, batch[1]); !errors.As(err, &some) || !target.IsPermanent(some.Failed[0]) {
			t.Errorf("2 MiB: %v", err)
		}
	}
}

// testRecords reads with the client library what kcat does not show: each
// codec is the one that was asked for, the producer is idempotent, and keys have
// their partitions.
func testRecords(broker *brokertest.Kafka) func(*testing.T) {
	return func(t *testing.T) {
		want := map[string]uint8{"": 0, "none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
		partition := map[string]int32{"bucket/a": 0, "bucket/b": 1, "bucket/c": 2}
		for codec, number := range want {
			h := newTopic(t, broker, nil)
			h.values["compression_codec"] = codec
			tgt := openTarget(t, h)
			for key := range partition {
				if err := send(t, tgt, target.Message{ID: "id of " + key, Key: key, Body: []byte(strings.Repeat("{}", 5000))}); err != nil {
					t.Fatalf("%s: %v", codec, err)
				}
			}
			for _, r := range consume(t, h, len(partition)) {
				key := string(r.Key)
				if got := r.Attrs.CompressionType(); got != number {
					t.Errorf("%q: codec %d, want %d", codec, got, number)
				}
				if r.ProducerID < 0 {
					t.Errorf("%q: no producer id", codec)
				}
				if r.Partition != partition[key] {
					t.Errorf("%s is in partition %d, want %d", key, r.Partition, partition[key])
				}
				if len(r.Headers) != 1 || r.Headers[0].Key != "event-id" || string(r.Headers[0].Value) != "id of "+key {
					t.Errorf("%s has headers %v", key, r.Headers)
				}
			}
		}
	}
}

// consume reads n records with a client of its own.
func consume(t *testing.T, h *topic, n int) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), adminTimeout)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(h.broker.Plain), kgo.ConsumeTopics(h.name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var all []*kgo.Record
	for len(all) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("consume: %v", err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}
