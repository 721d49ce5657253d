package switching

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// TestMalformedValueChangesNothing: what cannot be right is refused, and the
// target goes on as it was.
func TestMalformedValueChangesNothing(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	s := start(t)
	s.set("notify_webhook:1", "endpoint="+receiver.URL())
	harness.MakeBucket(t, s.client, bucket, rule("1:webhook"))
	l := begin(t, s.client)
	l.flow(20)
	before := s.mc.OK("admin", "config", "get", "myminio", "notify_webhook:1")
	for name, value := range map[string]string{
		"another scheme":                    "endpoint=ftp://127.0.0.1/events",
		"no number":                         "queue_limit=many",
		"a folder that cannot be made":      "queue_dir=" + filepath.Join(harness.ModulePath(t, "go.mod"), "queue"),
		"a certificate without its key":     "client_cert=/tmp/client.crt",
		"a key that is misspelt":            "endpiont=" + receiver.URL(),
		"a good value and one that is none": "comment=changed queue_full=perhaps",
	} {
		args := append([]string{"admin", "config", "set", "myminio", "notify_webhook:1"}, strings.Fields(value)...)
		key, _, _ := strings.Cut(args[len(args)-1], "=")
		if text := s.mc.Refused(args...); !strings.Contains(text, key) {
			t.Errorf("%s: it does not name %s: %s", name, key, text)
		}
	}
	if after := s.mc.OK("admin", "config", "get", "myminio", "notify_webhook:1"); after != before {
		t.Errorf("the settings are %s, and were %s", after, before)
	}
	l.flow(20)
	all := l.finish()
	wantTold(t, "the receiver", all, func() []told { return received(receiver) })
}

// TestBrokenValueIsPutRight: a value that is well formed and wrong is taken; the
// target is shown offline, its events wait, and come once it is right.
func TestBrokenValueIsPutRight(t *testing.T) {
	t.Parallel()
	const wrong = "not-the-password-42"
	receiver, broker, server := harness.NewReceiver(t), startRedis(t), startNATS(t)
	s := start(t)
	s.set("notify_webhook:1", "endpoint="+receiver.URL())
	s.set(broker.settings("password", "access", "events")...)
	s.set(broker.settings("format", "namespace", "mirror")...)
	s.set(server.settings("1")...)
	targets := []string{"1:webhook", "password:redis", "format:redis", "1:nats"}
	harness.MakeBucket(t, s.client, bucket, rule(targets[0]), rule(targets[1]), rule(targets[2]), rule(targets[3]))
	l := begin(t, s.client)
	l.flow(60)
	harness.Poll(t, "the mirror to show something", func() error {
		if len(broker.hash("mirror")) == 0 {
			return fmt.Errorf("it is empty")
		}
		return nil
	})

	s.set("notify_webhook:1", "endpoint=http://"+harness.FreeAddress(t)+"/events") // nobody listens there
	s.set("notify_redis:password", "password="+wrong)
	s.set("notify_redis:format", "format=access") // the key is a hash
	s.set("notify_nats:1", "password="+wrong)
	for _, target := range targets {
		s.await(target, "offline")
	}
	const changes = 60
	l.flow(changes)
	for _, target := range targets {
		if i := s.info(target); i.Backlog < changes-writers || i.Failed == 0 {
			t.Errorf("of %s %d events wait, and %d attempts failed", target, i.Backlog, i.Failed)
		}
	}
	s.set("notify_webhook:1", "endpoint="+receiver.URL())
	s.set("notify_redis:password", "password="+brokertest.Password)
	s.set("notify_redis:format", "format=namespace")
	s.set("notify_nats:1", "password="+brokertest.Password)
	l.flow(60)
	all := l.finish()
	wantTold(t, "the receiver", all, func() []told { return received(receiver) })
	wantTold(t, "the list", all, func() []told { return broker.list("events") })
	wantTold(t, "the subscriber", all, server.read)
	wantShown(t, "the mirror", all.shown(), func() map[string]string { return broker.hash("mirror") })
	s.drained(targets...)
	if strings.Contains(s.server.Output.String(), wrong) {
		t.Error("the log shows a password")
	}
}

// TestQueueLimitChangesAtOnce: a limit that is set, also for a target that is
// switched off, drops and lists what is newer; without one nothing is dropped.
func TestQueueLimitChangesAtOnce(t *testing.T) {
	t.Parallel()
	const changes = 60
	receiver := harness.NewReceiver(t)
	s := start(t)
	s.set("notify_webhook:1", "endpoint="+receiver.URL())
	harness.MakeBucket(t, s.client, bucket, rule("1:webhook"))
	l := begin(t, s.client)
	l.flow(changes)
	receiver.Down()
	l.flow(changes)
	s.await("1:webhook", "offline")

	s.set("notify_webhook:1", "queue_limit=20") // fewer than wait
	limited := s.info("1:webhook")
	l.flow(changes)
	full := s.info("1:webhook")
	// As many changes as there are writers were under way at each switch.
	if full.Backlog > limited.Backlog+writers || full.Dropped < limited.Dropped+changes-writers || !full.Full {
		t.Errorf("with a limit: %+v, before %+v", full, limited)
	}
	s.set("notify_webhook:1", "enable=off")
	l.flow(changes)
	if off := s.info("1:webhook"); off.State != "disabled" || off.Backlog > limited.Backlog+writers || off.Dropped < full.Dropped+changes-writers || !off.Full {
		t.Errorf("switched off: %+v, before %+v", off, full)
	}
	s.set("notify_webhook:1", "enable=on", "queue_limit=0")
	free := s.info("1:webhook")
	l.flow(changes)
	if i := s.info("1:webhook"); i.Dropped > free.Dropped+writers || i.Backlog < free.Backlog+changes-writers || i.Full {
		t.Errorf("without a limit: %+v, before %+v", i, free)
	}
	// What was dropped is filled in at its place while the receiver is away.
	s.events("fill", "1:webhook", "--all")
	receiver.Up(t)
	all := l.finish()
	wantTold(t, "the receiver", all, func() []told { return received(receiver) })
	s.drained("1:webhook")
}
