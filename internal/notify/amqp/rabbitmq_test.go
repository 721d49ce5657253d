package amqp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/payload"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// TestRabbitMQ are the cases beside the suite.
func TestRabbitMQ(t *testing.T) {
	server := brokertest.StartRabbitMQ(t)
	for name, f := range map[string]func(*testing.T, *brokertest.RabbitMQ){
		"message":                    testMessage,
		"CloudEvents":                testCloudEvents,
		"too large":                  testTooLarge,
		"too large without confirms": testTooLargeWithoutConfirms,
		"some unroutable":            testSomeUnroutable,
		"mandatory off":              testMandatoryOff,
		"exchange deleted":           testExchangeDeleted,
		"exchange declared once":     testDeclaredOnce,
		"frozen under a large batch": testFrozenUnderLoad,
		"queue at its limit":         testNack,
	} {
		t.Run(name, func(t *testing.T) { f(t, server) })
	}
}

// target opens a target for the exchange.
func (b *boundExchange) target(t testing.TB) *exchange {
	t.Helper()
	s := new(Settings)
	if err := config.Decode(s, b.values); err != nil {
		t.Fatal(err)
	}
	x, err := open(s, target.Env{ID: event.TargetID{ID: "1", Type: "amqp"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

// put is an event of an object's creation.
func put(n, size int) target.Message {
	return target.Message{
		ID: fmt.Sprintf("000000000000feed-3-%d", n), Key: fmt.Sprintf("images/%d", n), Attempt: 1,
		Record: &event.Record{Name: event.ObjectCreatedPut, Bucket: "images", Key: fmt.Sprint(n)},
		Body:   bytes.Repeat([]byte("x"), size),
	}
}

func puts(n, size int) []target.Message {
	batch := make([]target.Message, n)
	for i := range batch {
		batch[i] = put(i, size)
	}
	return batch
}

// testMessage looks at all that a consumer gets.
func testMessage(t *testing.T, server *brokertest.RabbitMQ) {
	for mode, want := range map[string]uint8{"0": 0, "1": amqp091.Transient, "2": amqp091.Persistent} {
		b := newExchange(t, server, set("delivery_mode", mode))
		m := put(7, 10)
		if err := b.target(t).Send(t.Context(), []target.Message{m}); err != nil {
			t.Fatal(err)
		}
		b.consume(t, func(ch *amqp091.Channel) error {
			d, ok, err := ch.Get(b.queue, true)
			if err != nil || !ok {
				return errors.Join(err, errors.New("no message"))
			}
			headers := amqp091.Table{"minio-bucket": "images", "minio-event": "s3:ObjectCreated:Put"}
			if diff := cmp.Diff(headers, d.Headers); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if d.ContentType != "application/json" || d.MessageId != m.ID || d.DeliveryMode != want ||
				d.RoutingKey != "bucketlogs" || string(d.Body) != string(m.Body) {
				t.Errorf("mode %s: %+v", mode, d)
			}
			return nil
		})
	}
}

// testCloudEvents: attributes are headers in binary mode, and nowhere but in the
// body in structured mode.
func testCloudEvents(t *testing.T, server *brokertest.RabbitMQ) {
	for form, want := range map[target.Body]amqp091.Publishing{
		target.CloudEvents: {ContentType: "application/cloudevents+json", Headers: amqp091.Table{}},
		target.CloudEventsBinary: {ContentType: "application/json", Headers: amqp091.Table{
			"cloudEvents:specversion": "1.0", "cloudEvents:id": "000000000000feed-3-7", "cloudEvents:source": "minio:s3.us-east-1.images",
			"cloudEvents:type": "com.amazonaws.s3.ObjectCreated:Put", "cloudEvents:time": "2023-11-14T22:13:20Z", "cloudEvents:subject": "7",
		}},
	} {
		b := newExchange(t, server)
		m := put(7, 0)
		payload.Encoder{Events: &event.Encoder{}}.Fill(&m, form, m.Record, event.Place{Stamp: 1_700_000_000_000_000_000})
		if err := b.target(t).Send(t.Context(), []target.Message{m}); err != nil {
			t.Fatal(err)
		}
		want.Headers["minio-bucket"], want.Headers["minio-event"] = "images", "s3:ObjectCreated:Put"
		b.consume(t, func(ch *amqp091.Channel) error {
			d, ok, err := ch.Get(b.queue, true)
			if err != nil || !ok {
				return errors.Join(err, errors.New("no message"))
			}
			if diff := cmp.Diff(want.Headers, d.Headers); diff != "" {
				t.Errorf("form %d: headers (-want +got):\n%s", form, diff)
			}
			if d.ContentType != want.ContentType || string(d.Body) != string(m.Body) {
				t.Errorf("form %d: %s %s", form, d.ContentType, d.Body)
			}
			return nil
		})
	}
}

// testTooLarge: the broker ends the channel for a message over its bound; alone
// it is refused for good, and the others get through without it.
func testTooLarge(t *testing.T, server *brokertest.RabbitMQ) {
	b := newExchange(t, server)
	wantRefusal(t, b.target(t), b)
}

func testTooLargeWithoutConfirms(t *testing.T, server *brokertest.RabbitMQ) {
	b := newExchange(t, server, set("publisher_confirms", "off"))
	wantRefusal(t, b.target(t), b)
}

func wantRefusal(t *testing.T, x *exchange, b *boundExchange) {
	t.Helper()
	large := put(2, brokertest.MaxMessage+1)
	for name, batch := range map[string][]target.Message{"alone": {large}, "among others": {put(1, 10), large, put(3, 10)}} {
		err := x.Send(t.Context(), batch)
		if !target.IsPermanent(err) || !strings.Contains(err.Error(), "message size") {
			t.Errorf("%s: %v, want a refusal for good", name, err)
		}
	}
	if err := x.Send(t.Context(), []target.Message{put(3, brokertest.MaxMessage)}); err != nil {
		t.Errorf("a message of the size allowed: %v", err)
	}
	for _, r := range b.Received(t) {
		if len(r.Body) > brokertest.MaxMessage {
			t.Errorf("a consumer got %d bytes", len(r.Body))
		}
	}
}

// testSomeUnroutable: of an exchange of type headers, a queue takes one kind of
// event; the others are named, each by itself.
func testSomeUnroutable(t *testing.T, server *brokertest.RabbitMQ) {
	b := newExchange(t, server, set("exchange_type", "headers"))
	b.values["exchange"] += " by header"
	x := b.target(t)
	if err := x.Check(t.Context()); err != nil {
		t.Fatalf("check: %v", err)
	}
	b.consume(t, func(ch *amqp091.Channel) error {
		return ch.QueueBind(b.queue, "", b.values["exchange"], false, amqp091.Table{"minio-event": "s3:ObjectRemoved:Delete"})
	})
	batch := puts(6, 10)
	for _, i := range []int{1, 4} {
		batch[i].Record.Name = event.ObjectRemovedDelete
	}
	for range 2 { // a message that was returned belongs to its own batch
		var some *target.BatchError
		if err := x.Send(t.Context(), batch); !errors.As(err, &some) {
			t.Fatalf("send: %v, want the members that failed", err)
		}
		for i := range batch {
			err, routable := some.Failed[i], i == 1 || i == 4
			if routable != (err == nil) || target.IsPermanent(err) || err != nil && !strings.Contains(err.Error(), "no queue is bound") {
				t.Errorf("message %d: %v", i, err)
			}
		}
		if err := x.Send(t.Context(), []target.Message{batch[1]}); err != nil {
			t.Errorf("the next batch: %v", err)
		}
	}
	if n := len(b.Received(t)); n != 6 {
		t.Errorf("a consumer got %d messages, want 6", n)
	}
}

func testMandatoryOff(t *testing.T, server *brokertest.RabbitMQ) {
	b := newExchange(t, server, set("mandatory", "off"), set("routing_key", "elsewhere"))
	if err := b.target(t).Send(t.Context(), puts(3, 10)); err != nil {
		t.Errorf("send: %v", err)
	}
}

// testExchangeDeleted: who deletes the exchange gets it back with the Send after
// the one that found out.
func testExchangeDeleted(t *testing.T, server *brokertest.RabbitMQ) {
	b := newExchange(t, server)
	x := b.target(t)
	if err := x.Send(t.Context(), puts(1, 10)); err != nil {
		t.Fatal(err)
	}
	b.consume(t, func(ch *amqp091.Channel) error { return ch.ExchangeDelete(b.values["exchange"], false, false) })
	if err := x.Send(t.Context(), puts(3, 10)); err == nil || !strings.Contains(err.Error(), "no exchange") {
		t.Errorf("send without an exchange: %v", err)
	}
	if err := x.Send(t.Context(), puts(1, 10)); err == nil || !strings.Contains(err.Error(), "no queue is bound") {
		t.Errorf("send to the new exchange: %v", err)
	}
}

// testDeclaredOnce: a second declaration on the connection would make the
// exchange again, and the publish after it succeed.
func testDeclaredOnce(t *testing.T, server *brokertest.RabbitMQ) {
	b := newExchange(t, server, set("mandatory", "off"))
	x := b.target(t)
	for range 3 {
		if err := x.Send(t.Context(), puts(1, 10)); err != nil {
			t.Fatal(err)
		}
	}
	if len(x.idle) != 1 {
		t.Errorf("%d connections after three Sends in a row, want 1", len(x.idle))
	}
	b.consume(t, func(ch *amqp091.Channel) error { return ch.ExchangeDelete(b.values["exchange"], false, false) })
	if x.Send(t.Context(), puts(1, 10)) == nil {
		t.Error("the exchange was declared again for a Send")
	}
}

// testFrozenUnderLoad: a write that blocks, with the socket's buffers full, ends
// with the context too.
func testFrozenUnderLoad(t *testing.T, server *brokertest.RabbitMQ) {
	b := newExchange(t, server)
	x := b.target(t)
	if err := x.Send(t.Context(), puts(1, 10)); err != nil {
		t.Fatal(err)
	}
	server.Freeze()
	defer server.Thaw()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := x.Send(ctx, puts(30, 900<<10))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer from the broker") {
		t.Errorf("send: %v", err)
	}
	if err := x.Check(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("check: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// testNack: a queue that rejects what is over its length has the broker refuse
// those messages alone.
func testNack(t *testing.T, server *brokertest.RabbitMQ) {
	b := newExchange(t, server)
	full := b.queue + " full"
	b.consume(t, func(ch *amqp091.Channel) error {
		args := amqp091.Table{"x-max-length": int32(2), "x-overflow": "reject-publish"}
		if _, err := ch.QueueDeclare(full, true, false, false, false, args); err != nil {
			return err
		}
		return ch.QueueBind(full, "full", b.values["exchange"], false, nil)
	})
	b.values["routing_key"], b.queue = "full", full
	x := b.target(t)
	var some *target.BatchError
	if err := x.Send(t.Context(), puts(10, 10)); !errors.As(err, &some) {
		t.Fatalf("send: %v, want the members that failed", err)
	}
	got := b.Received(t)
	if len(got)+len(some.Failed) != 10 || len(got) < 2 {
		t.Errorf("%d refused and %d in the queue, of 10", len(some.Failed), len(got))
	}
	for i, err := range some.Failed {
		if target.IsPermanent(err) || !strings.Contains(err.Error(), "did not take the message") {
			t.Errorf("message %d: %v", i, err)
		}
	}
	if err := x.Send(t.Context(), puts(1, 10)); err != nil {
		t.Errorf("send once there is room: %v", err)
	}
}
