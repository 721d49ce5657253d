package events

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestParkedEventIsRetried: an event that is refused is parked and listed; once
// the receiver is mended it is sent again, with its id, marked, and once.
func TestParkedEventIsRetried(t *testing.T) {
	t.Parallel()
	server, receiver := start(t)
	client := server.Client(t)
	receiver.Behave(harness.StatusForKey(bucket+"/poison", http.StatusBadRequest))
	harness.MakeBucket(t, client, bucket, rule())
	harness.Put(t, client, bucket, "poison", []byte("v"))
	harness.Put(t, client, bucket, "fine", []byte("v"))
	receiver.WaitKey(t, bucket+"/fine")
	server.Output.Wait(t, "the event to be parked", func(text string) bool { return strings.Contains(text, "event parked") })

	parked := lines(t, server, "parked", target)
	if len(parked) != 1 || parked[0].Key != "poison" || !strings.Contains(parked[0].Reason, "400") || parked[0].Record.S3.Object.Size != 1 {
		t.Fatalf("parked: %+v", parked)
	}
	id := parked[0].ID
	for _, want := range []string{target, "online"} {
		if table := ok(t, server, "ls"); !strings.Contains(table, want) {
			t.Errorf("the table of targets lacks %q:\n%s", want, table)
		}
	}
	if table := ok(t, server, "parked", target, "--reason", "bad request", "--from", "1h"); !strings.Contains(table, id) {
		t.Errorf("the table of parked events lacks %s:\n%s", id, table)
	}
	// Also after a restart.
	server.Kill()
	server.Restart()
	refused := len(receiver.Deliveries())
	receiver.Behave(harness.Accept)
	if r := cli(t, server, "retry", target); r.Code != 2 {
		t.Errorf("a retry of nothing in particular: exit code %d\n%s", r.Code, r.Output())
	}
	if got := lines(t, server, "retry", target, id); len(got) != 1 || got[0].Count != 1 {
		t.Errorf("retried: %+v", got)
	}
	d := receiver.WaitKey(t, bucket+"/poison")
	if d.ID != id || !marked(d, "replay") {
		t.Errorf("delivered %s, marked %v: %s", d.ID, marked(d, "replay"), d.Body)
	}
	harness.Put(t, client, bucket, "later", []byte("v"))
	receiver.WaitKey(t, bucket+"/later")
	n := 0
	for _, d := range receiver.Deliveries()[refused:] {
		if d.ID == id {
			n++
		}
	}
	if n != 1 {
		t.Errorf("it was sent %d times", n)
	}
	if left := lines(t, server, "parked", target); len(left) != 0 {
		t.Errorf("parked still: %+v", left)
	}
	if r := cli(t, server, "retry", target, id); r.Code != 1 || !strings.Contains(r.Stderr, "not parked") {
		t.Errorf("retried once more: exit code %d\n%s", r.Code, r.Output())
	}
}

// TestDrop: what an operator drops is gone for good, and only with a word.
func TestDrop(t *testing.T) {
	t.Parallel()
	server, receiver := start(t)
	client := server.Client(t)
	receiver.Behave(harness.StatusForKey(bucket+"/poison", http.StatusBadRequest))
	harness.MakeBucket(t, client, bucket, rule())
	harness.Put(t, client, bucket, "poison", []byte("v"))
	server.Output.Wait(t, "the event to be parked", func(text string) bool { return strings.Contains(text, "event parked") })
	if r := cli(t, server, "drop", target, "parked", "--all"); r.Code != 2 || !strings.Contains(r.Stderr, "--yes") {
		t.Errorf("without --yes: exit code %d\n%s", r.Code, r.Output())
	}
	if got := lines(t, server, "drop", target, "parked", "--all", "--yes"); len(got) != 1 || got[0].Count != 1 {
		t.Errorf("dropped: %+v", got)
	}
	if left := lines(t, server, "parked", target); len(left) != 0 {
		t.Errorf("parked still: %+v", left)
	}
	// A target that is not configured any more keeps its events, until they are
	// dropped.
	receiver.Down()
	harness.PutMany(t, client, bucket, "k", 20)
	server.Terminate()
	server.Restart("MINIO_NOTIFY_WEBHOOK_ENABLE_1=off")
	if waiting := lines(t, server, "ls", target); len(waiting) != 20 {
		t.Errorf("%d events wait, want 20", len(waiting))
	}
	if got := lines(t, server, "drop", target, "backlog", "--yes"); len(got) != 1 || got[0].Count != 20 {
		t.Errorf("dropped: %+v", got)
	}
	for _, l := range lines(t, server, "ls") {
		if l.Backlog != 0 || l.Parked != 0 {
			t.Errorf("left: %+v", l)
		}
	}
	server.Terminate()
	server.Restart("MINIO_NOTIFY_WEBHOOK_ENABLE_1=on")
	receiver.Up(t)
	harness.Put(t, server.Client(t), bucket, "new", []byte("v"))
	receiver.WaitKey(t, bucket+"/new")
	if slices.ContainsFunc(receiver.Accepted(), func(d harness.Delivery) bool { return d.Key != bucket+"/new" }) {
		t.Error("a dropped event was delivered")
	}
}

// TestGapsAreFilled: events dropped at queue_limit are listed, and delivered
// after all.
func TestGapsAreFilled(t *testing.T) {
	t.Parallel()
	server, receiver := start(t, "QUEUE_LIMIT", "10")
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, rule())
	receiver.Down()
	keys := harness.PutMany(t, client, bucket, "k", 30)
	gaps := lines(t, server, "gaps", target)
	if len(gaps) != 20 {
		t.Fatalf("%d gaps, want 20", len(gaps))
	}
	if r := cli(t, server, "fill", target, "--all", "--no-wait"); r.Code != 4 {
		t.Errorf("into a full backlog: exit code %d\n%s", r.Code, r.Output())
	}
	receiver.Up(t)
	if got := lines(t, server, "fill", target, "--all"); len(got) != 1 || got[0].Count != 20 || got[0].Gone != 0 {
		t.Errorf("filled: %+v", got)
	}
	receiver.WaitKeys(t, keys)
	if left := lines(t, server, "gaps", target); len(left) != 0 {
		t.Errorf("gaps still: %+v", left)
	}
}

// TestCommandsAboutEventsFailPlainly: wrong credentials, no server, no target.
func TestCommandsAboutEventsFailPlainly(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"wrong password":   {[]string{"ls", "--secret-key", "wrong-password"}, 1, "SignatureDoesNotMatch"},
		"no server":        {[]string{"ls", "--url", "http://127.0.0.1:1"}, 1, "refused"},
		"no URL":           {[]string{"ls", "--url", "127.0.0.1:1"}, 2, "http://"},
		"no such target":   {[]string{"parked", "2:webhook"}, 1, "NoSuchTarget"},
		"malformed target": {[]string{"retry", "webhook", "--all"}, 1, "id:type"},
		"malformed time":   {[]string{"replay", target, "--from", "yesterday"}, 2, "90m"},
		"no range":         {[]string{"replay", target}, 1, "from"},
		"no such bucket":   {[]string{"backfill", target, "nope"}, 1, "NoSuchBucket"},
		"nothing to drop":  {[]string{"drop", target, "everything", "--yes"}, 2, "backlog"},
		"listen to none":   {[]string{"listen", "nope"}, 1, "NoSuchBucket"},
	} {
		t.Run(name, func(t *testing.T) {
			r := cli(t, server, tt.args...)
			if r.Code != tt.code || !strings.Contains(r.Stderr, tt.want) {
				t.Errorf("exit code %d, want %d with %q:\n%s", r.Code, tt.code, tt.want, r.Output())
			}
		})
	}
	if out := ok(t, server, "check", target); !strings.Contains(out, "can be reached") {
		t.Error(out)
	}
}
