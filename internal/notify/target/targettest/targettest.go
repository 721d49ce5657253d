// Package targettest is the suite that every kind of target passes against its
// real destination: a broker, a database, a receiver in a process of its own.
// It is the contract of target.Target, run.
package targettest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

const (
	// sendTimeout bounds the Sends of the suite that are to succeed, on a busy
	// machine.
	sendTimeout = 30 * time.Second
	// frozenTimeout is the timeout that a Send to a frozen destination gets.
	frozenTimeout = time.Second
	// promptly is how soon after its context a Send must return: generous, as it
	// only tells a return from a hang.
	promptly = 10 * time.Second
)

// Suite is what a kind brings to be tested.
type Suite struct {
	Kind target.Kind
	// New starts a destination for one test and ends it with the test.
	New func(t *testing.T) Harness
	// Env is lent to the targets.
	Env target.Env
	// Variants are other ways to reach a destination, such as TLS.
	Variants []Variant
	// JSON says that the destination keeps the JSON of a body, not its text, as
	// databases do: spaces and the order of members are then of no account.
	JSON bool
	// Rows, for settings with which the kind mirrors a bucket, lists what the
	// copy shows: the JSON of each "<bucket>/<key>". Received may then be its
	// values.
	Rows func(*testing.T, Harness) map[string]string
	// Forgets says that the destination stores nothing: what it acknowledged may
	// be gone when it is killed. The cases that kill it then check that Sends
	// recover, and no more.
	Forgets bool
}

// Harness is one running destination.
type Harness interface {
	// Values are the settings to reach it, by key. They stay good through Kill
	// and Start.
	Values() map[string]string
	// Secrets are texts within Values that no error may show.
	Secrets() []string
	// Received lists what a consumer of the destination gets, in order,
	// duplicates included, since the start of the test.
	Received(t *testing.T) []Received
	// Kill ends the destination at once, as a crash does. Start starts it again
	// with what it keeps.
	Kill(t *testing.T)
	Start(t *testing.T)
	// Freeze stops it without ending its connections; Thaw has it go on.
	Freeze(t *testing.T)
	Thaw(t *testing.T)
}

// Leaver is a Harness with connections of its own in this process.
type Leaver interface {
	// Leave ends them for good, so that their goroutines are not taken for those
	// of the target.
	Leave()
}

// Received is a message as a consumer gets it.
type Received struct {
	// ID is the event's id, where the protocol carries one.
	ID   string
	Body string
}

// Variant is another way to reach a destination.
type Variant struct {
	Name string
	New  func(t *testing.T) Harness
	// WantErr is part of the error of a Send that must fail; empty means that
	// it must succeed.
	WantErr string
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	cases := map[string]func(*testing.T, *session){
		"single":            testSingle,
		"batch":             testBatch,
		"empty batch":       testEmpty,
		"big body":          testBig,
		"odd keys":          testOddKeys,
		"resend keeps id":   testResend,
		"order of a key":    testOrder,
		"many senders":      testSenders,
		"down at open":      testDownAtOpen,
		"restarted between": testRestart,
		"killed mid-batch":  testKilled,
		"frozen":            testFrozen,
		"frozen at open":    testFrozenAtOpen,
		"cancelled":         testCancelled,
		"check":             testCheck,
		"close":             testClose,
	}
	if s.Rows != nil {
		delete(cases, "order of a key") // a copy shows the last of them
		maps.Copy(cases, mirrorCases)
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) { s.run(t, s.New, f) })
	}
	RunVariants(t, s)
}

// RunVariants runs the variants alone, for destinations of which one passes the
// suite already.
func RunVariants(t *testing.T, s Suite) {
	for _, v := range s.Variants {
		t.Run(v.Name, func(t *testing.T) {
			s.run(t, v.New, func(t *testing.T, c *session) { testVariant(t, c, v) })
		})
	}
}

// session is one test's destination and target.
type session struct {
	kind     target.Kind
	settings config.Settings
	env      target.Env
	traits   target.Traits
	harness  Harness
	rows     func(*testing.T, Harness) map[string]string
	forgets  bool
	json     bool
	target   target.Target

	mu   sync.Mutex
	seq  uint64
	keys int
	errs []error
}

func (s Suite) run(t *testing.T, start func(*testing.T) Harness, f func(*testing.T, *session)) {
	t.Helper()
	h := start(t)
	before := goleak.IgnoreCurrent()
	c := &session{
		kind: s.Kind, settings: s.Kind.New(), env: s.Env, harness: h,
		rows: s.Rows, forgets: s.Forgets, json: s.JSON,
	}
	if err := config.Decode(c.settings, h.Values()); err != nil {
		t.Fatalf("settings: %v", err)
	}
	c.traits = s.Kind.Traits(c.settings)
	c.open(t)
	f(t, c)
	if err := c.target.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if l, ok := h.(Leaver); ok {
		l.Leave()
	}
	// A harness may wait for its destination's process.
	if err := goleak.Find(before, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait")); err != nil {
		t.Errorf("after Close: %v", err)
	}
	c.wantNoSecrets(t)
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

// message makes the next message of the session: an object is put.
func (c *session) message(key string, pad int) target.Message {
	return c.messageOf(&event.Record{
		Name: event.ObjectCreatedPut, Bucket: "bucket", BucketID: 1, Key: key, Size: int64(pad), ETag: "d41d8cd98f00b204e9800998ecf8427e",
		UserMetadata: map[string]string{"X-Amz-Meta-Pad": strings.Repeat("p", pad)},
		Post:         &event.State{Size: int64(pad)},
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
