package nats_test

import (
	"slices"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/payload"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

// TestPayloads: a stream holds events in whatever form, and a second attempt is
// no second event.
func TestPayloads(t *testing.T) {
	t.Parallel()
	s := startStream(t, brokertest.NATSOpen, events())
	tgt := openTarget(t, s.values, target.Env{})
	var want []targettest.Received
	for i, form := range []target.Body{target.AWS, target.EventBridge, target.CloudEvents} {
		m := put(i+1, 10)
		payload.Encoder{Events: &event.Encoder{}}.Fill(&m, form, m.Record, event.Place{Stamp: 1_700_000_000_000_000_000})
		send(t, tgt, m)
		send(t, tgt, m)
		want = append(want, targettest.Received{ID: m.ID, Body: string(m.Body)})
	}
	if got := s.Received(t); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
