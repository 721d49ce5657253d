package targettest

import (
	"errors"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

func testOneByte(t *testing.T, c *session) {
	m := c.message("short", 0)
	if m.Body = []byte(c.bodies.Shortest); len(m.Body) == 0 {
		m.Body = []byte("0")
	}
	c.mustSend(t, m)
	c.wantReceived(t, m)
}

// testBodies sends bodies of many sizes, the largest that the destination takes
// among them.
func testBodies(t *testing.T, c *session) {
	var msgs []target.Message
	for _, size := range []int{len(`{"pad":""}`), 100, 999, 4095, 4096, 4097, 16 << 10, 65535, 65536, 65537, 256 << 10} {
		msgs = append(msgs, c.sized(t, size))
	}
	msgs = append(msgs, c.sized(t, c.bodies.Fits))
	for _, m := range msgs {
		c.mustSend(t, m)
	}
	c.wantReceived(t, msgs...)
}

// sized makes a message with a body of a size: an event's, if it is large enough
// for one.
func (c *session) sized(t *testing.T, size int) target.Message {
	t.Helper()
	key := c.distinct(0)
	m := c.message(key, 0)
	if pad := size - len(m.Body); pad >= 0 {
		m = c.message(key, pad)
	} else {
		m.Body = []byte(`{"pad":"` + strings.Repeat("p", size-len(`{"pad":""}`)) + `"}`)
	}
	if len(m.Body) != size {
		t.Fatalf("made a body of %d bytes, want %d", len(m.Body), size)
	}
	return m
}

func testOverLimit(t *testing.T, c *session) {
	large := c.sized(t, c.bodies.Over)
	if !c.bodies.Unsaid {
		c.wantRefused(t, large)
		return
	}
	if err := c.send(t, large); err == nil || target.IsPermanent(err) {
		t.Errorf("send of %d bytes: permanent %t: %v, want another error", len(large.Body), target.IsPermanent(err), err)
	}
	next := c.message("next", 0)
	c.sendUntil(t, next)
	c.wantReceived(t, next)
	c.wantMissing(t, large)
}

// wantRefused sends a message that the destination must refuse for good, and no
// others with it.
func (c *session) wantRefused(t *testing.T, bad target.Message) {
	t.Helper()
	if err := c.send(t, bad); !refusedAt(err, 0) {
		t.Errorf("alone: %v, want it to be refused for good", err)
	}
	good := []target.Message{c.message("before", 0), c.message("after", 0)}
	if c.traits.MaxBatch > 1 {
		batch := []target.Message{good[0], bad, good[1]}
		err := c.send(t, batch...)
		if !refusedAt(err, 1) {
			t.Errorf("among others: %v, want it to be refused for good", err)
		}
		var some *target.BatchError
		if errors.As(err, &some) && (target.IsPermanent(some.Failed[0]) || target.IsPermanent(some.Failed[2])) {
			t.Errorf("others are refused for good with it: %v", some.Failed)
		}
		c.wantReceived(t, accepted(err, batch)...)
	}
	for _, m := range good {
		c.mustSend(t, m)
	}
	c.wantReceived(t, good...)
	c.wantMissing(t, bad)
}

// refusedAt reports whether a member of a batch was refused for good, or all of
// it for the sake of one.
func refusedAt(err error, member int) bool {
	var some *target.BatchError
	if errors.As(err, &some) {
		return target.IsPermanent(some.Failed[member])
	}
	return target.IsPermanent(err)
}

func (c *session) wantMissing(t *testing.T, m target.Message) {
	t.Helper()
	for _, r := range c.harness.Received(t) {
		if c.text(r.Body) == c.text(string(m.Body)) {
			t.Errorf("event %s of %q was not acknowledged, but a consumer gets it", m.ID, m.Key)
		}
	}
}

func testOddKeys(t *testing.T, c *session) {
	controls := "control"
	for r := rune(1); r < ' '; r++ {
		controls += string(r)
	}
	var msgs []target.Message
	for _, key := range []string{
		"a b", "a+b", "a%20b", "ü/ñ/日本", "😀", "quote'\"`", `back\slash`, "line\nbreak", "tab\t", "\x01", controls + "\x7f\u0085\u2028",
		"$1; DROP TABLE x", "{{.}}", "#", "*", ">", "a//b", "../up", ".", "trailing/", " ",
		strings.Repeat("k", 1024), strings.Repeat("日", 341) + "k", strings.Repeat("\x01", 1024),
	} {
		msgs = append(msgs, c.message(key, 0))
	}
	for _, m := range msgs {
		c.mustSend(t, m)
	}
	c.wantReceived(t, msgs...)
}

// testNUL: no key that this server takes has NUL, but one in the folder of
// another server's undelivered events might.
func testNUL(t *testing.T, c *session) {
	m := c.message("with\x00in", 0)
	if c.refusesNUL {
		c.wantRefused(t, m)
		return
	}
	others := []target.Message{c.message("with", 0), c.message("within", 0)}
	for _, m := range append(others, m) {
		c.mustSend(t, m)
	}
	c.wantReceived(t, append(others, m)...)
}
