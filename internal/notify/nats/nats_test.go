package nats_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/nats"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func openTarget(t testing.TB, values map[string]string, env target.Env) target.Target {
	t.Helper()
	kind := nats.Kind()
	settings := kind.New()
	if err := config.Decode(settings, values); err != nil {
		t.Fatal(err)
	}
	tgt, err := kind.Open(settings, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tgt.Close() })
	return tgt
}

// put is the event of a new object, with metadata of a size.
func put(seq, pad int) target.Message {
	rec := &event.Record{
		Name: event.ObjectCreatedPut, Bucket: "b", Key: fmt.Sprint("k", seq), Post: &event.State{},
		UserMetadata: map[string]string{"X-Amz-Meta-Pad": strings.Repeat("p", pad)},
	}
	at := event.Place{Epoch: 1, Sequence: uint64(seq), Stamp: uint64(time.Date(2026, 11, 23, 4, 8, 11, seq, time.UTC).UnixNano())}
	return target.Message{
		ID: event.EventID(at), Key: rec.ResourceKey(), Record: rec, Time: at.Time(), Sequencer: event.Sequencer(rec, at), Attempt: 1,
		Body: (&event.Encoder{}).AppendEnvelope(nil, rec, at),
	}
}

func send(t *testing.T, tgt target.Target, msgs ...target.Message) {
	t.Helper()
	if err := tgt.Send(t.Context(), msgs); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// serverLimit is NATS's max_payload, unless it is configured.
const serverLimit = 1 << 20

// TestTooLargeIsRefusedForGood, and the rest of the batch arrives.
func TestTooLargeIsRefusedForGood(t *testing.T) {
	t.Parallel()
	small := events()
	small.MaxMsgSize = 4096
	tests := map[string]struct {
		start func(*testing.T) (map[string]string, func(*testing.T) int)
		pad   int
		want  string
	}{
		"core": {
			func(t *testing.T) (map[string]string, func(*testing.T) int) {
				s := startCore(t, brokertest.NATSOpen)
				return s.values, func(t *testing.T) int { return len(s.Received(t)) }
			}, serverLimit, "max_payload",
		},
		"JetStream": {
			func(t *testing.T) (map[string]string, func(*testing.T) int) {
				s := startStream(t, brokertest.NATSOpen, events())
				return s.values, func(t *testing.T) int { return len(s.Received(t)) }
			}, serverLimit, "max_payload",
		},
		"JetStream with a bound of the stream": {
			func(t *testing.T) (map[string]string, func(*testing.T) int) {
				s := startStream(t, brokertest.NATSOpen, small)
				return s.values, func(t *testing.T) int { return len(s.Received(t)) }
			}, 5000, "message size exceeds maximum allowed",
		},
		"NATS Streaming": {
			func(t *testing.T) (map[string]string, func(*testing.T) int) {
				s := startSTAN(t)
				return s.values, func(t *testing.T) int { return len(s.Received(t)) }
			}, serverLimit, "max_payload",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values, received := tt.start(t)
			tgt := openTarget(t, values, target.Env{})
			err := tgt.Send(t.Context(), []target.Message{put(1, 0), put(2, tt.pad), put(3, 0)})
			var some *target.BatchError
			if !errors.As(err, &some) || len(some.Failed) != 1 || !target.IsPermanent(some.Failed[1]) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one permanent of %s", err, tt.want)
			}
			send(t, tgt, put(4, 0))
			if n := received(t); n != 3 {
				t.Errorf("%d events arrived, want 3", n)
			}
		})
	}
}

// TestLargestBody is the largest that a server takes by default.
func TestLargestBody(t *testing.T) {
	t.Parallel()
	s := startStream(t, brokertest.NATSOpen, events())
	const header = 100 // the event's id has to fit too
	m := put(1, serverLimit-len(put(1, 0).Body)-header)
	send(t, openTarget(t, s.values, target.Env{}), m)
	if got := s.Received(t); len(got) != 1 || got[0].Body != string(m.Body) {
		t.Errorf("%d events arrived, want the one", len(got))
	}
}

// TestForbiddenSubject: the server says so on the side, and the Send fails at
// once. It is the operator's to mend, so nothing is parked.
func TestForbiddenSubject(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"core", "jetstream"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			n := brokertest.StartNATS(t, brokertest.NATSLimited)
			values := map[string]string{
				"address": n.Address, "subject": "forbidden", "username": brokertest.Login, "password": brokertest.Password,
			}
			if mode == "jetstream" {
				values["jetstream"] = "on"
			}
			tgt := openTarget(t, values, target.Env{})
			err := tgt.Send(t.Context(), []target.Message{put(1, 0)})
			var some *target.BatchError
			if err == nil || target.IsPermanent(err) || errors.As(err, &some) || !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
				t.Errorf("error %v, want a permissions violation of the whole target", err)
			}
		})
	}
}

// TestStreamDropsDuplicates by the event's id.
func TestStreamDropsDuplicates(t *testing.T) {
	t.Parallel()
	s := startStream(t, brokertest.NATSOpen, events())
	tgt := openTarget(t, s.values, target.Env{})
	send(t, tgt, put(1, 0), put(2, 0))
	send(t, tgt, put(1, 0), put(2, 0), put(3, 0))
	if got := s.Received(t); len(got) != 3 {
		t.Errorf("the stream has %d events, want 3", len(got))
	}
}

// TestFullStreamIsTheTargetsTrouble: it takes events again when there is room.
func TestFullStreamIsTheTargetsTrouble(t *testing.T) {
	t.Parallel()
	full := events()
	full.MaxMsgs, full.Discard = 1, jetstream.DiscardNew
	s := startStream(t, brokertest.NATSOpen, full)
	tgt := openTarget(t, s.values, target.Env{})
	send(t, tgt, put(1, 0))
	err := tgt.Send(t.Context(), []target.Message{put(2, 0)})
	if err == nil || target.IsPermanent(err) || !strings.Contains(err.Error(), "maximum messages exceeded") {
		t.Fatalf("error %v", err)
	}
	if err := s.stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(t, tgt, put(2, 0))
}

// TestCheckLooksForTheStream, without sending to it.
func TestCheckLooksForTheStream(t *testing.T) {
	t.Parallel()
	s := startStream(t, brokertest.NATSOpen, nil)
	tgt := openTarget(t, s.values, target.Env{})
	if err := tgt.(target.Checker).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "no stream") {
		t.Errorf("without a stream: %v", err)
	}
	if _, err := s.js.CreateStream(t.Context(), *events()); err != nil {
		t.Fatal(err)
	}
	if err := tgt.(target.Checker).Check(t.Context()); err != nil {
		t.Errorf("with a stream: %v", err)
	}
}

// TestUserWhoMayOnlyPublish gets acknowledgements and passes the check, though
// it may not ask for streams.
func TestUserWhoMayOnlyPublish(t *testing.T) {
	t.Parallel()
	n := brokertest.StartNATS(t, brokertest.NATSLimited)
	owner := consume(t, n.Address, natsgo.UserInfo(brokertest.NATSOwner, brokertest.Password))
	js, err := jetstream.New(owner)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), *events()); err != nil {
		t.Fatal(err)
	}
	tgt := openTarget(t, map[string]string{
		"address": n.Address, "subject": subject, "jetstream": "on", "username": brokertest.Login, "password": brokertest.Password,
	}, target.Env{})
	send(t, tgt, put(1, 0))
	if err := tgt.(target.Checker).Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
}

// TestRestartBetweenSendsCostsNoFailure: the loss of the connection is noticed
// when it happens.
func TestRestartBetweenSendsCostsNoFailure(t *testing.T) {
	t.Parallel()
	s := startCore(t, brokertest.NATSOpen)
	tgt := openTarget(t, s.values, target.Env{})
	send(t, tgt, put(1, 0))
	s.Kill(t)
	if err := tgt.Send(t.Context(), []target.Message{put(2, 0)}); err == nil {
		t.Error("a send to nobody succeeded")
	}
	s.Start(t)
	send(t, tgt, put(2, 0))
}
