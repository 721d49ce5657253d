package outage

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestRefusedEventIsParked: an event that is refused for good is set aside,
// with a line of log, and blocks neither other keys nor the later events of its
// own.
func TestRefusedEventIsParked(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	poison := bucket + "/poison"
	receiver.Behave(func(d harness.Delivery) harness.Reply {
		if d.Key == poison && d.Records[0].S3.Object.Size == int64(len("poison")) {
			return harness.Reply{Status: http.StatusBadRequest}
		}
		return harness.Reply{}
	})
	server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("1"))
	harness.Put(t, client, bucket, "poison", []byte("poison"))
	receiver.Wait(t, "the first attempt", func(all []harness.Delivery) bool { return len(all) > 0 })
	harness.Put(t, client, bucket, "poison", []byte("a cure"+strings.Repeat("!", 10)))
	keys := harness.PutMany(t, client, bucket, "k", 50)
	receiver.WaitKeys(t, keys)
	cure := receiver.WaitKey(t, poison)
	server.Output.Wait(t, "a line that says what was parked", func(text string) bool {
		return slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
			return strings.Contains(line, "parked") && strings.Contains(line, "poison") && strings.Contains(line, "400")
		})
	})
	attempts, ids := 0, make(map[string]bool)
	for _, d := range receiver.Deliveries() {
		if d.Key == poison && d.Status == http.StatusBadRequest {
			attempts++
			ids[d.ID] = true
		}
		if d.Number > cure.Number && d.Key == poison && d.Status == http.StatusBadRequest {
			t.Error("the refused event was tried again after a later one of its key was delivered")
		}
	}
	const wantAttempts = 3
	if attempts != wantAttempts || len(ids) != 1 {
		t.Errorf("%d attempts with %d ids, want %d attempts with one", attempts, len(ids), wantAttempts)
	}
	// Parked is parked, also after a restart.
	server.Terminate()
	server.Restart()
	receiver.WaitKeys(t, harness.PutMany(t, server.Client(t), bucket, "later", 10))
	for _, d := range receiver.Deliveries() {
		if d.Number > cure.Number && d.Key == poison && d.Status == http.StatusBadRequest {
			t.Error("the parked event came back after a restart")
		}
	}
}

// TestFailingKeyBlocksNoOther: a key whose events fail, while others succeed, is
// retried beside them and arrives, in order, when it can.
func TestFailingKeyBlocksNoOther(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	stuck := bucket + "/stuck"
	receiver.Behave(harness.StatusForKey(stuck, http.StatusInternalServerError))
	server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("1"))
	const versions = 5
	var keys []string
	for i := range versions {
		harness.Put(t, client, bucket, "stuck", fmt.Appendf(nil, "version %d", i))
		keys = append(keys, harness.PutMany(t, client, bucket, fmt.Sprintf("k%d", i), 40)...)
	}
	receiver.WaitKeys(t, keys)
	receiver.Behave(harness.Accept)
	got := receiver.Wait(t, "the events of the key that failed", func(all []harness.Delivery) bool {
		return len(firstAccepted(all, stuck)) == versions
	})
	if !inOrder(firstAccepted(got, stuck)) {
		t.Error("the events of the key that failed were acknowledged out of order")
	}
}

// TestCostlyRule: matching is linear, whatever the rule.
func TestCostlyRule(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
	client := server.Client(t)
	rule := all("1")
	rule.Prefix = "a*a*a*a*a*b"
	harness.MakeBucket(t, client, bucket, rule)
	harness.Put(t, client, bucket, strings.Repeat("a", 200), []byte("x"))
	harness.Put(t, client, bucket, "a1a2a3a4a5b/matches", []byte("x"))
	receiver.WaitKey(t, bucket+"/a1a2a3a4a5b/matches")
	if n := len(receiver.Deliveries()); n != 1 {
		t.Errorf("%d events, want that of the key that matches", n)
	}
}
