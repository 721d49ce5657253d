package guide

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// historyOf returns the ids of what was set, oldest first, by the text that mc
// shows.
func historyOf(t *testing.T, mc *harness.MC, more ...string) (ids, texts []string) {
	t.Helper()
	var out struct {
		Entries []struct{ RestoreID, Targets string }
	}
	text := mc.OK(append([]string{"--json", "admin", "config", "history", "myminio"}, more...)...)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("mc prints %q: %v", text, err)
	}
	for _, e := range out.Entries {
		ids, texts = append(ids, e.RestoreID), append(texts, e.Targets)
	}
	return ids, texts
}

// TestConfigExportAndImport: an export is a whole that another server takes,
// with what it does not have left out.
func TestConfigExportAndImport(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	first, second := harness.Start(t, harness.Options{}), harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", first).Alias("other", second)
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "endpoint="+receiver.URL(), "auth_token=sesame", "comment=of two words")
	export := mc.OK("admin", "config", "export", "myminio")
	if !strings.Contains(export, "notify_webhook:1 endpoint="+receiver.URL()+" auth_token=sesame ") || !strings.Contains(export, `comment="of two words"`) {
		t.Fatalf("the export is %s", export)
	}
	// A real server's export has sub-systems that we do not have.
	foreign := "api requests_max=0 cors_allow_origin=*\nstorage_class standard= rrs=EC:1\n" + export
	if r := mc.RunInput(strings.NewReader(foreign), "admin", "config", "import", "other"); r.Code != 0 {
		t.Fatalf("the import: %s", r.Output())
	}
	second.Output.WaitFor(t, "storage_class")
	if got := mc.OK("admin", "config", "export", "other"); got != export {
		t.Errorf("the other server exports\n%s\nwant\n%s", got, export)
	}
	mc.OK("mb", "other/box")
	mc.OK("event", "add", "other/box", harness.WebhookARN("1"), "--event", "put")
	mc.OK("cp", write(t, "f", "hello"), "other/box/k")
	if d := receiver.WaitKey(t, "box/k"); d.Header.Get("Authorization") != "Bearer sesame" {
		t.Errorf("authorization %q", d.Header.Get("Authorization"))
	}
	if r := mc.RunInput(strings.NewReader("notify_webhook:1 endpont=x\n"), "admin", "config", "import", "other"); r.Code == 0 {
		t.Error("an import with a mistake passed")
	}
	if got := mc.OK("admin", "config", "export", "other"); got != export {
		t.Errorf("an import that was refused changed the settings to\n%s", got)
	}
}

// TestConfigHistory: what was set can be seen, set again and forgotten.
func TestConfigHistory(t *testing.T) {
	t.Parallel()
	before, after := harness.NewReceiver(t), harness.NewReceiver(t)
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	for _, r := range []*harness.Receiver{before, after} {
		mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "endpoint="+r.URL())
	}
	mc.OK("mb", "myminio/box")
	mc.OK("event", "add", "myminio/box", harness.WebhookARN("1"), "--event", "put")
	file := write(t, "f", "hello")
	mc.OK("cp", file, "myminio/box/one")
	after.WaitKey(t, "box/one")

	server.Terminate()
	server.Restart()
	ids, texts := historyOf(t, mc)
	if len(ids) != 2 || !strings.Contains(texts[0], before.URL()) || !strings.Contains(texts[1], after.URL()) {
		t.Fatalf("the history is %q", texts)
	}
	if last, _ := historyOf(t, mc, "-n", "1"); len(last) != 1 || last[0] != ids[1] {
		t.Errorf("the last of it is %v, want %s", last, ids[1])
	}
	if got := mc.OK("admin", "config", "history", "myminio"); !strings.Contains(got, "RestoreId: "+ids[0]) {
		t.Errorf("mc prints %s", got)
	}
	mc.OK("admin", "config", "restore", "myminio", ids[0])
	mc.OK("cp", file, "myminio/box/two")
	before.WaitKey(t, "box/two")
	mc.Refused("admin", "config", "restore", "myminio", "nosuch")

	mc.OK("admin", "config", "history", "myminio", "--clear")
	if left, _ := historyOf(t, mc); len(left) != 0 {
		t.Errorf("after clearing it holds %v", left)
	}
	mc.Refused("admin", "config", "restore", "myminio", ids[0])
	mc.OK("cp", file, "myminio/box/three")
	before.WaitKey(t, "box/three")
}
