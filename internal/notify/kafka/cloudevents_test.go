package kafka_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/payload"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// testCloudEvents: a consumer knows the mode by the header content-type, and in
// binary mode finds the attributes beside it.
func testCloudEvents(broker *brokertest.Kafka) func(*testing.T) {
	return func(t *testing.T) {
		h := newTopic(t, broker, nil)
		tgt := openTarget(t, h)
		at := event.Place{Epoch: 0xfeed, Partition: 3, Sequence: 7, Stamp: 1_700_000_000_000_000_000}
		rec := &event.Record{Name: event.ObjectCreatedPut, Bucket: "images", Key: "a b"}
		id := event.EventID(at)
		binary := []string{
			"event-id", id, "content-type", "application/json", "ce_specversion", "1.0", "ce_id", id, "ce_source", "minio:s3.us-east-1.images",
			"ce_type", "com.amazonaws.s3.ObjectCreated:Put", "ce_time", "2023-11-14T22:13:20Z", "ce_subject", "a+b",
		}
		want := [][]string{{"event-id", id, "content-type", "application/cloudevents+json"}, binary, {"event-id", id}}
		var bodies []string
		for _, form := range []target.Body{target.CloudEvents, target.CloudEventsBinary, target.AWS} {
			m := target.Message{ID: id, Key: rec.ResourceKey(), Record: rec}
			payload.Encoder{Events: &event.Encoder{}}.Fill(&m, form, rec, at)
			if err := send(t, tgt, m); err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, string(m.Body))
		}
		for i, r := range h.read(t) {
			if diff := cmp.Diff(want[i], r.Headers); diff != "" {
				t.Errorf("record %d: headers (-want +got):\n%s", i, diff)
			}
			if r.Payload != bodies[i] {
				t.Errorf("record %d: %s, want %s", i, r.Payload, bodies[i])
			}
		}
	}
}
