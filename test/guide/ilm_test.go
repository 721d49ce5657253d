package guide

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestLifecycleRules types the commands about lifecycle rules. They are kept and
// shown; nothing expires by them yet.
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
