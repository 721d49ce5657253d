package targettest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

func testSingle(t *testing.T, c *session) {
	m := c.message("photo.jpg", 0)
	c.mustSend(t, m)
	c.wantReceived(t, m)
	got := c.harness.Received(t)
	if len(got) != 1 {
		t.Fatalf("received %d messages, want 1", len(got))
	}
	if got[0].ID != "" && got[0].ID != m.ID {
		t.Errorf("id %q, want %q", got[0].ID, m.ID)
	}
}

func testBatch(t *testing.T, c *session) {
	msgs := c.messages(3*max(c.traits.MaxBatch, 10), c.distinct)
	for _, b := range c.batches(msgs) {
		c.mustSend(t, b...)
	}
	c.wantReceived(t, msgs...)
}

func testEmpty(t *testing.T, c *session) {
	if err := c.send(t); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
	if got := c.harness.Received(t); len(got) != 0 {
		t.Errorf("an empty batch sent %d messages", len(got))
	}
}

func testResend(t *testing.T, c *session) {
	m := c.message("again", 0)
	c.mustSend(t, m)
	m.Attempt++
	c.mustSend(t, m)
	got := c.harness.Received(t)
	if len(got) == 0 {
		t.Fatal("nothing arrived")
	}
	for _, r := range got {
		if r.ID != got[0].ID || c.text(r.Body) != c.text(got[0].Body) {
			t.Errorf("a resend differs: %+v and %+v", got[0], r)
		}
	}
}

func testOrder(t *testing.T, c *session) {
	msgs := c.messages(50, func(int) string { return "one key" })
	if c.traits.Ordered {
		for _, b := range c.batches(msgs) {
			c.mustSend(t, b...)
		}
	} else {
		for _, m := range msgs {
			c.mustSend(t, m)
		}
	}
	var got []string
	for _, r := range c.harness.Received(t) {
		got = append(got, c.text(r.Body))
	}
	for i, m := range msgs {
		if i >= len(got) || got[i] != c.text(string(m.Body)) {
			t.Fatalf("message %d is not in its place", i)
		}
	}
}

func testSenders(t *testing.T, c *session) {
	msgs := c.messages(40*max(c.traits.Senders, 2), c.distinct)
	work := make(chan []target.Message)
	var wg sync.WaitGroup
	for range max(c.traits.Senders, 1) {
		wg.Go(func() {
			for b := range work {
				if err := c.send(t, b...); err != nil {
					t.Errorf("send: %v", err)
				}
			}
		})
	}
	for _, b := range c.batches(msgs) {
		work <- b
	}
	close(work)
	wg.Wait()
	c.wantReceived(t, msgs...)
}

func testCancelled(t *testing.T, c *session) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.returnsAfter(ctx, t, c.message("cancelled", 0)); err == nil {
		t.Error("a send under a context that had ended succeeded")
	}
	m := c.message("next", 0)
	c.sendUntil(t, m)
	c.wantReceived(t, m)
}

func testClose(t *testing.T, c *session) {
	c.mustSend(t, c.message("before", 0))
	for range 2 {
		if err := c.target.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	if c.send(t, c.message("after", 0)) == nil {
		t.Error("a send after Close succeeded")
	}
	if n := len(c.harness.Received(t)); n != 1 {
		t.Errorf("received %d messages, want 1", n)
	}
}

func testVariant(t *testing.T, c *session, v Variant) {
	m := c.message("variant", 0)
	err := c.send(t, m)
	switch {
	case v.WantErr == "" && err != nil:
		t.Fatalf("send: %v", err)
	case v.WantErr == "":
		c.wantReceived(t, m)
	case err == nil:
		t.Fatal("send succeeded")
	case refusedAt(err, 0):
		t.Errorf("the operator's mistake is marked as the event's fault: %v", err)
	case !strings.Contains(err.Error(), v.WantErr):
		t.Errorf("send: %v, want %q in it", err, v.WantErr)
	}
}
