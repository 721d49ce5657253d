package targettest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// session is one test's destination and target.
type session struct {
	kind     target.Kind
	settings config.Settings
	env      target.Env
	traits   target.Traits
	harness  Harness
	// kill and start are the harness's, or those of an outage that cases share.
	kill, start func(*testing.T)
	rows        func(*testing.T, Harness) map[string]string
	forgets     bool
	json        bool
	bodies      Bodies
	refusesNUL  bool
	target      target.Target

	mu   sync.Mutex
	seq  uint64
	keys int
	errs []error
}

func (c *session) open(t *testing.T) {
	t.Helper()
	tgt, err := c.kind.Open(c.settings, c.env)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	c.target = tgt
}

func (c *session) wantNoSecrets(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, err := range c.errs {
		for _, secret := range c.harness.Secrets() {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("an error shows a secret: %v", err)
			}
		}
	}
}

// note keeps an error to be searched for secrets.
func (c *session) note(err error) error {
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.errs = append(c.errs, err)
	}
	return err
}

func (c *session) send(t *testing.T, msgs ...target.Message) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), sendTimeout)
	defer cancel()
	return c.note(c.target.Send(ctx, msgs))
}

func (c *session) mustSend(t *testing.T, msgs ...target.Message) {
	t.Helper()
	if err := c.send(t, msgs...); err != nil {
		t.Fatalf("send of %d: %v", len(msgs), err)
	}
}

// sendUntil sends again until it succeeds, as delivery does.
func (c *session) sendUntil(t *testing.T, msgs ...target.Message) {
	t.Helper()
	deadline := time.Now().Add(sendTimeout)
	err := c.send(t, msgs...)
	for ; err != nil && time.Now().Before(deadline); err = c.send(t, msgs...) {
		time.Sleep(100 * time.Millisecond) // the pace of retries, waits for nothing
	}
	if err != nil {
		t.Fatalf("send did not recover: %v", err)
	}
}

// message makes the next message of the session: an object is put. Its body
// grows by pad bytes.
func (c *session) message(key string, pad int) target.Message {
	return c.messageOf(&event.Record{
		Name: event.ObjectCreatedPut, Bucket: "bucket", BucketID: 1, Key: key, ETag: "d41d8cd98f00b204e9800998ecf8427e",
		UserMetadata: map[string]string{"X-Amz-Meta-Pad": strings.Repeat("p", pad)},
		Post:         &event.State{},
	})
}

// messageOf makes the next message of the session.
func (c *session) messageOf(rec *event.Record) target.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	at := event.Place{Epoch: 0xfeed, Partition: 3, Sequence: c.seq, Stamp: 1_700_000_000_000_000_000 + c.seq}
	enc := event.Encoder{}
	m := target.Message{
		ID: event.EventID(at), Key: rec.ResourceKey(), Record: rec, Time: at.Time(),
		Sequencer: event.Sequencer(rec, at), Attempt: 1,
	}
	if c.traits.Body == target.Records {
		m.Body = enc.AppendRecords(nil, rec, at)
	} else {
		m.Body = enc.AppendEnvelope(nil, rec, at)
	}
	return m
}

func (c *session) messages(n int, key func(int) string) []target.Message {
	out := make([]target.Message, n)
	for i := range out {
		out[i] = c.message(key(i), 0)
	}
	return out
}

// batches cuts messages to what the kind takes at once.
func (c *session) batches(msgs []target.Message) [][]target.Message {
	var out [][]target.Message
	size := max(c.traits.MaxBatch, 1)
	for len(msgs) > 0 {
		n := min(size, len(msgs))
		out, msgs = append(out, msgs[:n]), msgs[n:]
	}
	return out
}

// wantReceived checks that each message arrived, as it was sent.
func (c *session) wantReceived(t *testing.T, msgs ...target.Message) {
	t.Helper()
	got := make(map[string]bool)
	for _, r := range c.harness.Received(t) {
		got[c.text(r.Body)] = true
	}
	for _, m := range msgs {
		if !got[c.text(string(m.Body))] {
			t.Errorf("event %s of %q was acknowledged, but no consumer gets it", m.ID, m.Key)
		}
	}
}

// text is the form in which bodies are compared.
func (c *session) text(body string) string {
	if !c.json {
		return body
	}
	var value any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return body
	}
	sorted, err := json.Marshal(value)
	if err != nil {
		return body
	}
	return string(sorted)
}

// distinct names a key that the session has not named before.
func (c *session) distinct(int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys++
	return fmt.Sprintf("key-%d", c.keys)
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

// unlessLeft runs f and fails the test if goroutines of it are left.
func unlessLeft(t *testing.T, f func()) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	f()
	// A harness may wait for its destination's process.
	if err := goleak.Find(before, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait")); err != nil {
		t.Errorf("after Close: %v", err)
	}
}
