package guide

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/notification"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestLifecycleRules types the commands about lifecycle rules.
func TestLifecycleRules(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/docs")
	mc.Refused("ilm", "rule", "ls", "myminio/docs")
	mc.OK("ilm", "rule", "add", "--prefix", "tmp/", "--expire-days", "7", "myminio/docs")
	mc.OK("ilm", "rule", "add", "--tags", "a=b&c=d", "--size-gt", "1MiB", "--expire-days", "90", "--noncurrent-expire-days", "3", "--noncurrent-expire-newer", "2", "myminio/docs")
	mc.OK("ilm", "rule", "add", "--expire-delete-marker", "myminio/docs")
	mc.OK("ilm", "rule", "add", "--prefix", "all/", "--expire-days", "9", "--expire-all-object-versions", "myminio/docs")
	ids := ruleIDs(t, mc)
	if len(ids) != 4 {
		t.Fatalf("rules: %v", ids)
	}
	server.Kill()
	server.Restart()
	mc.OK("ilm", "rule", "edit", "--id", ids[0], "--expire-days", "8", "myminio/docs")
	mc.OK("ilm", "rule", "rm", "--id", ids[1], "myminio/docs")
	exported := mc.OK("ilm", "rule", "export", "myminio/docs")
	if got := ruleIDs(t, mc); len(got) != 3 || got[0] != ids[0] || !strings.Contains(exported, `"Days":8`) {
		t.Errorf("after edit and rm: %v, %s", got, exported)
	}
	if got := mc.OK("stat", "myminio/docs"); !strings.Contains(got, "ILM") {
		t.Errorf("mc stat: %s", got)
	}
	mc.OK("ilm", "rule", "rm", "--all", "--force", "myminio/docs")
	mc.Refused("ilm", "rule", "ls", "myminio/docs")
	if got := mc.RunInput(strings.NewReader(exported), "ilm", "rule", "import", "myminio/docs"); got.Code != 0 {
		t.Errorf("import: %s", got.Output())
	}
	if got := ruleIDs(t, mc); len(got) != 3 {
		t.Errorf("after import: %v", got)
	}
}

// ruleIDs are the rules that the client shows.
func ruleIDs(t *testing.T, mc *harness.MC) (ids []string) {
	t.Helper()
	var out struct {
		Config struct {
			Rules []struct{ ID string }
		} `json:"config"`
	}
	text := mc.OK("ilm", "rule", "ls", "--json", "myminio/docs")
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, r := range out.Config.Rules {
		ids = append(ids, r.ID)
	}
	return ids
}

// TestExpiry: with days that last a second objects go while one watches, and the
// events come as MinIO's do, or by Amazon's names for who asks for them.
func TestExpiry(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{Env: []string{"CARILLON_ILM_DAY=1s"}})
	mc := harness.NewMC(t).Alias("myminio", server)
	events, amazons := harness.NewReceiver(t), harness.NewReceiver(t)
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "endpoint="+events.URL())
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:2", "endpoint="+amazons.URL())
	mc.OK("mb", "myminio/docs")
	harness.SetRules(t, server.Client(t), "docs",
		harness.Rule{ARN: harness.WebhookARN("1"), Events: []notification.EventType{notification.ObjectRemovedAll}},
		harness.Rule{ARN: harness.WebhookARN("2"), Events: []notification.EventType{"s3:LifecycleExpiration:*"}})
	mc.OK("ilm", "rule", "add", "--prefix", "tmp/", "--expire-days", "1", "myminio/docs")
	mc.OK("cp", write(t, "stays.txt", "stays"), "myminio/docs/stays.txt")
	mc.OK("cp", write(t, "goes.txt", "goes"), "myminio/docs/tmp/goes.txt")

	got := events.WaitKey(t, "docs/tmp/goes.txt")
	if r := got.Records[0]; got.EventName != "s3:ObjectRemoved:Delete" || r.Source.UserAgent != "Internal: [ILM-Expiry]" ||
		!strings.Contains(string(got.Body), `"requestParameters":null`) {
		t.Errorf("event %s", got.Body)
	}
	if got := amazons.WaitKey(t, "docs/tmp/goes.txt"); got.EventName != "s3:LifecycleExpiration:Delete" {
		t.Errorf("event %s", got.Body)
	}
	mc.Refused("stat", "myminio/docs/tmp/goes.txt")

	// With versions a delete marker comes first, and goes once nothing is below it.
	mc.OK("version", "enable", "myminio/docs")
	mc.OK("ilm", "rule", "add", "--prefix", "old/", "--expire-days", "1", "--noncurrent-expire-days", "1", "myminio/docs")
	mc.OK("cp", write(t, "v.txt", "v"), "myminio/docs/old/v.txt")
	all := events.Wait(t, "marker, version and marker", func(all []harness.Delivery) bool { return len(all) >= 4 })
	for i, want := range []string{"s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:Delete"} {
		if all[i+1].EventName != want || all[i+1].Key != "docs/old/v.txt" {
			t.Errorf("event %d: %s", i+1, all[i+1].Body)
		}
	}
	if left := versions(t, mc, "myminio/docs"); len(left) != 1 || left[0].Key != "stays.txt" {
		t.Errorf("left: %+v", left)
	}
}

// TestExpirationIsTold: what the client shows of an object says when it goes.
func TestExpirationIsTold(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/docs")
	mc.OK("ilm", "rule", "add", "--prefix", "tmp/", "--expire-days", "7", "myminio/docs")
	rule := ruleIDs(t, mc)[0]
	mc.OK("cp", write(t, "x.txt", "x"), "myminio/docs/tmp/x.txt")
	mc.OK("cp", write(t, "x.txt", "x"), "myminio/docs/x.txt")
	info, err := server.Client(t).StatObject(t.Context(), "docs", "tmp/x.txt", minio.StatObjectOptions{})
	if err != nil || info.ExpirationRuleID != rule {
		t.Errorf("rule %q, %v; want %q", info.ExpirationRuleID, err, rule)
	}
	if in := info.Expiration.Sub(info.LastModified); info.Expiration.Truncate(24*time.Hour) != info.Expiration || in < 7*24*time.Hour || in > 8*24*time.Hour {
		t.Errorf("it expires %s, %s after %s", info.Expiration, in, info.LastModified)
	}
	if got := mc.OK("stat", "myminio/docs/tmp/x.txt"); !strings.Contains(got, "Expiration:") || !strings.Contains(got, rule) {
		t.Errorf("mc stat: %s", got)
	}
	mc.OK("ilm", "rule", "rm", "--all", "--force", "myminio/docs")
	if got := mc.OK("stat", "myminio/docs/tmp/x.txt"); strings.Contains(got, "xpir") {
		t.Errorf("without rules: %s", got)
	}
}
