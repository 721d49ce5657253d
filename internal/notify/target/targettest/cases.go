package targettest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

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

func testBig(t *testing.T, c *session) {
	m := c.message("big", 256<<10)
	c.mustSend(t, m)
	c.wantReceived(t, m)
}

func testOddKeys(t *testing.T, c *session) {
	var msgs []target.Message
	for _, key := range []string{
		"a b", "a+b", "a%20b", "ü/ñ/日本", "quote'\"`", `back\slash`, "line\nbreak", "tab\t", "\x01", "$1; DROP TABLE x", "{{.}}", "#", "*", ">",
		"a//b", "../up", ".", strings.Repeat("k", 1024), "trailing/",
	} {
		msgs = append(msgs, c.message(key, 0))
	}
	for _, m := range msgs {
		c.mustSend(t, m)
	}
	c.wantReceived(t, msgs...)
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

func testDownAtOpen(t *testing.T, c *session) {
	if err := c.target.Close(); err != nil {
		t.Fatal(err)
	}
	c.harness.Kill(t)
	c.open(t)
	m := c.message("early", 0)
	if err := c.send(t, m); err == nil {
		t.Fatal("a send to nobody succeeded")
	} else if target.IsPermanent(err) {
		t.Errorf("that nobody is there is marked as the event's fault: %v", err)
	}
	c.harness.Start(t)
	c.sendUntil(t, m)
	c.wantReceived(t, m)
}

func testRestart(t *testing.T, c *session) {
	first, second := c.message("first", 0), c.message("second", 0)
	c.mustSend(t, first)
	c.harness.Kill(t)
	c.harness.Start(t)
	c.sendUntil(t, second)
	c.wantReceived(t, second)
	c.wantKept(t, first)
}

// testKilled kills the destination under load. Whatever was acknowledged must
// be there.
func testKilled(t *testing.T, c *session) {
	var (
		mu    sync.Mutex
		acked []target.Message
		wg    sync.WaitGroup
		begun = make(chan struct{}, 1)
		stop  = make(chan struct{})
	)
	for range max(c.traits.Senders, 1) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				b := c.messages(max(c.traits.MaxBatch, 1), c.distinct)
				ok := accepted(c.send(t, b...), b)
				mu.Lock()
				acked = append(acked, ok...)
				enough := len(acked) > 200
				mu.Unlock()
				if len(ok) == 0 {
					return
				}
				if enough {
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	select {
	case <-begun:
	case <-time.After(sendTimeout):
		t.Error("too slow to be tested")
	}
	c.harness.Kill(t)
	close(stop)
	wg.Wait()
	c.harness.Start(t)
	c.wantKept(t, acked...)
	last := c.message("last", 0)
	c.sendUntil(t, last)
	c.wantReceived(t, last)
}

// wantKept checks what was acknowledged before the destination was killed.
func (c *session) wantKept(t *testing.T, msgs ...target.Message) {
	t.Helper()
	if !c.forgets {
		c.wantReceived(t, msgs...)
	}
}

// accepted are the members of a batch that a Send acknowledged.
func accepted(err error, batch []target.Message) []target.Message {
	if err == nil {
		return batch
	}
	var some *target.BatchError
	if !errors.As(err, &some) {
		return nil
	}
	var out []target.Message
	for i, m := range batch {
		if some.Failed[i] == nil {
			out = append(out, m)
		}
	}
	return out
}

func testFrozen(t *testing.T, c *session) {
	c.mustSend(t, c.message("warm", 0)) // so that a connection stands
	c.harness.Freeze(t)
	m := c.message("frozen", 0)
	ctx, cancel := context.WithTimeout(t.Context(), frozenTimeout)
	defer cancel()
	if err := c.returnsAfter(ctx, t, m); err == nil {
		t.Error("a send to a frozen destination succeeded")
	}
	// Delivery drops the client and opens another.
	if err := c.target.Close(); err != nil {
		t.Errorf("close beside a frozen destination: %v", err)
	}
	c.harness.Thaw(t)
	c.open(t)
	c.sendUntil(t, m)
	c.wantReceived(t, m)
}

// testFrozenAtOpen meets a destination that takes connections and says nothing
// on them.
func testFrozenAtOpen(t *testing.T, c *session) {
	if err := c.target.Close(); err != nil {
		t.Fatal(err)
	}
	c.harness.Freeze(t)
	c.open(t)
	m := c.message("early", 0)
	ctx, cancel := context.WithTimeout(t.Context(), frozenTimeout)
	defer cancel()
	if err := c.returnsAfter(ctx, t, m); err == nil {
		t.Error("a send to a frozen destination succeeded")
	}
	c.harness.Thaw(t)
	c.sendUntil(t, m)
	c.wantReceived(t, m)
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

// returnsAfter sends and fails the test if that does not end with ctx.
func (c *session) returnsAfter(ctx context.Context, t *testing.T, m target.Message) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- c.note(c.target.Send(ctx, []target.Message{m})) }()
	<-ctx.Done()
	select {
	case err := <-done:
		return err
	case <-time.After(promptly):
		t.Fatal("send did not return after its context ended")
		return nil
	}
}

func testCheck(t *testing.T, c *session) {
	checker, ok := c.target.(target.Checker)
	if !ok {
		t.Fatal("the kind has no Check: whether it is online cannot be shown")
	}
	check := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), promptly)
		defer cancel()
		return c.note(checker.Check(ctx))
	}
	if err := check(); err != nil {
		t.Errorf("check: %v", err)
	}
	if n := len(c.harness.Received(t)); n != 0 {
		t.Errorf("a check sent %d messages", n)
	}
	c.harness.Kill(t)
	if check() == nil {
		t.Error("a check of nobody succeeded")
	}
	c.harness.Start(t)
	m := c.message("after", 0)
	c.sendUntil(t, m)
	if err := check(); err != nil {
		t.Errorf("check after a restart: %v", err)
	}
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
	case !strings.Contains(err.Error(), v.WantErr):
		t.Errorf("send: %v, want %q in it", err, v.WantErr)
	}
}
