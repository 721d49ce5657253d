package targettest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

func testDownAtOpen(t *testing.T, c *session) {
	if err := c.target.Close(); err != nil {
		t.Fatal(err)
	}
	c.kill(t)
	c.open(t)
	m := c.message("early", 0)
	if err := c.send(t, m); err == nil {
		t.Fatal("a send to nobody succeeded")
	} else if target.IsPermanent(err) {
		t.Errorf("that nobody is there is marked as the event's fault: %v", err)
	}
	c.start(t)
	c.sendUntil(t, m)
	c.wantReceived(t, m)
}

func testRestart(t *testing.T, c *session) {
	first, second := c.message("first", 0), c.message("second", 0)
	c.mustSend(t, first)
	c.kill(t)
	c.start(t)
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
	c.kill(t)
	close(stop)
	wg.Wait()
	c.start(t)
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
	c.kill(t)
	if check() == nil {
		t.Error("a check of nobody succeeded")
	}
	c.start(t)
	m := c.message("after", 0)
	c.sendUntil(t, m)
	if err := check(); err != nil {
		t.Errorf("check after a restart: %v", err)
	}
}

// outage is one kill that several tests share: it comes when all of them ask for
// it, and so does the start.
type outage struct {
	mu sync.Mutex
	// changed is broadcast when a number below changes.
	changed *sync.Cond
	// members are the tests that go on, waiting those that ask; round counts
	// what was done.
	members, waiting, round int
}

func newOutage(members int) *outage {
	o := &outage{members: members}
	o.changed = sync.NewCond(&o.mu)
	return o
}

// meet does something once all members ask for it; one of them does it.
func (o *outage) meet(do func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting++
	o.changed.Broadcast()
	for round := o.round; o.round == round; {
		if o.waiting < o.members {
			o.changed.Wait()
			continue
		}
		func() {
			defer func() { // also if the test ends in it
				o.round++
				o.waiting = 0
				o.changed.Broadcast()
			}()
			do()
		}()
	}
}

// leave says that a member asks for nothing more.
func (o *outage) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.members--
	o.changed.Broadcast()
}

// runOutage runs the cases that kill the destination at the same time, so that
// it is started once for all.
func (s Suite) runOutage(t *testing.T, out *outcome) {
	t.Helper()
	var cases []testCase
	for _, c := range s.cases() {
		if c.kills {
			cases = append(cases, c)
		}
	}
	o := newOutage(len(cases))
	unlessLeft(t, func() {
		var wg sync.WaitGroup
		for _, c := range cases {
			wg.Go(func() {
				defer o.leave()
				out.run(t, c.name, func(t *testing.T) {
					h := s.New(t)
					session := s.newSession(h)
					session.kill = func(t *testing.T) { t.Helper(); o.meet(func() { h.Kill(t) }) }
					session.start = func(t *testing.T) { t.Helper(); o.meet(func() { h.Start(t) }) }
					s.runIn(t, session, c.run)
				})
			})
		}
		wg.Wait()
	})
}
