package switching

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestOffAndOn: what a rule sends to a target that is switched off, or not
// configured any more, waits for it, and comes when it is back, in order.
func TestOffAndOn(t *testing.T) {
	t.Parallel()
	receiver, broker := harness.NewReceiver(t), startRedis(t)
	s := start(t)
	s.set("notify_webhook:1", "endpoint="+receiver.URL())
	s.set(broker.settings("1", "access", "events")...)
	harness.MakeBucket(t, s.client, bucket, rule("1:webhook"), rule("1:redis"))
	l := begin(t, s.client)
	l.flow(60)

	s.set("notify_webhook:1", "enable=off")
	s.set("notify_redis:1", "enable=off")
	s.wantWaiting(l, "disabled", func() int { return len(receiver.Deliveries()) + len(broker.list("events")) })
	// The rules stand, and can be changed.
	harness.SetRules(t, s.client, bucket, rule("1:webhook"), rule("1:redis"))
	if list := s.mc.OK("event", "list", "myminio/"+bucket); !strings.Contains(list, "1:webhook") || !strings.Contains(list, "1:redis") {
		t.Errorf("the rules are %s", list)
	}
	s.set("notify_webhook:1", "enable=on")
	s.set("notify_redis:1", "enable=on")
	s.await("1:webhook", "online")
	s.await("1:redis", "online")
	l.flow(60)

	s.mc.OK("admin", "config", "reset", "myminio", "notify_webhook:1")
	s.mc.OK("admin", "config", "reset", "myminio", "notify_redis:1")
	s.wantWaiting(l, "not configured", func() int { return len(receiver.Deliveries()) + len(broker.list("events")) })
	s.set("notify_webhook:1", "endpoint="+receiver.URL())
	s.set(broker.settings("1", "access", "events")...)
	l.flow(60)
	all := l.finish()
	wantTold(t, "the webhook", all, func() []told { return received(receiver) })
	wantTold(t, "the list", all, func() []told { return broker.list("events") })
	s.drained("1:webhook", "1:redis")
	harness.Report(t, "switching: off and on, twice, under %d changes: all told, in order", all.total())
}

// wantWaiting wants the webhook and the Redis target to be in a state in which
// they get nothing, while all that happens waits for them.
func (s *site) wantWaiting(l *load, state string, got func() int) {
	s.t.Helper()
	const changes = 60
	before := got()
	l.flow(changes)
	for _, target := range []string{"1:webhook", "1:redis"} {
		if i := s.info(target); i.State != state || i.Backlog < changes-writers {
			s.t.Errorf("%s is %s, and %d events wait, want %s and %d at least", target, i.State, i.Backlog, state, changes-writers)
		}
	}
	if n := got() - before; n != 0 {
		s.t.Errorf("%d events were sent to targets that are %s", n, state)
	}
}

// TestAnotherAddress: each event goes to the former address or to the new one,
// those of a key in order, also if the former hangs.
func TestAnotherAddress(t *testing.T) {
	t.Parallel()
	first, second, hung, awake := harness.NewReceiver(t), harness.NewReceiver(t), harness.NewReceiver(t), harness.NewReceiver(t)
	redisA, redisB, natsA, natsB := startRedis(t), startRedis(t), startNATS(t), startNATS(t)
	s := start(t)
	s.set("notify_webhook:1", "endpoint="+first.URL())
	s.set("notify_webhook:hangs", "endpoint="+hung.URL())
	s.set(redisA.settings("1", "access", "events")...)
	s.set(redisA.settings("freezes", "access", "others")...)
	s.set(natsA.settings("1")...)
	harness.MakeBucket(t, s.client, bucket, rule("1:webhook"), rule("hangs:webhook"), rule("1:redis"), rule("freezes:redis"), rule("1:nats"))
	l := begin(t, s.client)
	l.flow(60)

	s.set("notify_webhook:1", "endpoint="+second.URL())
	s.set(redisB.settings("1", "access", "events")...)
	s.set(natsB.settings("1")...)
	hung.Behave(harness.Hang)
	redisA.Freeze()
	l.flow(60)
	s.set("notify_webhook:hangs", "endpoint="+awake.URL())
	s.set(redisB.settings("freezes", "access", "others")...)
	s.set("notify_webhook:1", "endpoint="+first.URL()) // and back
	l.flow(60)
	all := l.finish()

	// Nobody waits for the one that is frozen.
	s.drained("1:webhook", "hangs:webhook", "1:redis", "freezes:redis", "1:nats")
	redisA.Thaw()
	for _, tt := range []struct {
		what string
		each []func() []told
	}{
		{"webhook", []func() []told{func() []told { return received(first, second) }}},
		{"webhook that hung", []func() []told{func() []told { return received(hung) }, func() []told { return received(awake) }}},
		{"Redis", []func() []told{func() []told { return redisA.list("events") }, func() []told { return redisB.list("events") }}},
		{"Redis that froze", []func() []told{func() []told { return redisA.list("others") }, func() []told { return redisB.list("others") }}},
		{"NATS", []func() []told{natsA.read, natsB.read}},
	} {
		wantTold(t, tt.what, all, func() (union []told) {
			for _, read := range tt.each {
				union = append(union, read()...)
			}
			return union
		})
		for i, read := range tt.each {
			if len(read()) == 0 {
				t.Errorf("%s: address %d got nothing", tt.what, i)
			}
		}
	}
	if len(received(second)) == 0 {
		t.Error("the second receiver got nothing")
	}
	harness.Report(t, "switching: five targets to another address under %d changes: all told, in order", all.total())
}
