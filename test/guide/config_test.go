package guide

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestConfigChangesApplyAtOnce: set, get and reset, without a restart.
func TestConfigChangesApplyAtOnce(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	first, second := harness.NewReceiver(t), harness.NewReceiver(t)
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "endpoint="+first.URL(), "comment=a comment of words", "auth_token=sesame")
	got := mc.OK("admin", "config", "get", "myminio", "notify_webhook:1")
	if !strings.Contains(got, `comment="a comment of words"`) || strings.Contains(got, "sesame") {
		t.Errorf("config get shows %q: want the comment and not the secret", got)
	}
	mc.OK("mb", "myminio/box")
	mc.OK("event", "add", "myminio/box", harness.WebhookARN("1"), "--event", "put")
	file := write(t, "f", "hello")
	mc.OK("cp", file, "myminio/box/one")
	first.WaitKey(t, "box/one")

	mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "endpoint="+second.URL())
	mc.OK("cp", file, "myminio/box/two")
	if d := second.WaitKey(t, "box/two"); d.Header.Get("Authorization") != "Bearer sesame" {
		t.Errorf("a key that was not set has changed: authorization %q", d.Header.Get("Authorization"))
	}
	mc.OK("admin", "config", "reset", "myminio", "notify_webhook:1", "auth_token")
	mc.OK("cp", file, "myminio/box/three")
	if d := second.WaitKey(t, "box/three"); d.Header.Get("Authorization") != "" {
		t.Error("the token is still sent after its reset")
	}
	mc.OK("admin", "config", "reset", "myminio", "notify_webhook:1")
	if r := mc.Run("admin", "config", "get", "myminio", "notify_webhook:1"); r.Code == 0 && strings.Contains(r.Stdout, second.URL()) {
		t.Errorf("after a reset: %q", r.Stdout)
	}
	// What happens while the target is away from the configuration waits for it.
	mc.OK("cp", file, "myminio/box/four")
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "endpoint="+second.URL())
	second.WaitKey(t, "box/four")
}

// TestConfigOutlivesRestart: what was set is there after kill -9.
func TestConfigOutlivesRestart(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	receiver := harness.NewReceiver(t)
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "endpoint="+receiver.URL(), "auth_token=sesame")
	mc.OK("mb", "myminio/box")
	mc.OK("event", "add", "myminio/box", harness.WebhookARN("1"), "--event", "put")
	server.Kill()
	server.Restart()
	mc.OK("cp", write(t, "f", "hello"), "myminio/box/one")
	if d := receiver.WaitKey(t, "box/one"); d.Header.Get("Authorization") != "Bearer sesame" {
		t.Errorf("authorization %q", d.Header.Get("Authorization"))
	}
}

// TestConfigHelp: `config set` without a value prints the keys.
func TestConfigHelp(t *testing.T) {
	t.Parallel()
	mc := harness.NewMC(t).Alias("myminio", harness.Start(t, harness.Options{}))
	got := mc.OK("admin", "config", "set", "myminio", "notify_webhook")
	for _, want := range []string{"notify_webhook[:name]", "endpoint*", "auth_token", "queue_dir", "queue_limit", "client_cert", "client_key", "comment"} {
		if !strings.Contains(got, want) {
			t.Errorf("the help lacks %q:\n%s", want, got)
		}
	}
	got = mc.OK("admin", "config", "set", "myminio", "notify_webhook", "--env")
	for _, want := range []string{"MINIO_NOTIFY_WEBHOOK_ENABLE*", "MINIO_NOTIFY_WEBHOOK_ENDPOINT*", "MINIO_NOTIFY_WEBHOOK_QUEUE_DIR"} {
		if !strings.Contains(got, want) {
			t.Errorf("the help of variables lacks %q:\n%s", want, got)
		}
	}
}

// TestBadInput: a mistake is refused with its name, and nothing changes.
func TestBadInput(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:good", "endpoint="+receiver.URL())
	mc.OK("mb", "myminio/box")
	if harness.WebhookARN("good") != "arn:minio:sqs::good:webhook" {
		t.Fatal("the ARN is another")
	}
	server.Restarting(func() { mc.OK("--json", "admin", "service", "restart", "myminio") })
	mc.OK("event", "add", "myminio/box", harness.WebhookARN("good"), "--event", "put")
	file := write(t, "f", "hello")
	here := "endpoint=" + receiver.URL()

	tests := []struct {
		name string
		set  []string
		want []string
	}{
		{"unknown sub-system", []string{"notify_webhok:x", here}, []string{"notify_webhok", "notify_webhook"}},
		{"unknown key", []string{"notify_webhook:x", "endpont=http://h/x"}, []string{"endpont", "endpoint"}},
		{"unknown key beside a known one", []string{"notify_webhook:x", here, "queue_limt=5"}, []string{"queue_limt", "queue_limit"}},
		{"unknown key on a target that works", []string{"notify_webhook:good", "authtoken=x"}, []string{"authtoken", "auth_token"}},
		{"malformed URL", []string{"notify_webhook:x", "endpoint=http://[::1"}, []string{"endpoint"}},
		{"URL without a scheme", []string{"notify_webhook:x", "endpoint=localhost:3000/events"}, []string{"endpoint"}},
		{"URL of another scheme", []string{"notify_webhook:x", "endpoint=ftp://localhost/events"}, []string{"endpoint"}},
		{"relative queue_dir", []string{"notify_webhook:x", here, "queue_dir=relative/path"}, []string{"queue_dir"}},
		{"queue_dir that cannot be made", []string{"notify_webhook:x", here, "queue_dir=" + file + "/below"}, []string{"queue_dir"}},
		{"missing endpoint", []string{"notify_webhook:x", "queue_limit=5"}, []string{"endpoint"}},
		{"empty endpoint", []string{"notify_webhook:good", `endpoint=`}, []string{"endpoint"}},
		{"number that is none", []string{"notify_webhook:x", here, "queue_limit=many"}, []string{"queue_limit"}},
		{"switch that is none", []string{"notify_webhook:x", here, "enable=maybe"}, []string{"enable"}},
		{"certificate without key", []string{"notify_webhook:x", here, "client_cert=/tmp/c.pem"}, []string{"client_key"}},
		{"no key at all", []string{"notify_webhook:x", "hello=world"}, []string{"hello"}},
	}
	before := mc.OK("admin", "config", "export", "myminio")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mc.Refused(append([]string{"admin", "config", "set", "myminio"}, tt.set...)...)
			for _, want := range tt.want {
				if !strings.Contains(got[strings.LastIndex(got, "to server:")+1:], want) {
					t.Errorf("the message does not name %q: %s", want, got)
				}
			}
		})
	}
	if after := mc.OK("admin", "config", "export", "myminio"); after != before {
		t.Errorf("the configuration changed from\n%s\nto\n%s", before, after)
	}
	mc.OK("cp", file, "myminio/box/k")
	receiver.WaitKey(t, "box/k")
	mc.Refused("event", "add", "myminio/box", harness.WebhookARN("x"), "--event", "put")
	mc.Refused("event", "add", "myminio/missing", harness.WebhookARN("good"), "--event", "put")
	mc.Refused("admin", "config", "get", "myminio", "notify_nosuch")
	mc.Refused("alias", "set", "other", server.URL(), harness.RootUser, "wrong-password")
}

// TestUnreachableTargetIsAccepted: a target that does not answer now is stored,
// shown offline, and gets its events when it does.
func TestUnreachableTargetIsAccepted(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	receiver.Down()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "endpoint="+receiver.URL())
	if got := targetStates(t, mc)["1"]; got != "offline" {
		t.Errorf("the state is %q, want offline", got)
	}
	mc.OK("mb", "myminio/box")
	mc.OK("event", "add", "myminio/box", harness.WebhookARN("1"), "--event", "put")
	mc.OK("cp", write(t, "f", "hello"), "myminio/box/k")
	receiver.Up(t)
	receiver.WaitKey(t, "box/k")
}
